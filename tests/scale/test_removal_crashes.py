"""Workers killed while something is removed, on PostgreSQL and Redis: the same cases as on SQLite."""

# ruff: noqa: F403
from tests.whole.test_removal_crashes import *
