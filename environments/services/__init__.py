"""What people do to places and rights, one file a noun."""
