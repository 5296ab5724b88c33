"""Pages of trains."""
