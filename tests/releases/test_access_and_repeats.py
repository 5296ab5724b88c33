"""A team of one gets a message; people without access learn nothing; a repeated request gets its first answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.permissions import AllowAny

from accounts.models import Token
from environments.models import Membership
from foundation.api.views import ApiView
from prism4k.urls import api
from releases import gates
from releases.logs import reading
from releases.models import Build, LogChunk
from releases.services import promotions
from releases.transitions import end_run
from tests.cast import World
from tests.releases.rows import COMMIT, build, make_built, make_component, make_order, make_review, make_success


def post(world: World, username: str, path: str, body: dict[str, Any], key: str = "") -> Any:
    _token, secret = Token.objects.create(world.people[username], name="t", scopes=["build", "deploy", "promote"])
    client = Client(headers={"Authorization": f"Token {secret}"})
    return client, lambda: client.post(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
    )


def api_patterns() -> list[Any]:
    """Every address under /api/v1/."""
    waiting, found = list(api), []
    while waiting:
        one = waiting.pop()
        waiting += getattr(one, "url_patterns", [])
        found += [one] if getattr(one, "callback", None) else []
    return found


def test_a_repeated_build_request_gets_its_first_answer(world: World) -> None:
    order = make_order(make_component(world), world.dana)
    # Frozen already, so that Git need not be asked.
    row = build(order)
    end_run(row, "failed", actor=None, reason="build_failed")
    _client, again = post(world, "dana", f"orders/{order.number}/builds/", {}, key="k1")
    first, second = again(), again()
    assert first.status_code == 202, first.json()
    assert second.status_code == 202, second.json()
    assert second.json() == first.json() and second["Idempotency-Replayed"] == "true"
    assert Build.objects.count() == 2


@pytest.mark.security("rights-on-every-way-in")
def test_a_repeated_request_asks_the_rights_again(world: World) -> None:
    order = make_order(make_component(world), world.olli)
    _client, again = post(world, "dana", f"orders/{order.number}/comments/", {"text": "seen"}, key="k1")
    assert (again().status_code, again().status_code) == (201, 201)
    Membership.objects.filter(user=world.dana).delete()
    Membership.objects.create(user=world.dana, role="auditor")
    less = again()
    assert (less.status_code, less.json()["code"]) == (403, "denied"), less.json()
    assert not less.has_header("Idempotency-Replayed")
    Membership.objects.filter(user=world.dana).delete()
    gone = again()
    assert gone.status_code == 404 and "text" not in gone.json()
    Membership.objects.create(user=world.dana, project=world.project, role="developer")
    assert again()["Idempotency-Replayed"] == "true"
    assert order.comments.count() == 1


@pytest.mark.security("rights-on-every-way-in")
def test_a_repeated_review_asks_for_the_right_of_its_space(world: World) -> None:
    order, space = make_built(make_component(world), world.dana), world.spaces["fat"]
    path = f"orders/{order.number}/reviews/"
    _client, again = post(world, "olli", path, {"environment": "fat"}, key="k1")
    first = again()
    assert first.status_code in (201, 202), first.json()
    Membership.objects.filter(user=world.olli).update(environment=world.environments["uat"])
    assert again().status_code == 403, space


@pytest.mark.security("rights-on-every-way-in")
def test_a_token_that_may_only_read_posts_nothing_but_its_own_end(world: World) -> None:
    order = make_order(make_component(world), world.dana)
    _row, secret = Token.objects.create(world.dana, name="t", scopes=["read"])
    client = Client(headers={"Authorization": f"Token {secret}"})
    refused = client.post(f"/api/v1/orders/{order.number}/check/")
    assert (refused.status_code, refused.json()["code"]) == (403, "denied")
    assert client.get(f"/api/v1/orders/{order.number}/").status_code == 200
    assert client.post("/api/v1/sign-out/").status_code == 204
    assert client.get(f"/api/v1/orders/{order.number}/").status_code == 401


@pytest.mark.security("rights-on-every-way-in")
def test_every_address_that_acts_asks_for_more_than_reading() -> None:
    found = [pattern.callback for pattern in api_patterns()]
    views = {getattr(callback, "cls", None) or getattr(callback, "view_class", None) for callback in found}
    acting = [
        view for view in views
        if view and issubclass(view, ApiView) and view.permission_classes != [AllowAny]
        and any(hasattr(view, verb) for verb in ("post", "put", "patch", "delete", "create", "partial_update"))
    ]  # fmt: skip
    assert len(acting) > 30
    assert [view.__name__ for view in acting if view.scope in ("", "read")] == ["SignOut"]


@pytest.mark.security("guessed-ids")
def test_an_outsider_cannot_count_deployments(world: World) -> None:
    row = make_success(make_built(make_component(world), world.dana), world.spaces["fat"], world.olli)
    client, _call = post(world, "otto", "x", {})
    real, wrong = client.get(f"/api/v1/deployments/{row.pk}/"), client.get(f"/api/v1/deployments/{row.pk + 999}/")
    assert (real.status_code, wrong.status_code) == (404, 404)
    assert real.json()["detail"] == wrong.json()["detail"]


def test_a_claim_with_a_number_that_no_build_has_is_bad_input(world: World, client: Client) -> None:
    row = build(make_order(make_component(world), world.dana))
    body = {"trigger_id": str(row.trigger_id), "build_number": 2**40, "queue_id": None}
    answer = client.post("/hooks/jenkins/claim", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    row.refresh_from_db()
    assert row.build_number is None


@pytest.mark.security("forged-tasks")
def test_the_key_of_the_hooks_is_not_handed_out(world: World) -> None:
    order = make_order(make_component(world), world.dana)
    row = build(order)
    client, _call = post(world, "tess", "x", {})
    text = client.get(f"/api/v1/orders/{order.number}/").content.decode()
    assert COMMIT in text
    assert str(row.trigger_id) not in text


def test_a_long_log_comes_in_pieces_of_bounded_size(world: World) -> None:
    row = build(make_order(make_component(world), world.dana))
    piece = "x" * 600_000
    for number in range(5):
        LogChunk.objects.create(build=row, offset=number * len(piece), first_line=1, text=piece)
    text, offset = reading.log_from(row, 0), 0
    assert 0 < len(text) <= 1_200_000
    while text := reading.log_from(row, offset):
        offset += len(text)
    assert offset == 5 * len(piece)


def alone(world: World) -> Any:
    """Olli is the only one left who deploys or approves."""
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["uat"], world.oskar)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    Membership.objects.filter(user__in=[world.oskar, world.petra]).delete()
    return order


def test_a_team_of_one_operator_gets_a_message(world: World) -> None:
    order, prd = alone(world), world.spaces["prd"]
    snapshot = make_review(order, prd).snapshot
    found = gates.deployment_gates(order, prd, snapshot=snapshot, deployer=world.olli)
    (gate,) = [gate for gate in found if gate.code == "approved"]
    assert not gate.is_open
    assert "Nobody" in str(gate.message)
    assert "Olli" not in str(gate.who)


def test_an_author_who_is_the_only_operator_gets_a_message(world: World) -> None:
    order, prd = alone(world), world.spaces["prd"]
    order.author = world.olli
    order.save(update_fields=["author"])
    found = gates.deployment_gates(order, prd, snapshot=None, deployer=world.olli)
    (gate,) = [gate for gate in found if gate.code == "four-eyes"]
    assert not gate.is_open
    assert "Nobody else" in str(gate.message)


@pytest.mark.parametrize("username", ["oskar", "petra"])
def test_where_somebody_is_left_they_are_named(world: World, username: str) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["uat"], world.olli)
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    found = gates.deployment_gates(order, world.spaces["prd"], snapshot=snapshot, deployer=world.olli)
    (gate,) = [gate for gate in found if gate.code == "approved"]
    assert "0 of 1" in str(gate.message) and world.people[username].shown_name in str(gate.who)
