"""Forms of places and rights, one file a noun. They only read what was typed; services judge it."""
