"""A word, a day, a moment or a number that an operation cannot read is refused by its name, never passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from drf_spectacular.generators import SchemaGenerator

from tests.cast import make_world
from tests.security.scene import Scene, browse, make_scene

pytestmark = [pytest.mark.django_db, pytest.mark.security("unexpected-input")]
WRONG = {
    "enum": ["no-such-word"],
    "date": ["never", "2026-13-01", "2026-11-31", "20261101x", "0001-01-01"],
    "date-time": ["soon", "2026-11-20", "2026-11-20T10:00:00", "2026-99-20T10:00:00Z"],
    "boolean": ["perhaps", "2"],
    "integer": ["abc", "-1", "1.5", "1e3", "٣"],
    "position": ["abc", "-1", "0", "1.5", str(2**63)],
    "month": ["never", "2026-13"],
}
NAMED = {"month": "month", "since": "date-time"}
"""Texts with a form of their own."""
Parameter = dict[str, Any]


def operations() -> list[tuple[str, str, list[Parameter]]]:
    """Path, name and the parameters in the query of every operation that only reads."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    found = []
    for path, verbs in document["paths"].items():
        given = [one for one in verbs.get("get", {}).get("parameters", ()) if one["in"] == "query"]
        if given:
            found.append((path, verbs["get"]["operationId"], given))
    return found


OPERATIONS = operations()


def kind_of(one: Parameter, names: set[str]) -> str:
    """How the value is written; empty for free text."""
    schema = one["schema"]
    if schema.get("enum"):
        return "enum"
    if one["name"] in ("before", "after") and "size" in names:
        return "position"
    kind = str(schema.get("format") or schema["type"])
    return kind if kind in WRONG else NAMED.get(one["name"], "")


@pytest.fixture(scope="module")
def scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_scene(make_world())
        transaction.set_rollback(True)


def address(scene: Scene, path: str) -> str:
    shown = scene.path(re.sub(r"\{(\w+)\}", r"<\1>", path).replace("<id>", "<pk>"))
    return shown.replace("<batch>", "x")


@pytest.mark.parametrize(("path", "name", "parameters"), OPERATIONS, ids=[name for _path, name, _all in OPERATIONS])
def test_what_cannot_be_read_is_refused(scene: Scene, path: str, name: str, parameters: list[Parameter]) -> None:
    client, names = browse(scene.world, "petra" if "outgoing" in name else "uma"), {one["name"] for one in parameters}
    known = {"project": scene.world.project.slug} if name == "template_versions_list" else {}
    for one in parameters:
        for value in WRONG.get(kind_of(one, names), ()):
            answer = client.get(address(scene, path), known | {one["name"]: value})
            assert answer.status_code == 400, (name, one["name"], value, answer.status_code)
            assert client.head(address(scene, path), known | {one["name"]: value}).status_code == 400
            said = answer.json()["fields"][one["name"]]
            assert said and all(str(text).endswith(".") for text in said), said


def test_days_and_pages_are_declared_as_what_they_are() -> None:
    """A day that is declared as a text is checked by nobody."""
    texts = {
        (name, one["name"])
        for _path, name, parameters in OPERATIONS
        for one in parameters
        if one["name"] in ("since", "until", "day", "size") and kind_of(one, set()) in ("", "date-time")
    }
    assert texts == {("place_log", "since")}
