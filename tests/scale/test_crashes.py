"""SIGKILL of workers and watchers, on PostgreSQL and Redis: the same cases as on SQLite."""

# ruff: noqa: F403
from tests.whole.test_crashes import *
