"""One pass over each kind of run: read outside, write what was seen, say when to pass again."""
