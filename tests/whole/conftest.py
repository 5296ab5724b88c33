"""An installation on whichever database the tests run: a file of SQLite, or a database beside the tests' own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.whole.prepared import prepared_database
from tests.whole.product import Product, running
from tests.whole.rows import database_beside

SHORT_LEASE = 4.0


@contextmanager
def new_database() -> Iterator[dict[str, str]]:
    """The variables of a database with our tables, and nothing in them, for one product."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield {}
        return
    with database_beside(url, f"whole_{secrets.token_hex(4)}", like=prepared_database(url)) as beside:
        yield {"DATABASE_URL": beside}


@pytest.fixture(scope="module")
def own_database() -> Iterator[dict[str, str]]:
    """A database for the products of one module."""
    with new_database() as variables:
        yield variables


@pytest.fixture(scope="module")
def bare_product(own_database: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A web process and the stand-ins; workers are started, and killed, by the tests."""
    variables = {**own_database, "RUN_LEASE_SECONDS": str(SHORT_LEASE)}
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("bare")
        yield stack.enter_context(running(Product(folder, workers=0, watchers=0, **variables)))


@pytest.fixture(scope="module")
def full_product(own_database: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Two of everything under one supervisor."""
    folder = tmp_path_factory.mktemp("full")
    with running(Product(folder, webs=2, workers=2, watchers=2, **own_database)) as product:
        yield product
