"""Somebody signs in while the page before still asks with the old session: the new one stays."""

from __future__ import annotations

from django.conf import settings
from django.test import Client

from tests.cast import World

COOKIE = settings.SESSION_COOKIE_NAME


def test_an_answer_to_the_old_session_leaves_the_new_cookie_alone(world: World) -> None:
    client = Client()
    client.force_login(world.dana)
    old = client.cookies[COOKIE].value
    client.force_login(world.tess)
    assert client.cookies[COOKIE].value != old
    late = Client()
    late.cookies[COOKIE] = old
    answer = late.get("/me/")
    assert answer.status_code == 302 and "/sign-in/" in answer["Location"]
    assert COOKIE not in answer.cookies
    assert client.get("/me/").status_code == 200


def test_signing_out_deletes_the_cookie(world: World) -> None:
    client = Client()
    client.force_login(world.dana)
    answer = client.post("/sign-out/")
    assert answer.cookies[COOKIE].value == "" and answer.cookies[COOKIE]["max-age"] == 0
    assert client.get("/me/").status_code == 302
