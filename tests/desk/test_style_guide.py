"""The style guide: every part, for development and the demo alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from desk.style_guide import PARTS
from tests.cast import World

TEMPLATES = Path(django_settings.BASE_DIR) / "templates"
# The frame of every page and what is nothing but words: they are on every page. And what would send something.
FRAME = {
    "api_call", "api_docs", "bottom_bar", "confirm", "form_card", "language", "live_dot", "messages",
    "page_words", "palette", "person_menu", "post_button", "project_switcher", "rail", "switch_person", "theme",
    "topbar", "visitor_bar",
}  # fmt: skip


@pytest.fixture
def visitor(client: Client, world: World) -> Client:
    client.force_login(world.dana)
    return client


def test_it_is_there_in_the_demo_and_in_development(visitor: Client, settings: Any) -> None:
    for name in ("DEMO", "DEBUG"):
        settings.DEMO = settings.DEBUG = False
        assert visitor.get("/_styleguide/").status_code == 404
        setattr(settings, name, True)
        answer = visitor.get("/_styleguide/")
        assert answer.status_code == 200
        for anchor, _heading in PARTS:
            found = rf'id="{anchor}".*?<div class="card-body">(.*?)</section>'
            section = re.search(found, answer.content.decode(), re.DOTALL)
            assert section and len(section[1].strip()) > 80, f"nothing is shown of {anchor}"


def parts_in(template: Path) -> set[str]:
    """Names of the parts that a template includes."""
    return set(re.findall(r'"ui/(\w+)\.html"', template.read_text()))


def test_every_part_is_in_it() -> None:
    ui = TEMPLATES / "ui"
    shown = parts_in(TEMPLATES / "styleguide" / "_part.html")
    shown |= {inner for name in shown for inner in parts_in(ui / f"{name}.html")}
    assert {path.stem for path in ui.glob("*.html")} - shown - FRAME == set()
