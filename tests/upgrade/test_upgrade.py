"""The newest dump of each database, upgraded to today's tables: pages answer, secrets open, the audit is whole."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.upgrade.surroundings import newest, run, variables
from tests.whole.rows import database_beside


def check_upgrade(data: Path, database_url: str = "") -> None:
    """Migrates and reads."""
    environment = variables(data, database_url)
    run("manage.py", "migrate", "--noinput", "--verbosity", "0", environment=environment)
    found = json.loads(run("-m", "tests.upgrade.read_pages", environment=environment))
    assert {address: status for address, status in found["statuses"].items() if status != 200} == {}
    assert found["orders"] > 5
    assert found["secrets"]
    assert all(found["secrets"])


def test_a_dump_of_sqlite_is_upgraded(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "prism4k.sqlite3")) as connection:
        connection.executescript(gzip.decompress(newest("sqlite").read_bytes()).decode())
    check_upgrade(tmp_path)


@pytest.mark.scale
def test_a_dump_of_postgresql_is_upgraded(tmp_path: Path) -> None:
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        pytest.fail("This test wants PostgreSQL: python -m tests.scale.services .venv/bin/python -m pytest -m scale")
    with database_beside(url, f"upgrade_{secrets.token_hex(4)}") as beside:
        with closing(psycopg2.connect(beside)) as connection:
            connection.cursor().execute(gzip.decompress(newest("postgresql").read_bytes()).decode())
            connection.commit()
        check_upgrade(tmp_path, beside)
