"""The API does what the pages do: the same services, rights and messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation
from accounts.services import create_token
from environments.models import Cluster, Membership, Space
from tests.cast import World


class Caller:
    """One person's token."""

    def __init__(self, world: World, who: str, scopes: tuple[str, ...] = ("read", "admin")) -> None:
        token = create_token(actor=world.people[who], name="t", scopes=scopes, lifetime=timedelta(days=1))[1]
        self.client = Client(headers={"Authorization": f"Token {token}"})

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        call = getattr(self.client, method)
        return call(f"/api/v1/{path}", body, content_type="application/json", headers=headers or None)


def test_from_organisation_to_space(world: World) -> None:
    ada = Caller(world, "ada")
    assert ada("post", "organisations/", {"slug": "itc", "name": "ITC"}).status_code == 201
    made = ada("post", "projects/", {"slug": "ams", "name": "AMS", "organisation": "itc", "administrators": ["otto"]})
    assert made.status_code == 201 and made.json()["organisation"] == "itc"
    space = ada(
        "post", "projects/ams/spaces/",
        {"environment": "prd", "cluster": "main", "ceilings": {"cpu_limits": "8", "memory_limits": "1.5"}},
    )  # fmt: skip
    assert space.status_code == 201
    body = space.json()
    assert body["namespace"] == "ams-prd" and body["sync"]["state"] == "queued"
    assert body["ceilings"]["memory_limits"] == "1.5" and body["policy"]["four_eyes"] is True
    otto = Caller(world, "otto")
    assert [row["slug"] for row in otto("get", "projects/").json()["items"]] == ["ams"]
    member = otto("post", "projects/ams/members/", {"username": "dana", "role": "operations", "environment": "prd"})
    assert member.status_code == 201
    number = member.json()["number"]
    assert otto("delete", f"projects/ams/members/{number}/").status_code == 204
    policy = otto("patch", "projects/ams/spaces/prd/policy/", {"settle_seconds": 5, "version": body["version"]})
    assert policy.json()["policy"]["settle_seconds"] == 5
    stale = otto("patch", "projects/ams/spaces/prd/policy/", {"settle_seconds": 6, "version": body["version"]})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")


def test_refusals_are_problem_documents_with_fields_and_help(world: World) -> None:
    ada, dana = Caller(world, "ada"), Caller(world, "dana")
    wrong = ada("patch", "projects/sis-omm/spaces/fat/", {"ceilings": {"cpu_limits": "1K"}})
    assert wrong.status_code == 400
    assert wrong["Content-Type"].startswith("application/problem+json")
    assert list(wrong.json()["fields"]) == ["cpu_limits"]
    denied = dana("patch", "projects/sis-omm/spaces/fat/policy/", {"settle_seconds": 1})
    assert denied.status_code == 403 and "Petra" in denied.json()["who_can_help"]
    assert Caller(world, "otto")("get", "projects/sis-omm/spaces/fat/").status_code == 404
    below = Caller(world, "petra")("patch", "projects/sis-omm/spaces/prd/policy/", {"approvals": 0})
    assert list(below.json()["fields"]) == ["approvals"]


def test_a_token_without_the_scope_only_reads(world: World) -> None:
    reader = Caller(world, "ada", scopes=("read",))
    assert reader("get", "clusters/").status_code == 200
    assert reader("patch", "clusters/main/", {"name": "X"}).status_code == 403
    assert Cluster.objects.get().name == "Main"


def test_secrets_are_written_only(world: World) -> None:
    ada = Caller(world, "ada")
    made = ada(
        "post", "clusters/", {"slug": "two", "name": "2", "url": "http://127.0.0.1:2", "token": "cluster-secret"}
    )
    assert made.status_code == 201 and "cluster-secret" not in made.content.decode()
    assert "token" not in made.json() and "client_key_pem" not in made.json()
    assert "cluster-secret" not in ada("get", "clusters/two/").content.decode()
    ada("patch", "clusters/two/", {"name": "Two", "token": ""})
    assert Cluster.objects.get(slug="two").token == "cluster-secret"


def test_a_connection_test_is_asked_for_and_looked_at(world: World) -> None:
    ada = Caller(world, "ada")
    asked = ada("post", "clusters/main/tests/")
    assert asked.status_code == 202 and asked.json()["state"] == "queued"
    number = asked.json()["number"]
    assert ada("get", f"clusters/main/tests/{number}/").json()["number"] == number
    assert ada("get", "clusters/main/tests/").json()["items"][0]["number"] == number
    assert Caller(world, "uma")("get", "clusters/main/tests/").status_code == 200
    assert Caller(world, "uma")("post", "clusters/main/tests/").status_code == 403


def test_people_and_site_roles(world: World) -> None:
    ada = Caller(world, "ada")
    body = {"username": "nina", "name": "Nina", "password": "quite a long phrase"}
    made = ada("post", "people/", body)
    assert made.status_code == 201 and "password" not in made.json()
    role = ada("post", "people/nina/roles/", {"role": "auditor"}).json()
    assert Caller(world, "ada")("get", "people/nina/roles/").json()["items"][0]["role"] == "auditor"
    assert ada("delete", f"people/nina/roles/{role['number']}/").status_code == 204
    assert ada("put", "people/nina/password/", {"password": "short"}).status_code == 400
    assert ada("delete", "people/nina/active/").status_code == 204
    assert ada("get", "people/nina/").json()["is_active"] is False
    assert Caller(world, "petra")("get", "people/").status_code == 403


def test_environments_and_the_flow(world: World) -> None:
    ada = Caller(world, "ada")
    items = Caller(world, "otto")("get", "environments/").json()["items"]
    assert [(one["slug"], one["follows"], one["twin"]) for one in items] == [
        ("fat", [], ""), ("uat", ["fat"], ""), ("prd", ["uat"], ""), ("drp", ["uat"], "prd"),
    ]  # fmt: skip
    circle = ada("patch", "environments/fat/", {"follows": ["prd"]})
    assert circle.status_code == 400 and list(circle.json()["fields"]) == ["follows"]
    assert ada("post", "environments/", {"slug": "pre", "name": "P", "follows": ["uat"]}).status_code == 201


def test_archiving_over_the_api(world: World) -> None:
    ada, dana = Caller(world, "ada"), Caller(world, "dana")
    assert ada("put", "projects/sis-omm/archive/", {"reason": "over"}).json()["is_archived"] is True
    assert dana("get", "projects/").json()["items"] == []
    assert len(dana("get", "projects/?archived=true").json()["items"]) == 1
    shut = Caller(world, "petra")("post", "projects/sis-omm/members/", {"username": "otto", "role": "tester"})
    assert (shut.status_code, shut.json()["code"]) == (409, "project-archived")
    assert ada("delete", "projects/sis-omm/archive/").status_code == 204


def test_lists_go_by_keyset(world: World) -> None:
    for number in range(5):
        Organisation.objects.create(slug=f"o{number}", name="O")
    ada = Caller(world, "ada")
    first = ada("get", "organisations/?size=4").json()
    second = ada("get", f"organisations/?size=4&before={first['next']}").json()
    slugs = [row["slug"] for row in first["items"] + second["items"]]
    assert slugs == ["o4", "o3", "o2", "o1", "o0", "sis"] and second["next"] is None


def test_a_repeated_request_adds_a_member_once(world: World) -> None:
    petra = Caller(world, "petra")
    body = {"username": "otto", "role": "tester"}
    first = petra("post", "projects/sis-omm/members/", body, **{"Idempotency-Key": "one"})
    again = petra("post", "projects/sis-omm/members/", body, **{"Idempotency-Key": "one"})
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert Membership.objects.filter(user=world.otto).count() == 1


@pytest.mark.parametrize("who", ["petra", "olli", "dana", "uma", "otto"])
def test_ceilings_are_for_platform_administrators(world: World, who: str) -> None:
    answer = Caller(world, who)("patch", "projects/sis-omm/spaces/fat/", {"ceilings": {"pods": "1"}})
    assert answer.status_code == (404 if who == "otto" else 403)
    assert Space.objects.get(environment__slug="fat").pods_ceiling is None
