"""Migrations stand alone, and a database that another version made is refused before anything is changed."""

from __future__ import annotations

import ast
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Index, TextField, UniqueConstraint
from django.test import Client

from foundation.management.commands.makemigrations import fold
from tests.site import database_file

OLD = ("releases", "0005_sentences_in_parts")


def migration_files() -> list[Path]:
    ours = [Path(app.path) for app in apps.get_app_configs() if Path(app.path).is_relative_to(settings.BASE_DIR)]
    outside = [path for path in ours if ".venv" not in path.parts and "tests" not in path.parts]
    return sorted(file for path in outside for file in path.glob("migrations/0*.py"))


def imported(file: Path) -> set[str]:
    """The first part of every module that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            found.add((node.module or "").partition(".")[0])
    return found


def test_migrations_import_nothing_of_the_product() -> None:
    files = migration_files()
    assert len(files) >= 6
    for file in files:
        assert imported(file) <= {"django", "datetime", "uuid"}, file


@pytest.fixture
def old_database(tmp_path: Path) -> Path:
    """A database that has had a migration which is gone, and one table of its own."""
    file = tmp_path / "old.sqlite3"
    with sqlite3.connect(file) as database:
        database.execute(
            "CREATE TABLE django_migrations "
            "(id integer PRIMARY KEY, app varchar(255), name varchar(255), applied datetime)"
        )
        rows = [("releases", "0001_initial"), OLD]
        database.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, '2026-11-01')", rows)
        database.execute("CREATE TABLE releases_releaseorder (id integer PRIMARY KEY)")
    database.close()
    return file


def tables(file: Path) -> list[str]:
    with sqlite3.connect(file) as database:
        found = [str(row[0]) for row in database.execute("SELECT sql FROM sqlite_master ORDER BY name")]
    database.close()
    return found


@pytest.mark.parametrize(("command", "options"), [("migrate", {"skip_checks": False}), ("up", {})])
def test_a_database_of_another_version_is_refused_and_stays_as_it_is(
    old_database: Path, django_db_blocker: Any, command: str, options: dict[str, bool]
) -> None:
    before = tables(old_database)
    with django_db_blocker.unblock(), database_file(old_database), pytest.raises(CommandError) as caught:
        call_command(command, **options)
    assert "releases.0005_sentences_in_parts" in str(caught.value)
    assert "start with an empty database" in str(caught.value)
    assert tables(old_database) == before


@pytest.mark.django_db
def test_readyz_names_the_migration_that_is_unknown(client: Client) -> None:
    assert client.get("/readyz").status_code == 200
    MigrationRecorder(connection).record_applied(*OLD)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "releases.0005_sentences_in_parts" in answer.json()["checks"]["migrations"]
    assert "empty database" in answer.json()["checks"]["migrations"]


def test_constraints_and_indexes_are_written_into_the_model_that_is_made() -> None:
    file = Path(settings.BASE_DIR) / "notifications/migrations/0001_initial.py"
    assert "AddConstraint" not in file.read_text(encoding="utf-8")
    unique, index = UniqueConstraint(fields=["a"], name="u"), Index(fields=["a"], name="i")
    made = fold(
        [
            CreateModel("Whole", fields=[]), CreateModel("Grown", fields=[]), AddField("grown", "a", TextField()),
            AddConstraint("whole", unique), AddIndex("whole", index), AddConstraint("grown", unique),
        ]
    )  # fmt: skip
    assert [type(one).__name__ for one in made] == ["CreateModel", "CreateModel", "AddField", "AddConstraint"]
    assert made[0].options == {"constraints": [unique], "indexes": [index]} and made[1].options == {}
