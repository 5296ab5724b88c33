"""Pages of the components app, one file a noun."""
