"""How an installation gets its first platform administrator: from a shell, once."""

from __future__ import annotations

import getpass
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from environments.access import can
from environments.choices import Role
from environments.models import Membership
from tests.cast import World

PHRASE = "a long phrase of one's own"
pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.delenv("FIRST_ADMIN_PASSWORD", raising=False)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PHRASE}\n")
    return file


def type_passwords(monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
    answers: Iterator[str] = iter(typed)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(answers))


@pytest.mark.parametrize("command", ["first_admin", "createsuperuser"])
def test_the_first_administrator_signs_in_and_may_make_people(command: str, password_file: Path) -> None:
    call_command(command, username="root", name="Ru Te", password_file=password_file, stdout=io.StringIO())

    person = User.objects.get()
    assert (person.username, person.name) == ("root", "Ru Te")
    assert can(person, "manage_people") and can(person, "manage_site_roles")
    form = {"username": "root", "password": PHRASE}
    assert Client().post("/sign-in/", form).status_code == 302


def test_it_is_audited_as_an_act_of_the_platform_and_without_the_password(password_file: Path) -> None:
    call_command("first_admin", username="root", password_file=password_file, stdout=io.StringIO())

    event = AuditEvent.objects.get(verb="person.first_administrator")
    assert (event.actor_id, event.object_name) == ("platform", "root")
    assert event.after["role"] == Role.PLATFORM_ADMIN and PHRASE not in str(event.after)


def test_it_is_refused_while_somebody_administers_the_platform(world: World, password_file: Path) -> None:
    people = User.objects.count()

    with pytest.raises(CommandError, match="There is a platform administrator already"):
        call_command("first_admin", username="root", password_file=password_file)

    assert User.objects.count() == people


def test_it_helps_where_the_only_administrator_was_switched_off(world: World, password_file: Path) -> None:
    User.objects.filter(username="ada").update(is_active=False)

    call_command("first_admin", username="root", password_file=password_file, stdout=io.StringIO())

    assert Membership.objects.filter(user__username="root", role=Role.PLATFORM_ADMIN).exists()


def test_the_environment_may_bring_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_ADMIN_PASSWORD", PHRASE)

    call_command("first_admin", username="root", stdout=io.StringIO())

    assert User.objects.get().check_password(PHRASE)


def test_on_a_terminal_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("root\nRu Te\n"))
    type_passwords(monkeypatch, PHRASE, PHRASE)

    call_command("first_admin", stdout=io.StringIO())

    person = User.objects.get()
    assert (person.username, person.name) == ("root", "Ru Te") and person.check_password(PHRASE)


@pytest.mark.parametrize(
    ("typed", "message"),
    [((PHRASE, "another"), "The two passwords differ"), (("short", "short"), "password: ")],
)
def test_a_password_that_does_not_do_makes_nobody(
    monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...], message: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("root\n\n"))
    type_passwords(monkeypatch, *typed)

    with pytest.raises(CommandError, match=message):
        call_command("first_admin")

    assert not User.objects.exists() and not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give --username"),
        ({"username": "root"}, "give --password-file"),
        ({"username": "root", "password_file": Path("/nowhere/password")}, "cannot be read"),
    ],
)
def test_without_a_terminal_it_says_which_option_is_missing(options: dict[str, object], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("first_admin", **options)
    assert not User.objects.exists()


def test_before_migrate_it_says_so(monkeypatch: pytest.MonkeyPatch, password_file: Path) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda: [])

    with pytest.raises(CommandError, match=r"run manage\.py migrate"):
        call_command("first_admin", username="root", password_file=password_file)
