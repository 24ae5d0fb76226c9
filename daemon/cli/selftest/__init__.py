"""Hostile documents, a model that obeys them, and a judge of what got through.

Nothing here trusts the defences: the judge has rules of its own, and looks at what stands in the
embedded Notion afterwards, at what was asked of it, and at what the model was given to read.
"""
