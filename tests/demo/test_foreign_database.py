"""The demo's rows, and with them a known administrator, go into an empty database or the demo's own, nowhere else."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts.models import User
from audit.models import AuditEvent
from demo import world
from demo.database import ForeignDatabase, mark_as_demo, require_demo_or_empty
from demo.management.commands import up
from environments.models import Membership
from foundation.models import Installation
from tests.cast import World
from tests.site import database_file


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("CLUSTER", "JENKINS_URL", "REGISTRY", "BUILDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path


def load_rows() -> None:
    call_command("demo_data", verbosity=0)


def serve() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    call_command(up.Command(), stand_ins=True, port=port, verbosity=0)


@pytest.mark.parametrize("start", [load_rows, serve])
def test_a_database_with_people_is_refused_and_stays_as_it_is(
    world: World, data: Path, start: Callable[[], None]
) -> None:
    before = User.objects.count(), Membership.objects.count(), AuditEvent.objects.count()

    with pytest.raises(CommandError, match=r"into an empty database only.*nothing was changed"):
        start()

    assert (User.objects.count(), Membership.objects.count(), AuditEvent.objects.count()) == before
    assert not Installation.objects.filter(is_demo=True).exists()
    assert not (data / "sandbox").exists()


@pytest.mark.parametrize("start", [load_rows, serve])
def test_another_programs_database_is_refused_before_it_is_migrated(
    data: Path, tmp_path: Path, django_db_blocker: Any, start: Callable[[], None]
) -> None:
    file = tmp_path / "other.sqlite3"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE auth_user (id integer)")
    with django_db_blocker.unblock(), database_file(file):
        with pytest.raises(CommandError, match="tables of another program, such as auth_user"):
            start()
        assert connection.introspection.table_names() == ["auth_user"]


def test_an_empty_database_may_have_no_tables_at_all(data: Path, tmp_path: Path, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), database_file(tmp_path / "new.sqlite3"):
        require_demo_or_empty()


@pytest.mark.django_db
def test_the_marker_is_written_into_an_empty_database_and_lets_the_next_load_in() -> None:
    mark_as_demo()
    User.objects.create(username=world.DEVELOPER)

    mark_as_demo()
    require_demo_or_empty()

    assert Installation.objects.get().is_demo


@pytest.mark.django_db
def test_a_platform_that_people_began_to_set_up_is_not_empty() -> None:
    Installation.objects.all().delete()
    User.objects.create(username="root")

    with pytest.raises(ForeignDatabase, match="users that the demo did not make"):
        mark_as_demo()
