"""Commands: each that changes something, or shows everything, leaves a row in the audit."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.test import Client
from django.urls import reverse

from accounts.services import create_token
from audit.models import AuditEvent
from environments.models import Membership
from prism4k.command_line import RECORDED, SERVING
from tests.cast import World, browse

ROOT = Path(__file__).parents[2]
OWN_ROWS = {
    "after_restore", "audit_export", "changepassword", "confirm_rule_change", "createsuperuser", "first_admin",
    "jenkins_job", "rotate_secrets",
}  # fmt: skip
"""Ours, each with a test of its row beside its own."""
ONLY_READ = {
    "audit_check_export", "audit_verify", "axes_list_attempts", "check", "diffsettings", "findstatic",
    "generateschema", "inspectdb", "placements", "sendtestemail", "showmigrations", "spectacular", "sqlflush",
    "sqlmigrate", "sqlsequencereset",
}  # fmt: skip
NO_ROWS_OF_PEOPLE = {
    # Files of the source.
    "collectstatic", "compilemessages", "makemessages", "makemigrations", "optimizemigration", "squashmigrations",
    "startapp", "startproject",
    # Tables: what a version needs is the same for everybody, and before them there is no audit.
    "createcachetable", "migrate", "remove_stale_contenttypes",
    # Sessions that are over; a database of tests.
    "clearsessions", "test", "testserver",
}  # fmt: skip


def test_of_each_command_somebody_has_said_whether_it_is_recorded() -> None:
    """A new one, of ours or of a package, fails here until it stands in one of the tables."""
    tables = (OWN_ROWS, ONLY_READ, NO_ROWS_OF_PEOPLE, RECORDED, SERVING)
    known = [name for table in tables for name in table]
    assert len(known) == len(set(known))
    assert {name for name, app in get_commands().items() if app not in ("demo", "sandbox")} == set(known)


# ---------------------------------------------------------------- a shell
def shell(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PRISM4K_", "DATABASE_", "DJANGO_"))
    }  # fmt: skip
    environment |= {"PRISM4K_DATA_DIR": str(folder), "DEBUG": "1"}
    command = [sys.executable, "manage.py", *argv]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def events(folder: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(folder / "prism4k.sqlite3") as database:
        query = "SELECT actor_id, object_name, after, address FROM audit_auditevent WHERE verb = 'platform.command_run'"
        return list(database.execute(query))


@pytest.mark.slow
def test_a_command_of_another_package_is_recorded_with_what_it_was_given(tmp_path: Path) -> None:
    away = shell(tmp_path, "axes_reset_username", "dana")
    assert "could not be recorded" in away.stderr, "before migrate there is no audit, and it is told"
    assert shell(tmp_path, "migrate", "--verbosity", "0").returncode == 0
    assert shell(tmp_path, "axes_reset_username", "--help").returncode == 0
    assert events(tmp_path) == [], "nothing was done"
    assert shell(tmp_path, "axes_reset_username", "dana").returncode == 0
    ((actor, name, after, address),) = events(tmp_path)
    assert (actor, name) == ("platform", "axes_reset_username") and address.startswith("shell:")
    assert after == '{"arguments":["dana"],"command":"axes_reset_username"}'


# ---------------------------------------------------------------- a password
@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("seven quiet herons\n")
    return path


def test_a_password_set_in_a_shell_ends_what_was_open_and_is_recorded(world: World, password_file: Path) -> None:
    _row, text = create_token(actor=world.ada, name="t", scopes=["read"], lifetime=timedelta(days=1))
    browser, program = browse(world, "ada"), Client(headers={"Authorization": f"Token {text}"})
    assert (browser.get("/clusters/").status_code, program.get("/api/v1/me/").status_code) == (200, 200)
    call_command("changepassword", "ada", reason="on holiday", password_file=password_file)
    assert (browser.get("/clusters/").status_code, program.get("/api/v1/me/").status_code) == (302, 401)
    event = AuditEvent.objects.get(verb="person.password_set")
    assert (event.actor_id, event.object_name, event.reason) == ("platform", "ada", "on holiday")
    world.ada.refresh_from_db()
    assert world.ada.must_change_password and world.ada.check_password("seven quiet herons")
    again = browse(world, "ada")
    assert "Prism4k set your password" in again.get(reverse("accounts:settings")).content.decode()


@pytest.mark.parametrize(
    ("username", "reason", "message"),
    [
        ("dana", "asked", "Somebody else can set it, on the page of this person: Ada"),
        ("ada", "", "Say why"),
        ("nobody", "asked", "Nobody has this name"),
    ],
)
def test_a_shell_is_no_way_around_the_people_who_may(
    world: World, password_file: Path, username: str, reason: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("changepassword", username, reason=reason, password_file=password_file)
    assert not AuditEvent.objects.filter(verb="person.password_set").exists()


def test_of_two_administrators_each_lets_the_other_in(world: World, password_file: Path) -> None:
    Membership.objects.create(user=world.otto, role="platform_admin", reason="cast")
    with pytest.raises(CommandError, match="Otto"):
        call_command("changepassword", "ada", reason="asked", password_file=password_file)


def test_a_password_that_is_guessed_first_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "weak"
    path.write_text("prism4kprism\n")
    with pytest.raises(CommandError, match="guessed first"):
        call_command("changepassword", "ada", reason="asked", password_file=path)
    assert not AuditEvent.objects.exists()


def test_secrets_that_are_sealed_anew_are_recorded(world: World) -> None:
    call_command("rotate_secrets")
    event = AuditEvent.objects.get(verb="platform.secrets_rotated")
    assert event.actor_id == "platform" and event.after["changed"] >= 0
