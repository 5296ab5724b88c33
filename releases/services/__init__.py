"""What people do with orders: every verb of pages and API, one file a noun. Rights first, then gates, then rows."""
