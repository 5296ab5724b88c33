"""The API: every verb of the pages, for other platforms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from components.models import Allocation, ComponentSettings, JenkinsServer, ServerTest
from tests.components.conftest import GRID, ORIGINAL, Shop

COMPONENT = "components/sis-omm/sis-omm-proxy-gw/"


@pytest.fixture
def call(shop: Shop, client: Client) -> Any:
    """``call("dana", "post", "components/", {…})`` answers status and JSON."""

    def ask(who: str, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        client.force_login(getattr(shop.world, who))
        url = f"/api/v1/{path}"
        if method == "get":
            answer = client.get(url, query)
        else:
            answer = getattr(client, method)(
                url, json.dumps(body or {}), content_type="application/json", query_params=query
            )
        return answer.status_code, answer.json() if answer.content else None

    return ask


def test_a_component_from_nothing_to_ready(call: Any) -> None:
    settings = {**ORIGINAL, "service_name": "mop"}
    status, made = call("petra", "post", "components/", {"project": "sis-omm", "name": "MOP", "settings": settings})
    assert status == 201
    assert made["settings"]["git_url"] == ORIGINAL["git_url"]
    assert made["settings"]["build_directory"] == "/"
    assert not made["is_ready"]
    for slug, amounts in GRID.items():
        status, saved = call("petra", "put", f"components/sis-omm/mop/allocations/{slug}/", amounts)
        assert (status, saved["number"], saved["memory_limit"]) == (200, 1, amounts["memory_limit"])
    status, found = call("tess", "get", "components/sis-omm/mop/")
    assert (status, found["is_ready"], found["missing"]) == (200, True, [])


def test_problems_name_their_fields(call: Any, shop: Shop) -> None:
    status, said = call("dana", "post", "components/", {"project": "sis-omm", "name": "sis-omm-PROXY-gw"})
    assert (status, list(said["fields"])) == (400, ["name"])
    status, said = call("dana", "put", COMPONENT + "settings/", {"package_name": "a/b", "node_label": "master"})
    assert (status, set(said["fields"])) == (400, {"package_name", "node_label"})
    status, said = call("olli", "put", COMPONENT + "allocations/fat/", {**GRID["fat"], "cpu_request": "1K"})
    assert (status, set(said["fields"])) == (400, {"cpu_request"})
    assert not ComponentSettings.objects.exists() and not Allocation.objects.exists()


def test_rights_and_outsiders(call: Any) -> None:
    assert call("otto", "get", COMPONENT)[0] == 404
    assert call("tess", "put", COMPONENT + "settings/", {"description": "x"})[0] == 403
    assert call("dana", "put", COMPONENT + "allocations/fat/", GRID["fat"])[0] == 403
    assert call("dana", "get", "jenkins-servers/")[0] == 403
    assert call("uma", "get", "jenkins-servers/")[0] == 200
    assert call("uma", "post", "base-images/", {"image": "a:1"})[0] == 403


def test_stale_is_409(call: Any) -> None:
    assert call("dana", "put", COMPONENT + "settings/", {"description": "a", "seen_number": 0})[0] == 200
    status, said = call("dana", "put", COMPONENT + "settings/", {"description": "b", "seen_number": 0})
    assert (status, said["code"]) == (409, "stale")
    status, page = call("dana", "get", COMPONENT + "settings/")
    assert [row["number"] for row in page["items"]] == [1]


def test_the_grid_is_all_or_none(call: Any) -> None:
    rows = [{"environment": slug, **amounts} for slug, amounts in GRID.items()]
    broken = [*rows[:3], {**rows[3], "cpu_limit": "1"}]
    status, said = call("olli", "put", COMPONENT + "allocations/", {"allocations": broken})
    assert (status, set(said["fields"])) == (400, {"drp.cpu_limit"})
    assert not Allocation.objects.exists()
    status, page = call("olli", "put", COMPONENT + "allocations/", {"allocations": rows})
    assert (status, len(page["items"])) == (200, 4)


@pytest.mark.parametrize("who", ["olli", "uma"])
def test_a_grid_without_rows_saves_nothing_and_says_so(call: Any, who: str) -> None:
    status, said = call(who, "put", COMPONENT + "allocations/", {"allocations": []})
    assert (status, set(said["fields"])) == (400, {"allocations"})


def test_configuration(call: Any) -> None:
    body = {"env": [{"name": "A", "value": " kept "}, {"name": "B", "secret": "s", "key": "k"}], "files": {"x": "y\n"}}
    status, saved = call("dana", "put", COMPONENT + "configurations/fat/", body)
    assert (status, saved["env"], saved["files"]) == (200, body["env"], {"x": "y\n"})
    assert call("dana", "put", COMPONENT + "configurations/prd/", body)[0] == 403


def test_templates(call: Any) -> None:
    body = {"kind": "service", "name": "own.yaml", "project": "sis-omm", "body": "a: 1\n"}
    assert call("dana", "post", "templates/", body)[0] == 201
    assert call("dana", "get", "templates/own.yaml/")[0] == 404
    status, found = call("dana", "get", "templates/own.yaml/", project="sis-omm")
    assert (status, found["version"]["body"]) == (200, "a: 1\n")
    text = {"body": "a: 2\n", "seen_number": 1}
    assert call("dana", "post", "templates/own.yaml/versions/", text, project="sis-omm")[0] == 201
    assert call("dana", "post", "templates/own.yaml/versions/", {"body": "a: {{"}, project="sis-omm")[0] == 400
    assert call("dana", "post", "templates/dockerfile-jdk8-ant/versions/", text)[0] == 403
    status, page = call("dana", "get", "templates/own.yaml/versions/", project="sis-omm")
    assert [version["number"] for version in page["items"]] == [2, 1]
    assert call("otto", "get", "templates/own.yaml/", project="sis-omm")[0] == 404
    status, started = call("dana", "post", COMPONENT + "previews/", {"kind": "service", "body": "a: 1"})
    assert (status, started["state"]) == (201, "queued")
    assert call("tess", "post", COMPONENT + "previews/", {"kind": "service", "body": "a: 1"})[0] == 403
    assert call("otto", "get", f"previews/{started['id']}/")[0] == 404


def test_base_images(call: Any) -> None:
    assert call("ada", "post", "base-images/", {"image": "base/python 3.11"})[0] == 201
    assert call("ada", "put", "base-images/archive/", {"image": "base/python:3.11"})[1]["is_archived"] is True
    assert [row["image"] for row in call("dana", "get", "base-images/")[1]["items"]] == [
        "/base/middleware/tomcat:8.0.14-oraclejdk1.8.0_73"
    ]


@pytest.mark.security("secrets-that-leak")
def test_credentials_go_in_and_never_come_out(call: Any) -> None:
    body = {"slug": "two", "name": "Two", "url": "http://127.0.0.1:1/", "username": "u", "token": "sesame-open-up"}
    status, made = call("ada", "post", "jenkins-servers/", body)
    assert status == 201
    assert made["has_credentials"] is True
    assert "token" not in made and "sesame" not in json.dumps(made)
    assert call("ada", "patch", "jenkins-servers/two/", {"name": "Zwei"})[1]["name"] == "Zwei"
    assert JenkinsServer.objects.get(slug="two").token == "sesame-open-up"
    status, said = call("ada", "patch", "jenkins-servers/two/", {"url": "http://127.0.0.1:2/"})
    assert (status, set(said["fields"])) == (400, {"token"})
    assert call("ada", "post", "jenkins-servers/", body)[0] == 400


def test_other_servers_and_their_tests(call: Any) -> None:
    status, made = call("ada", "post", "git-servers/", {"host": "127.0.0.1:3000", "name": "Local", "allow_http": True})
    assert (status, made["host"]) == (201, "127.0.0.1:3000")
    again = call("ada", "post", "git-servers/", {"host": "127.0.0.1:3000", "name": "Local", "allow_http": True})
    assert (again[0], set(again[1]["fields"])) == (400, {"host"})
    status, test = call("ada", "post", "git-servers/127.0.0.1:3000/tests/", {"subject": "http://127.0.0.1:3000/a.git"})
    assert (status, test["state"]) == (201, "queued")
    assert ServerTest.objects.get().git.host == "127.0.0.1:3000"
    registry = {"slug": "r", "name": "R", "address": "127.0.0.1:5000", "url": "http://169.254.169.254/"}
    status, said = call("ada", "post", "registries/", registry)
    assert (status, set(said["fields"])) == (400, {"url"})
    assert call("ada", "post", "registries/", {**registry, "url": "http://127.0.0.1:5000"})[0] == 201
    assert call("ada", "put", "projects/sis-omm/toolchain/", {"jenkins": "main", "registry": "r"})[0] == 200
    assert call("tess", "get", "projects/sis-omm/toolchain/")[1] == {"jenkins": "main", "registry": "r"}
    assert call("ada", "put", "registries/r/archive/", {"is_archived": True})[0] == 409


def test_scaling_rules(call: Any) -> None:
    path = COMPONENT + "scaling-rules/fat/"
    assert call("olli", "put", path, {"is_on": True})[0] == 409, "there is no allocation yet"
    assert call("olli", "put", COMPONENT + "allocations/fat/", GRID["fat"])[0] == 200
    status, said = call("olli", "put", path, {"is_on": True, "minimum": 0, "maximum": 300})
    assert (status, set(said["fields"])) == (400, {"minimum", "maximum"})
    assert call("dana", "put", path, {"is_on": True})[0] == 403
    assert call("olli", "put", COMPONENT + "scaling-rules/mars/", {"is_on": True})[0] == 404
    status, saved = call("olli", "put", path, {"is_on": True, "maximum": 6, "note": "peak"})
    numbers = {name: saved[name] for name in ("minimum", "maximum", "cpu_percent", "scale_down_seconds")}
    assert numbers == {"minimum": 1, "maximum": 6, "cpu_percent": 70, "scale_down_seconds": 300}
    status, said = call("olli", "put", path, {"is_on": False, "seen_number": 1})
    assert (status, set(said["fields"])) == (400, {"note"})
    status, saved = call("olli", "put", path, {"is_on": False, "seen_number": 1, "note": "peak over"})
    assert (status, saved["number"], saved["is_on"], saved["maximum"]) == (200, 2, False, 6)
    assert call("olli", "put", path, {"is_on": True, "seen_number": 1})[0] == 409
    status, listed = call("tess", "get", COMPONENT + "scaling-rules/")
    assert (status, [row["number"] for row in listed["items"]]) == (200, [2])
    assert [row["is_on"] for row in call("tess", "get", COMPONENT)[1]["scaling_rules"]] == [False]
