"""A pytest plugin: ``pytest_plugins = ["audit.testing"]`` lets test databases be emptied between cases.

Most tests run in a transaction that is rolled back, with the triggers in place. Those that commit end with a flush
(DELETE or TRUNCATE of every table); only then, and only there, the triggers are lifted. The flush puts them back,
because Django sends post_migrate after it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from audit.triggers import remove

_COMMITTING = {"transactional_db", "live_server", "django_db_reset_sequences", "django_db_serialized_rollback"}


@pytest.fixture(autouse=True)
def audit_rows_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lifts the append-only triggers after each test that commits, before its database is emptied."""
    marker = request.node.get_closest_marker("django_db")
    commits = bool(_COMMITTING & set(request.fixturenames)) or bool(marker and marker.kwargs.get("transaction"))
    if not commits:
        yield
        return
    # Asked for here, so that it is torn down (the flush) after us.
    request.getfixturevalue("transactional_db")
    yield
    # A query that a task left half read, and that only garbage holds, keeps the tables of a database in memory locked.
    gc.collect()
    remove()
