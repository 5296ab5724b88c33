"""The card of things to try: it names only what the demo's data has."""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import override

from components.models import Component
from demo import tries as card
from demo import world as demo
from demo.repository import history
from foundation.runs.heartbeat import beat
from tests.cast import World
from tests.releases.pages.conftest import component, quick_passwords, signed_in
from tests.releases.rows import make_built, make_component, make_success

__all__ = ["component", "quick_passwords", "signed_in"]

SignIn = Callable[[str], Client]


def test_branches_people_and_components_exist(world: World, component: Component) -> None:
    branches = {commit.branch for commit in history(card.APP)}
    assert {card.FAILING_BRANCH, card.CRASHING_BRANCH, card.GOOD_BRANCH} <= branches
    beat("worker")
    found = card.tries()
    assert len(found) == 6
    assert all(one.person is not None for one in found if one.username)
    assert all(one.url or one.commands for one in found)
    with override("en"):
        said = " ".join(f"{one.do} {one.see}" for one in found)
    names = set(re.findall(r"Zhao Gang|Wang Fang|Liu Yang", said))
    assert names <= {person.name_en for person in demo.PEOPLE}


def test_more_replicas_than_the_quota_lets(world: World, component: Component) -> None:
    assert card.TOO_MANY > demo.CEILING_PODS
    (before,) = [one for one in card.tries() if one.icon == "scale"]
    assert "Nothing runs in FAT yet" in str(before.do) and before.url.startswith("/orders/new/")
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    (after,) = [one for one in card.tries() if one.icon == "scale"]
    assert after.url == "/runtime/sis-omm/sis-omm-proxy-gw/fat/" and "100" in str(after.do)


def test_a_worker_is_named_by_its_process_while_one_lives(world: World, component: Component) -> None:
    assert not [one for one in card.tries() if "kill" in " ".join(one.commands)]
    beat("worker", {"pid": 4711})
    assert [one.commands for one in card.tries() if one.icon == "terminal"] == [("kill -9 4711",)]


def test_the_commands_on_the_audit_do_what_the_card_says(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "我的 代码" / "prism4k.sqlite3"
    path.parent.mkdir()
    monkeypatch.setitem(settings.DATABASES, "default", settings.DATABASES["default"] | {"NAME": path})
    monkeypatch.setattr(settings, "DATA_DIR", path.parent)
    with sqlite3.connect(path) as database:
        database.executescript(
            "create table audit_auditevent (id integer, actor_name text); insert into audit_auditevent values (1, 'x');"
            "create trigger audit_auditevent_no_update before update on audit_auditevent "
            "begin select raise(abort, 'audit rows are append-only'); end;"
        )
    (alter,) = [one for one in card.tries() if one.icon == "certificate"]
    refused, accepted, verify = alter.commands
    first = subprocess.run(shlex.split(refused), capture_output=True, text=True, check=False)
    assert first.returncode != 0 and "audit rows are append-only" in first.stderr
    subprocess.run(shlex.split(accepted), check=True)
    assert sqlite3.connect(path).execute("select actor_name from audit_auditevent").fetchone() == ("nobody",)
    variable, _python, manage, command = shlex.split(verify)
    assert variable == f"PRISM4K_DATA_DIR={path.parent}"
    assert (manage, command) == (str(settings.BASE_DIR / "manage.py"), "audit_verify")


def test_another_database_is_not_broken(world: World, component: Component, monkeypatch: pytest.MonkeyPatch) -> None:
    other = settings.DATABASES["default"] | {"ENGINE": "django.db.backends.postgresql"}
    monkeypatch.setitem(settings.DATABASES, "default", other)
    assert not [one for one in card.tries() if one.icon == "certificate"]


@pytest.mark.parametrize("is_demo", [True, False])
def test_only_demo_data_has_the_card(
    world: World, component: Component, signed_in: SignIn, demo_installation: None, settings: Any, is_demo: bool
) -> None:
    settings.DEMO = is_demo
    html = signed_in("dana").get("/").content.decode()
    assert ('id="try-this"' in html) is is_demo


def test_an_address_presets_the_form(world: World, component: Component, signed_in: SignIn) -> None:
    made = make_component(world, card.APP.name)
    assert made.slug == card.APP.slug and world.project.slug == card.PROJECT.slug
    (fail,) = [one for one in card.tries() if one.icon == "hammer"]
    form = signed_in("dana").get(fail.url).context["form"]
    assert (form.initial["component"], form.initial["branch"]) == (f"sis-omm/{made.slug}", "fail-compile")
