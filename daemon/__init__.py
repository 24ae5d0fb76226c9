"""A reviewer for Notion documents: finds changed pages, reviews them, answers people."""
