"""Who failed to sign in, was locked out or left stands in the audit, with address and request number."""

from __future__ import annotations

from typing import Any

import pytest
from axes.utils import reset
from django.test import Client

from audit.models import AuditEvent
from tests.cast import PASSWORD, World

pytestmark = pytest.mark.security("guessed-passwords")


@pytest.fixture(autouse=True)
def nobody_is_locked_out(db: None) -> None:
    reset()


def events(verb: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(verb=verb).order_by("pk"))


@pytest.mark.parametrize("name", ["dana", "nobody"])
def test_a_failed_sign_in_is_kept_without_its_password(world: World, name: str) -> None:
    Client(REMOTE_ADDR="10.9.8.7").post("/sign-in/", {"username": name, "password": "no-such-password"})
    (event,) = events("user.sign_in_failed")
    assert (event.actor_id, event.outcome, event.address) == ("", "refused", "10.9.8.7")
    assert event.object_id == (str(world.dana.pk) if name == "dana" else "")
    assert event.object_name == (name if name == "dana" else "") and len(event.request_number) == 10
    assert "no-such-password" not in str(vars(event))


def test_over_the_api_too(world: World) -> None:
    body: Any = {"username": "dana", "password": "wrong"}
    Client().post("/api/v1/sign-in/", body, content_type="application/json")
    assert len(events("user.sign_in_failed")) == 1


def test_a_lock_out_is_kept_once_and_ends_the_flood(world: World) -> None:
    client = Client()
    for _attempt in range(12):
        client.post("/sign-in/", {"username": "dana", "password": "no"})
    assert len(events("user.sign_in_failed")) == 8
    (locked,) = events("user.locked_out")
    assert (locked.object_name, locked.after) == ("dana", {"failures": 8})


def test_a_sign_out_is_kept_by_who_left(world: World) -> None:
    client = Client()
    client.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    client.post("/sign-out/")
    assert [event.actor_id for event in events("user.signed_out")] == [str(world.dana.pk)]


def test_who_comes_and_goes_with_a_token_is_kept_as_on_the_pages(world: World) -> None:
    given: Any = {"username": "dana", "password": PASSWORD}
    token = Client().post("/api/v1/sign-in/", given, content_type="application/json").json()["token"]
    Client(headers={"Authorization": f"Token {token}"}).post("/api/v1/sign-out/")
    for verb in ("user.signed_in", "user.signed_out"):
        assert [(event.actor_name, event.reason) for event in events(verb)] == [("Dana", "API")]


def test_a_right_password_that_must_be_changed_first_is_kept_with_its_person(world: World) -> None:
    world.dana.must_change_password = True
    world.dana.save()
    given: Any = {"username": "dana", "password": PASSWORD}
    assert Client().post("/api/v1/sign-in/", given, content_type="application/json").status_code == 403
    (event,) = events("api POST")
    assert (event.actor_name, event.outcome, event.object_name) == ("Dana", "refused", "/api/v1/sign-in/")
