"""The sign-in page, its throttle, and the demo's switch of person."""

from __future__ import annotations

from typing import Any

import pytest
from axes.utils import reset
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from tests.cast import PASSWORD, World


@pytest.fixture(autouse=True)
def nobody_is_locked_out(db: None) -> None:
    reset()


def test_a_person_signs_in_and_goes_where_they_wanted(world: World) -> None:
    client = Client()
    answer = client.post("/sign-in/", {"username": "dana", "password": PASSWORD, "next": "/me/tokens/"})
    assert (answer.status_code, answer["Location"]) == (302, "/me/tokens/")
    assert client.get("/me/tokens/").status_code == 200
    assert AuditEvent.objects.filter(verb="user.signed_in", actor_name="Dana").count() == 1


@pytest.mark.security("links-that-run")
@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site(world: World, away: str) -> None:
    answer = Client().post("/sign-in/", {"username": "dana", "password": PASSWORD, "next": away})
    assert answer.status_code == 302
    assert "evil" not in answer["Location"] and "alert" not in answer["Location"]


@pytest.mark.parametrize(
    "odd", ["somewhere", "9" * 60, "a\0b", "me", "/" + "x" * 3000, "/" + "日" * 400, "http://[::1"]
)
def test_what_is_no_address_leads_home(world: World, odd: str) -> None:
    """A bare word would be taken for the name of a view, and one too long for an attack: after the sign-in."""
    answer = Client().post("/sign-in/", {"username": "dana", "password": PASSWORD, "next": odd})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    client = Client()
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert client.post("/me/theme/", {"theme": "dark", "next": odd})["Location"] == "/"
    assert client.get("/sign-in/", {"next": odd.replace("\0", "")})["Location"] == "/"


@pytest.mark.security("guessed-passwords")
def test_a_wrong_password_and_an_unknown_name_read_the_same(world: World) -> None:
    wrong = Client().post("/sign-in/", {"username": "dana", "password": "no"})
    unknown = Client().post("/sign-in/", {"username": "nobody", "password": "no"})
    message = "User name and password do not match"
    assert message in wrong.content.decode() and message in unknown.content.decode()
    assert "_auth_user_id" not in wrong.client.session


@pytest.mark.security("stolen-sessions")
def test_somebody_switched_off_stays_out_at_once(world: World) -> None:
    client = Client()
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert client.get("/me/").status_code == 200
    world.dana.is_active = False
    world.dana.save()
    assert client.get("/me/").status_code == 302
    answer = client.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    assert "do not match" in answer.content.decode()


@pytest.mark.security("guessed-passwords")
def test_too_many_wrong_passwords_are_told_so_and_the_right_one_does_not_help(world: World) -> None:
    client = Client()
    for _attempt in range(8):
        last = client.post("/sign-in/", {"username": "dana", "password": "no"})
    assert last.status_code == 429
    right = client.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    assert right.status_code == 429
    assert "Try again in 15 minutes" in right.content.decode()
    assert Client().post("/sign-in/", {"username": "tess", "password": PASSWORD}).status_code == 302


@pytest.mark.security("forged-requests")
def test_signing_out_needs_a_post(world: World) -> None:
    client = Client()
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/me/").status_code == 302


def test_without_demo_data_nobody_is_listed_or_switched_to(
    world: World, demo_installation: None, settings: Any
) -> None:
    settings.DEMO = False
    _offers_nobody()


def test_a_database_that_the_demo_did_not_make_knows_no_one_click(world: World, settings: Any) -> None:
    settings.DEMO = True
    _offers_nobody()


def _offers_nobody() -> None:
    client = Client()
    assert "Petra" not in client.get("/sign-in/").content.decode()
    assert client.post("/switch/", {"username": "ada"}).status_code == 404
    assert "_auth_user_id" not in client.session


def test_in_demo_data_one_click_makes_you_somebody(world: World, demo_installation: None) -> None:
    page = Client().get("/sign-in/").content.decode()
    assert "Petra" in page and "project administrator" in page and "sees no project" in page
    client = Client()
    assert client.post("/switch/", {"username": "tess", "next": "/me/"}).status_code == 302
    assert client.session["_auth_user_id"] == str(world.tess.pk)
    client.post("/switch/", {"username": "olli"})
    assert client.session["_auth_user_id"] == str(world.olli.pk)
    world.dana.is_active = False
    world.dana.save()
    assert client.post("/switch/", {"username": "dana"}).status_code == 404


@pytest.mark.security("forged-requests")
def test_the_switch_wants_a_csrf_token(world: World, demo_installation: None) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/switch/", {"username": "ada"}).status_code == 403


@pytest.mark.security("stolen-sessions")
def test_a_session_of_before_is_not_the_session_of_after(world: World) -> None:
    """Who gave somebody a session to sign in with does not have theirs; each sign-in has one of its own."""
    client = Client()
    client.post("/language/", {"language": "en", "next": "/sign-in/"})
    given = client.session
    given["planted"] = "yes"
    given.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = given.session_key
    keys = [given.session_key]
    for _twice in range(2):
        assert client.post("/sign-in/", {"username": "dana", "password": PASSWORD}).status_code == 302
        keys.append(client.session.session_key)
        client.post("/sign-out/")
    assert len(set(keys)) == 3
    assert not Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).exists()


@pytest.mark.security("stolen-sessions")
def test_the_cookies_are_no_others_sites_and_no_scripts(world: World) -> None:
    client = Client()
    client.get("/sign-in/")
    client.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    session, secret = client.cookies["sessionid"], client.cookies["csrftoken"]
    assert (session["httponly"], session["samesite"], session["path"], session["domain"]) == (True, "Lax", "/", "")
    assert (secret["samesite"], secret["path"], secret["domain"]) == ("Lax", "/", "")


def test_language_before_signing_in(world: World) -> None:
    client = Client()
    client.post("/language/", {"language": "zh-hans", "next": "/sign-in/"})
    assert client.get("/sign-in/")["Content-Language"] == "zh-hans"
