"""What the OpenAPI schema promises of every operation, held to the serializers and views behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import force_instance
from rest_framework import serializers

from tests.cast import World

Operation = dict[str, Any]


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def operations() -> Iterator[tuple[str, str, Operation]]:
    for path, methods in schema()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        part = schema()["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    if "allOf" in part and len(part["allOf"]) == 1:
        return resolved(part["allOf"][0])
    return part


def objects(part: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object with named fields below a body."""
    part = resolved(part)
    if "properties" in part:
        yield where, part
        for name, inner in part["properties"].items():
            yield from objects(inner, f"{where}.{name}")
    if part.get("type") == "array":
        yield from objects(part["items"], f"{where}[]")


def write_serializers() -> dict[str, serializers.BaseSerializer[Any]]:
    """What each operation reads its body with, by operation id."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    generator._initialise_endpoints()
    found = {}
    for path, path_regex, method, view in generator._get_paths_and_endpoints():
        inspector: Any = view.schema
        inspector.path, inspector.path_regex, inspector.method = path, path_regex, method
        taken = inspector.get_request_serializer() if method in ("POST", "PUT", "PATCH") else None
        if path.startswith("/api/v1/") and taken is not None:
            found[f"{method} {path}"] = force_instance(taken)
    return found


def test_every_operation_says_how_it_refuses() -> None:
    for path, method, operation in operations():
        answers = operation["responses"]
        assert {"401", "403", "500", "503"} <= set(answers), (method, path)
        if "{" in path:
            assert "404" in answers, (method, path)
        if "requestBody" in operation:
            assert {"400", "409", "413", "415"} <= set(answers), (method, path)
        for status, answer in answers.items():
            if int(status) >= 400:
                (media,) = answer["content"]
                assert media == "application/problem+json" and answer["description"], (method, path, status)
                assert resolved(answer["content"][media]["schema"])["properties"]["detail"], (method, path, status)


def address(path: str) -> str:
    """One that leads nowhere."""
    found = re.sub(r"\{(\w+)\}", lambda part: "1" if part[1] in ("id", "attempt", "line") else "x1", path)
    return found.replace("/trials/x1/", f"/trials/{UUID(int=1)}/")


@pytest.mark.security("unexpected-input")
@pytest.mark.parametrize(
    ("status", "method", "given"),
    [
        (406, "", {"headers": {"accept": "application/xml"}}),
        (415, "body", {"data": "<a/>", "content_type": "text/xml"}),
        (400, "body", {"data": "{", "content_type": "application/json"}),
        (400, "unsafe", {"data": '{"surprise": 1}', "content_type": "application/json"}),
        (413, "unsafe", {"data": " " * 6_000_000, "content_type": "application/json"}),
    ],
)
def test_a_refusal_that_any_caller_can_provoke_is_documented(
    world: World, status: int, method: str, given: dict[str, Any]
) -> None:
    client, met = Client(), 0
    client.force_login(world.ada)
    for path, verb, operation in operations():
        if (method == "body" and "requestBody" not in operation) or (method == "unsafe" and verb == "get"):
            continue
        answer = client.generic(verb, address(path), **given)
        met += answer.status_code == status
        assert str(answer.status_code) in operation["responses"], (verb, path, answer.status_code, answer.content)
    assert met > 20


def test_a_cluster_that_refuses_a_log_is_documented() -> None:
    documented = {
        operation["operationId"] for _path, _verb, operation in operations() if "502" in operation["responses"]
    }
    assert documented == {"pod_log", "place_log"}


def test_every_operation_has_a_name_of_its_own_and_a_summary() -> None:
    names = [operation["operationId"] for _path, _method, operation in operations()]
    assert len(names) == len(set(names)) and not [name for name in names if name.endswith(("_2", "_3"))]
    assert [path for path, _method, operation in operations() if not operation.get("description")] == []
    assert [name for name in schema()["components"]["schemas"] if not re.fullmatch(r"([A-Z][a-z0-9]*)+", name)] == []


def test_all_lists_look_alike() -> None:
    """Every answer with ``items`` has the cursors beside them, and nothing answers with a bare array.

    What a list is searched by has one name in all of them.
    """
    pages = 0
    for path, method, operation in operations():
        for status in ("200", "201"):
            content = operation["responses"].get(status, {}).get("content", {}).get("application/json")
            answer = resolved(content["schema"]) if content else {}
            assert answer.get("type") != "array", (method, path)
            if method == "get" and "items" in answer.get("properties", {}):
                pages += 1
                assert {"items", "next", "previous"} <= set(answer["properties"]), path
                taken = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
                assert not {"q", "query", "text", "name"} & taken, path
    assert pages > 20


@pytest.mark.security("unknown-fields")
def test_bodies_are_closed_in_the_schema() -> None:
    bodies = 0
    for path, method, operation in operations():
        if "requestBody" in operation:
            bodies += 1
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            for where, part in objects(body, f"{method} {path}"):
                assert part.get("additionalProperties") is False, where
    assert bodies > 40


@pytest.mark.security("unknown-fields")
@pytest.mark.parametrize("where", write_serializers())
def test_a_body_with_an_unknown_key_is_refused(where: str) -> None:
    shape = type(write_serializers()[where])
    reader = shape(data={"surprise": 1})
    assert not reader.is_valid()
    assert "“surprise”" in str(reader.errors["surprise"][0])


@pytest.mark.security("unknown-fields")
def test_what_takes_no_fields_refuses_any_by_name(world: World) -> None:
    """Each operation without a body, at any address: the fields are refused before anything is looked up."""
    client, tried = Client(), 0
    client.force_login(world.ada)
    for path, method, operation in operations():
        if method in ("post", "put", "patch", "delete") and "requestBody" not in operation:
            tried += 1
            whole = {one["name"] for one in operation["parameters"] if one["schema"]["type"] == "integer"}
            address = re.sub(r"\{(\w+)\}", lambda found, whole=whole: "1" if found[1] in whole else "x1", path)
            answer = client.generic(method, address, '{"surprise": 1}', content_type="application/json")
            assert answer.status_code == 400, (method, path, answer.content)
            assert "“surprise”" in answer.json()["fields"]["surprise"][0], (method, path)
    assert tried >= 16


@pytest.mark.security("unknown-fields")
@pytest.mark.parametrize("where", write_serializers())
def test_a_part_of_a_body_with_an_unknown_key_is_refused(where: str) -> None:
    """A misspelt ceiling of a space is as lost as a misspelt space."""
    shape = write_serializers()[where]
    for name, field in getattr(shape, "fields", {}).items():
        inner, many = (field.child, True) if isinstance(field, serializers.ListSerializer) else (field, False)
        if isinstance(inner, serializers.BaseSerializer) and not field.read_only:
            value: Any = {"surprise": 1}
            reader: Any = type(shape)(data={name: [value] if many else value})
            assert not reader.is_valid()
            said = reader.errors[name][0] if many else reader.errors[name]
            assert "“surprise”" in str(said["surprise"]), (where, name)
