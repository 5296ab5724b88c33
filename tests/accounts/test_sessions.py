"""Sessions: listed for their owner, ended by them, and by a change of password."""

from __future__ import annotations

from typing import Any

import pytest
from axes.utils import reset
from django.test import Client

from accounts.models import BrowserSession, Token
from audit.models import AuditEvent
from tests.cast import PASSWORD, World

pytestmark = pytest.mark.security("stolen-sessions")


@pytest.fixture(autouse=True)
def nobody_is_locked_out(db: None) -> None:
    reset()


def browser(name: str, who: str = "dana") -> Client:
    client = Client(headers={"User-Agent": name})
    assert client.post("/sign-in/", {"username": who, "password": PASSWORD}).status_code == 302
    return client


def call(world: World, method: str, path: str, who: str = "dana") -> Any:
    _row, secret = Token.objects.create(world.people[who], name="t", scopes=["read", "admin"])
    client = Client(headers={"Authorization": f"Token {secret}"})
    return getattr(client, method)(f"/api/v1/{path}")


def test_a_person_sees_where_they_are_signed_in_and_ends_one(world: World) -> None:
    here, there = browser("Firefox here"), browser("Chrome there")
    browser("somebody else", "tess")
    page = here.get("/me/sessions/").content.decode()
    assert "Firefox here" in page and "Chrome there" in page and "somebody else" not in page
    assert "127.0.0.1" in page and page.count("this one") == 1
    number = BrowserSession.objects.get(browser="Chrome there").pk
    assert here.post(f"/me/sessions/{number}/").status_code == 302
    assert there.get("/me/").status_code == 302 and here.get("/me/").status_code == 200
    assert AuditEvent.objects.filter(verb="session.ended", actor_name="Dana").count() == 1


@pytest.mark.security("guessed-ids")
def test_nobody_ends_the_session_of_somebody_else(world: World) -> None:
    other = browser("Chrome", "tess")
    number = BrowserSession.objects.get().pk
    assert browser("Firefox").post(f"/me/sessions/{number}/").status_code == 404
    assert call(world, "delete", f"me/sessions/{number}/").status_code == 404
    assert other.get("/me/").status_code == 200


def test_all_others_end_at_once(world: World) -> None:
    here, others = browser("here"), [browser("b"), browser("c")]
    assert here.post("/me/sessions/others/").status_code == 302
    assert here.get("/me/").status_code == 200
    assert [other.get("/me/").status_code for other in others] == [302, 302]


def test_the_api_lists_and_ends_them(world: World) -> None:
    there = browser("Chrome there")
    (item,) = call(world, "get", "me/sessions/").json()["items"]
    assert (item["browser"], item["address"]) == ("Chrome there", "127.0.0.1")
    assert "session_key" not in item and there.session.session_key not in str(item)
    assert call(world, "delete", f"me/sessions/{item['id']}/").status_code == 204
    assert there.get("/me/").status_code == 302


@pytest.mark.parametrize("end_tokens", [False, True])
def test_a_new_password_ends_other_sessions_and_tokens_where_it_is_wished(world: World, end_tokens: bool) -> None:
    here, there = browser("here"), browser("there")
    Token.objects.create(world.dana, name="t", scopes=["read"])
    form = {"old": PASSWORD, "new": "a much better phrase"} | ({"end_tokens": "on"} if end_tokens else {})
    assert here.post("/me/password/", form).status_code == 302
    assert here.get("/me/").status_code == 200 and there.get("/me/").status_code == 302
    assert [row.browser for row in BrowserSession.objects.all()] == ["here"]
    assert Token.objects.exists() is not end_tokens


def test_signing_out_takes_the_session_off_the_list(world: World) -> None:
    here, there = browser("here"), browser("there")
    there.post("/sign-out/")
    assert "there" not in here.get("/me/sessions/").content.decode()
