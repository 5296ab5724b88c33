"""The shape of an installation: PostgreSQL, Redis, several processes of each kind (``make test-scale``)."""
