"""Before somebody chose, the browser says which language and which time zone; a choice is kept on the person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.choices import COOKIE
from accounts.models import Token
from accounts.services import create_token, save_settings
from tests.cast import PASSWORD, World

MOMENT = datetime(2026, 11, 20, 14, 12, 41, tzinfo=UTC)


@pytest.mark.parametrize(
    ("accepts", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"),
        ("zh", "zh-hans"),
        ("zh-TW", "zh-hans"),
        ("zh-Hant-HK,en;q=0.5", "zh-hans"),
        ("zh-SG;q=0.7, fr;q=0.3", "zh-hans"),
        ("en-GB,zh;q=0.9", "en"),
        ("de-DE,fr;q=0.5", "en"),
        ("", "en"),
        ("zh;;q=x,\x7f", "en"),
    ],
)
def test_the_sign_in_page_speaks_the_browsers_language(db: None, accepts: str, language: str) -> None:
    page = Client().get("/sign-in/", headers={"accept-language": accepts})
    assert page["Content-Language"] == language


def test_a_choice_before_signing_in_is_kept_on_the_person(world: World) -> None:
    browser = Client(headers={"accept-language": "zh-CN"})
    browser.post("/language/", {"language": "en", "next": "/sign-in/"})
    browser.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    world.dana.refresh_from_db()
    assert world.dana.language == "en"
    elsewhere = Client(headers={"accept-language": "zh-CN"})
    elsewhere.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert elsewhere.get("/me/")["Content-Language"] == "en"


def test_a_browsers_cookie_does_not_change_what_the_person_chose_before(world: World) -> None:
    save_settings(actor=world.dana, language="zh-hans")
    browser = Client()
    browser.post("/language/", {"language": "en", "next": "/sign-in/"})
    browser.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    world.dana.refresh_from_db()
    assert world.dana.language == "zh-hans"


def test_without_a_choice_nothing_is_kept(world: World) -> None:
    browser = Client(headers={"accept-language": "zh-CN"})
    browser.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    world.dana.refresh_from_db()
    assert world.dana.language == ""
    assert browser.get("/me/")["Content-Language"] == "zh-hans"


# ---------------------------------------------------------------- time zone
def _page_with_a_time(world: World, *, cookie: str) -> str:
    """A page of dana's with a token that was used at MOMENT."""
    token, _text = create_token(actor=world.dana, name="nightly", scopes=["read"], lifetime=timedelta(days=9))
    Token.objects.filter(pk=token.pk).update(last_used_at=MOMENT)
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    browser.cookies[COOKIE] = cookie
    return browser.get("/me/tokens/").content.decode()


@pytest.mark.parametrize(
    ("cookie", "own", "shown"),
    [
        ("America/New_York", "", "2026-11-20 09:12:41 EST · 14:12:41 UTC"),
        ("Asia/Calcutta", "", "2026-11-20 19:42:41 IST · 14:12:41 UTC"),
        ("America/New_York", "Europe/Berlin", "2026-11-20 15:12:41 CET · 14:12:41 UTC"),
        ("Mars/Olympus", "", "2026-11-20 22:12:41 CST · 14:12:41 UTC"),
        ("../../etc/passwd", "", "2026-11-20 22:12:41 CST · 14:12:41 UTC"),
        ("", "", "2026-11-20 22:12:41 CST · 14:12:41 UTC"),
    ],
)
def test_times_are_exact_in_the_viewers_zone_with_utc_beside(world: World, cookie: str, own: str, shown: str) -> None:
    save_settings(actor=world.dana, time_zone=own)
    assert shown in _page_with_a_time(world, cookie=cookie)


def test_one_requests_zone_is_not_the_next_ones(world: World) -> None:
    _page_with_a_time(world, cookie="America/New_York")
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert "2026-11-20 22:12:41 CST" in browser.get("/me/tokens/").content.decode()
