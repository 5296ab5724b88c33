"""One pass over each kind of run: look outside, write what was seen, say when to look again."""
