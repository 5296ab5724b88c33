"""The engine's parts for tests: probe runs, and databases that other processes can open."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from audit.testing import audit_rows_can_be_emptied
from foundation.runs import kinds
from foundation.runs.engine import Lease, claim, owner
from tests.foundation.probe.models import ProbeRun

__all__ = ["audit_rows_can_be_emptied"]

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


def take(pk: int, *, grace: float = 0.0) -> Lease:
    """The lease of one probe run, which must be due."""
    (lease,) = claim(kinds.get("probe"), owner=owner(), limit=1, pk=pk, grace=grace)
    return lease


def make_due(pk: int) -> None:
    """Skips a pause."""
    ProbeRun.objects.filter(pk=pk).update(next_at=Now())


@pytest.fixture
def shared_database(transactional_db: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A database with the tables of the test database that other processes can open; yields their environment."""
    environment = dict(os.environ, RUN_LEASE_SECONDS="3", LOG_LEVEL="INFO")
    if connection.vendor != "sqlite":
        options = connection.settings_dict
        place = f"{options['HOST']}:{options['PORT']}" if options["PORT"] else options["HOST"]
        secret = f"{options['USER']}:{options['PASSWORD']}" if options["PASSWORD"] else options["USER"]
        yield environment | {"DATABASE_URL": f"postgres://{secret}@{place}/{options['NAME']}"}
        return
    file = tmp_path / "shared.sqlite3"
    name, memory = connection.settings_dict["NAME"], connection.connection
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(file)])
    connection.connection = None
    connection.settings_dict["NAME"] = str(file)
    try:
        yield environment | {"DATABASE_URL": f"sqlite:///{file}"}
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name
        connection.connection = memory


@pytest.fixture
def start(shared_database: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts Python programs on the shared database, each with its PRISM4K_PROCESS; kills what is left at the end."""
    running: list[subprocess.Popen[str]] = []

    def start_one(*arguments: str, process: str, **variables: str) -> subprocess.Popen[str]:
        environment: dict[str, Any] = {**shared_database, "PRISM4K_PROCESS": process, **variables}
        log = (tmp_path / f"{process.replace('/', '-')}.log").open("a")
        child = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=log
        )
        running.append(child)
        return child

    yield start_one
    for child in running:
        if child.poll() is None:
            child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()
