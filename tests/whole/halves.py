"""Cases that take a product of their own are shared out: each database has its half, ``FULL=1`` runs all on both."""

from __future__ import annotations

import os

import pytest

IS_FULL = bool(os.environ.get("FULL"))
IS_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")
on_sqlite = pytest.mark.skipif(IS_POSTGRESQL and not IS_FULL, reason="on PostgreSQL with FULL=1; make faults has it")
on_postgresql = pytest.mark.skipif(
    not IS_POSTGRESQL and not IS_FULL, reason="on SQLite with FULL=1; make test-scale has it"
)
