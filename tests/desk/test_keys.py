"""The list of keys is the keys: help, script, rail and palette say the same."""

from __future__ import annotations

import re
from pathlib import Path

from django.test import Client, RequestFactory

from desk.selectors.places import ACTIONS, PAGES
from desk.shell import Shell
from tests.cast import World

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (ROOT / "frontend" / "js" / "keys.js").read_text(encoding="utf-8")


def _table(name: str) -> dict[str, str]:
    """A constant of the script: {code: letter}."""
    found = re.search(rf"const {name} = {{(.*?)}};", SCRIPT, re.DOTALL)
    assert found, name
    return dict(re.findall(r'(Key[A-Z]): "([^"]+)"', found[1]))


def _help(world: World) -> str:
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    page = browser.get("/keys/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    return page


def _listed(page: str) -> list[list[str]]:
    """The keys of each line of the help."""
    return [re.findall(r"<kbd>(.*?)</kbd>", line) for line in re.findall(r"<dt>(.*?)</dt>", page)]


def test_the_help_lists_every_key_that_acts_and_no_other(world: World) -> None:
    listed = _listed(_help(world))
    single = {keys[0] for keys in listed if len(keys) == 1} - {"Esc", "?", "/", "Enter"}
    assert single == set(_table("ACTS").values())
    assert {keys[1] for keys in listed if keys[0] == "g"} == set(_table("GO").values())
    assert ["j", "k"] in listed and ["/", "Ctrl", "K"] in listed
    for code in ("KeyJ", "KeyK", "KeyG", "Slash", "Escape"):
        assert f'"{code}"' in SCRIPT


def test_letters_lie_where_their_name_says() -> None:
    for table in ("ACTS", "GO"):
        assert all(code == f"Key{letter.upper()}" for code, letter in _table(table).items())


def test_the_rail_and_the_palette_name_the_same_letters(world: World) -> None:
    request = RequestFactory().get("/")
    request.user, request.session = world.dana, {}  # type: ignore[assignment]
    rail = {link.letter: link.url.partition("?")[0] for link in Shell(request, world.dana).rail if link.letter}
    pages = {place.keys[2:]: place.url for place in PAGES if place.keys.startswith("g ")}
    assert rail == pages
    assert set(rail) == set(_table("GO").values())
    assert [place.name for place in ACTIONS if place.keys == "c"] == ["releases:new"]


def test_single_keys_switched_off_are_told_on_every_page(world: World) -> None:
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert 'data-keys="off"' not in browser.get("/me/").content.decode()
    world.dana.single_keys = False
    world.dana.save()
    assert 'data-keys="off"' in browser.get("/me/").content.decode()
    assert "Single keys are off" in _help(world)
