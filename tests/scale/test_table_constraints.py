"""The tables' constraints on PostgreSQL: the same cases as on SQLite."""

# ruff: noqa: F403
from tests.prism4k.test_table_constraints import *
