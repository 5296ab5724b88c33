"""A slow host beside a database with a clock of its own: the same cases as on SQLite."""

from tests.releases.test_slow_clock import *  # noqa: F403
