"""The console: pages on this machine that show what was done and why, and what waits for people."""
