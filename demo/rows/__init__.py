"""Rows of the demo. What exists is kept as people left it; only addresses and credentials follow the other sides."""
