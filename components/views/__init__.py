"""Pages of the components' room, one file a noun."""
