"""What one sees before signing in: the form, and in demo data the people with what they do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.cast import World


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_outside_of_demo_data_nobody_is_named(world: World, client: Client) -> None:
    page = client.get("/sign-in/")
    assert "Dana" not in words(page) and "platform administrator gives you one" in words(page)


def test_demo_people_say_what_they_do_and_let_themselves_be_chosen(
    world: World, client: Client, demo_installation: None
) -> None:
    User.objects.filter(username="dana").update(note="开发，网上营业厅", note_en="developer of the online branch")
    page = client.get("/sign-in/?next=/orders/")
    said = words(page)
    assert "Dana dana developer of the online branch" in said
    assert "Tess tess tester · SIS-OMM" in said and "Otto otto no role: sees no project" in said
    assert "开发，网上营业厅" in words(client.get("/sign-in/", headers={"Accept-Language": "zh-CN"}))
    assert client.post("/switch/", {"username": "tess", "next": "/orders/"})["Location"] == "/orders/"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_language_can_be_chosen_before(client: Client, db: None, language: str) -> None:
    client.post("/language/", {"language": language, "next": "/sign-in/"})
    shown = client.get("/sign-in/").content.decode()
    assert ('<html lang="zh-Hans"' in shown) == (language == "zh-hans")
