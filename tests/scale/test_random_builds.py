"""Builds under random faults and SIGKILL, on PostgreSQL and Redis: the odd schedules."""

# ruff: noqa: F403
from tests.whole.test_random_builds import *
