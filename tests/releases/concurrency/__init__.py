"""People and processes at the same rows at the same moment; tests/scale runs the same files on PostgreSQL."""
