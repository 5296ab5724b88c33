"""Language, time zone, theme and password of one's own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.services import change_password, create_token, save_settings
from foundation.problems import Invalid
from tests.cast import PASSWORD, World


@pytest.fixture
def dana(world: World) -> Client:
    client = Client()
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    return client


def test_settings_save_and_rule_the_next_page(world: World, dana: Client) -> None:
    answer = dana.post("/me/", {"language": "zh-hans", "time_zone": "Europe/Berlin", "theme": "dark"})
    assert answer.status_code == 302
    page = dana.get("/me/")
    assert page["Content-Language"] == "zh-hans"
    assert 'data-theme="dark"' in page.content.decode()
    world.dana.refresh_from_db()
    assert world.dana.time_zone == "Europe/Berlin"


def test_the_switch_in_the_bar_changes_the_setting_too(world: World, dana: Client) -> None:
    save_settings(actor=world.dana, language="zh-hans")
    dana.post("/language/", {"language": "en", "next": "/me/"})
    world.dana.refresh_from_db()
    assert world.dana.language == "en"
    assert dana.get("/me/")["Content-Language"] == "en"


@pytest.mark.parametrize(("field", "value"), [("language", "tlh"), ("time_zone", "Mars/Olympus"), ("theme", "pink")])
def test_what_does_not_exist_is_refused_at_its_field(world: World, field: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        save_settings(actor=world.dana, **{field: value})
    assert list(caught.value.fields) == [field]
    world.dana.refresh_from_db()
    assert getattr(world.dana, field) != value


@pytest.mark.security("stolen-sessions")
def test_a_new_password_ends_other_sessions_and_keeps_this_one(world: World, dana: Client) -> None:
    other = Client()
    other.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert other.get("/me/").status_code == 200
    answer = dana.post("/me/password/", {"old": PASSWORD, "new": "a much better phrase"})
    assert answer.status_code == 302
    assert dana.get("/me/").status_code == 200
    assert other.get("/me/").status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "field"), [("wrong", "a much better phrase", "old"), (PASSWORD, "short", "new")]
)
def test_a_bad_change_of_password_changes_nothing(world: World, old: str, new: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        change_password(actor=world.dana, old=old, new=new)
    assert list(caught.value.fields) == [field]
    world.dana.refresh_from_db()
    assert world.dana.check_password(PASSWORD)


def test_single_keys_can_be_switched_off(world: World, dana: Client) -> None:
    assert world.dana.single_keys
    dana.post("/me/", {"language": "", "time_zone": "", "theme": "system"})
    world.dana.refresh_from_db()
    assert not world.dana.single_keys
    dana.post("/me/", {"language": "", "time_zone": "", "theme": "system", "single_keys": "on"})
    world.dana.refresh_from_db()
    assert world.dana.single_keys


def test_what_a_script_leaves_out_stays(world: World) -> None:
    save_settings(actor=world.dana, single_keys=False, theme="dark")
    save_settings(actor=world.dana, theme="light")
    world.dana.refresh_from_db()
    assert (world.dana.single_keys, world.dana.theme) == (False, "light")


def test_the_api_changes_a_password_for_who_knows_the_old_one(world: World) -> None:
    _token, text = create_token(actor=world.dana, name="t", scopes=["admin"], lifetime=timedelta(days=1))
    headers = {"Authorization": f"Token {text}"}
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    wrong = Client().put(
        "/api/v1/me/password/", {"old": "guess", "new": "a much better phrase"}, "application/json", headers=headers
    )
    assert wrong.status_code == 400 and "old" in wrong.json()["fields"]
    right = Client().put(
        "/api/v1/me/password/", {"old": PASSWORD, "new": "a much better phrase"}, "application/json", headers=headers
    )
    assert right.status_code == 204
    world.dana.refresh_from_db()
    assert world.dana.check_password("a much better phrase")
    assert browser.get("/me/").status_code == 302
