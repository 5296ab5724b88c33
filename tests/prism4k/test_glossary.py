"""docs/glossary.md lists every model and every name of the API, so that one thing keeps one word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

BASE: Path = settings.BASE_DIR
PLANNED = "Words for what is planned"
ORDINARY = "Ordinary words in API names"
OURS = (
    "accounts", "audit", "components", "deployer", "desk", "environments", "foundation", "notifications", "releases",
    "prism4k", "trains",
)  # fmt: skip
VERSION = {"api", "v1"}
PARTS = re.compile(r"[A-Z]?[a-z0-9]+")


def sections() -> dict[str, str]:
    """Text by heading."""
    text = (BASE / "docs/glossary.md").read_text(encoding="utf-8")
    return dict(part.split("\n", 1) for part in text.split("\n## ")[1:])


def names() -> set[str]:
    """Everything between backticks in tables of what exists, without the examples of how names are made."""
    rows = [
        line
        for title, text in sections().items()
        if title not in {PLANNED, ORDINARY}
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}


def parts(name: str) -> set[str]:
    """``image_digest``, ``base-images`` and ``ReleaseOrder`` as single lower-case words."""
    return {part.lower() for part in PARTS.findall(name)}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def test_every_model_is_in_the_glossary() -> None:
    ours = {
        model.__name__
        for config in apps.get_app_configs()
        if config.name.split(".")[0] in OURS
        for model in config.get_models()
    }
    assert {"ReleaseOrder", "User", "Remote"} <= ours
    assert ours - names() == set()


def test_every_path_segment_of_the_api_is_in_the_glossary(schema: dict[str, Any]) -> None:
    segments = {part for path in schema["paths"] for part in path.split("/") if part and not part.startswith("{")}
    assert {"orders", "roll-backs"} <= segments
    assert segments - VERSION - names() == set()


def parameters(schema: dict[str, Any]) -> set[str]:
    """What addresses and queries of the API take."""
    operations = [one for methods in schema["paths"].values() for one in methods.values()]
    taken = [given for one in operations for given in one.get("parameters", ())]
    return {given["name"] for given in taken if given["in"] in ("query", "path")}


def fields(schema: dict[str, Any]) -> set[str]:
    """What bodies, answers, addresses and queries name."""
    shapes = schema["components"]["schemas"].values()
    return {name for shape in shapes for name in shape.get("properties", {})} | parameters(schema)


def test_every_field_of_the_api_is_made_of_words_in_the_glossary(schema: dict[str, Any]) -> None:
    found = fields(schema)
    assert {"change_ticket", "image_digest", "search"} <= found
    known = {part for name in names() for part in parts(name)} | set(sections()[ORDINARY].split("\n\n")[1].split())
    assert {name: sorted(unknown) for name in found if (unknown := parts(name) - known)} == {}


def test_every_ordinary_word_is_used(schema: dict[str, Any]) -> None:
    words = sections()[ORDINARY].split("\n\n")[1].split()
    assert words == sorted(set(words))
    assert set(words) - {part for name in fields(schema) for part in parts(name)} == set()


def test_every_name_in_the_glossary_exists() -> None:
    """A name that left the code leaves the glossary: it stands in a source file, or the API's addresses."""
    modules = [path for app in OURS for path in (BASE / app).rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in modules)
    stems = {part for path in modules for part in path.relative_to(BASE).with_suffix("").parts}
    assert {name for name in names() - stems if not re.search(rf"\b{name}\b", code)} == set()
