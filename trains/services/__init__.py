"""What people do with trains."""
