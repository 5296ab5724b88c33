"""A stand-in Git server: bare repositories of one folder, read-only over HTTP by ``git http-backend``."""
