"""Everything here runs on PostgreSQL and Redis; fixtures of the apps whose tests are run again here."""

from __future__ import annotations

import os

import pytest

from tests.foundation.conftest import shared_database, start
from tests.releases.concurrency.conftest import component
from tests.whole.conftest import bare_product, full_product, own_database

__all__ = [
    "bare_product",
    "component",
    "full_product",
    "own_database",
    "shared_database",
    "start",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "scale":
            item.add_marker(pytest.mark.scale)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session", autouse=True)
def on_postgresql_and_redis() -> None:
    """A run of these tests on anything else would prove nothing."""
    asked = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "BROKER_URL", "CHANNEL_URL")}
    if not (asked["DATABASE_URL"].startswith("postgres") and asked["BROKER_URL"].startswith("redis")):
        pytest.fail(
            "These tests want PostgreSQL and Redis: python -m tests.scale.services .venv/bin/python -m pytest -m scale"
        )
