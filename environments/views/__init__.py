"""Pages of the places' room, one file a noun."""
