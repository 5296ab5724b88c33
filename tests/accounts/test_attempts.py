"""Wrong passwords are limited for a name and for an address, and names alone make no password."""

from __future__ import annotations

from typing import Any

import pytest
from axes.utils import reset
from django.test import Client

from accounts.models import Token, User
from accounts.passwords import NamesValidator
from accounts.services import change_password, password_problems
from audit.models import AuditEvent
from foundation.problems import Invalid
from tests.cast import PASSWORD, World

pytestmark = pytest.mark.security("guessed-passwords")


@pytest.fixture(autouse=True)
def nobody_is_locked_out(db: None) -> None:
    reset()


def sign_in(username: str, password: str = "no", address: str = "10.0.0.1") -> Any:
    body = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post("/api/v1/sign-in/", body, "application/json")


def assert_limited(answer: Any) -> None:
    assert answer.status_code == 429, answer.content
    assert 1 <= int(answer["Retry-After"]) <= 900


def test_many_names_from_one_address_are_limited_and_nobody_elsewhere(world: World) -> None:
    answers = [sign_in(f"name-{number}") for number in range(40)]
    assert [answer.status_code for answer in answers] == [400] * 29 + [429] * 11
    assert_limited(answers[-1])
    assert_limited(sign_in("dana", PASSWORD))
    assert sign_in("dana", PASSWORD, "10.0.0.2").status_code == 201


def test_one_name_from_many_addresses_is_limited(world: World) -> None:
    answers = [sign_in("dana", address=f"10.0.1.{number}") for number in range(31)]
    assert [answer.status_code for answer in answers] == [400] * 29 + [429] * 2
    assert_limited(sign_in("dana", PASSWORD, "10.0.2.1"))
    assert sign_in("tess", PASSWORD, "10.0.1.1").status_code == 201


def test_the_page_says_when_to_try_again(world: World) -> None:
    for _attempt in range(8):
        answer = Client().post("/sign-in/", {"username": "dana", "password": "no"})
    assert_limited(answer)
    assert "Try again in 15 minutes" in answer.content.decode()


def test_wrong_old_passwords_are_limited_on_page_and_api(world: World) -> None:
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    _row, secret = Token.objects.create(world.dana, name="t", scopes=["read", "admin"])
    api = Client(headers={"Authorization": f"Token {secret}"})
    form = {"old": "guess", "new": "a much better phrase"}
    for _attempt in range(4):
        assert browser.post("/me/password/", form).status_code == 400
        answer = api.put("/api/v1/me/password/", form, "application/json")
    assert_limited(answer)
    right = {**form, "old": PASSWORD}
    assert_limited(api.put("/api/v1/me/password/", right, "application/json"))
    assert "Too many wrong passwords" in browser.post("/me/password/", right).content.decode()
    world.dana.refresh_from_db()
    assert world.dana.check_password(PASSWORD)


def test_the_audit_tells_failures_lock_outs_and_sign_outs(world: World) -> None:
    for _attempt in range(10):
        sign_in("dana")
    sign_in("my secret password")
    rows = list(AuditEvent.objects.filter(verb__startswith="user.").order_by("pk"))
    failed = [row for row in rows if row.verb == "user.sign_in_failed"]
    assert [row.object_name for row in failed] == ["dana"] * 8 + [""]
    assert {(row.outcome, row.address, row.actor_name) for row in failed} == {("refused", "10.0.0.1", "–")}
    assert [row.object_name for row in rows if row.verb == "user.locked_out"] == ["dana"]
    assert not any("secret password" in str(vars(row)) for row in rows)

    client = Client()
    client.post("/sign-in/", {"username": "tess", "password": PASSWORD})
    client.post("/sign-out/")
    assert AuditEvent.objects.get(verb="user.signed_out").actor_name == "Tess"


@pytest.mark.parametrize(
    "weak",
    [
        "prism4kprism", "Prism4k-2026", "prism_prism_1", "1234567890123", "password123", "danadanadana", "Dana.2026!!",
        "sisommsisomm", "sis-omm-2026", "aaaaaaaaaaaa", "short",
    ],
)  # fmt: skip
def test_names_of_the_product_the_person_and_projects_are_no_password(world: World, weak: str) -> None:
    assert password_problems(weak, world.dana)
    with pytest.raises(Invalid):
        change_password(actor=world.dana, old=PASSWORD, new=weak)


@pytest.mark.parametrize(
    "strong", ["correct horse battery", "quite a long phrase", "prism4k is my daily bread", "云山雾罩九曲黄河万里沙"]
)
def test_words_of_ones_own_are(world: World, strong: str) -> None:
    assert not password_problems(strong, world.dana)
    assert not password_problems(strong, User(username="nina", name="Nina"))
    assert NamesValidator().get_help_text()
