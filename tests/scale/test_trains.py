"""Trains while workers and watchers die, on PostgreSQL and Redis: the same cases as on SQLite."""

# ruff: noqa: F403
from tests.whole.test_trains import *
