"""Pages of the environments app, one file a noun."""
