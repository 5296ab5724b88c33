"""Who runs which pass, on PostgreSQL and Redis: the same cases as on SQLite."""

# ruff: noqa: F403
from tests.whole.test_who_runs_what import *
