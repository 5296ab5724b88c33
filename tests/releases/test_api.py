"""The order's API as another platform meets it: tokens, scopes, missing access, refusals, retries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import Project, Token
from audit.models import AuditEvent
from components.models import Component
from environments.models import Membership
from releases.models import Build, Comment, Deployment, Promotion
from tests.cast import World
from tests.releases.rows import COMMIT, make_built, make_component, make_order, make_review, make_success

ALL = ["read", "build", "promote", "deploy", "admin"]


class Caller:
    """One person's token on the API."""

    def __init__(self, world: World, username: str, scopes: list[str] | None = None) -> None:
        _token, secret = Token.objects.create(
            world.people[username], name="test", scopes=ALL if scopes is None else scopes
        )
        self.client = Client(headers={"Authorization": f"Token {secret}"})

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}")

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(
            f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
        )


@pytest.fixture
def component(world: World) -> Component:
    return make_component(world)


@pytest.mark.security("guessed-ids")
def test_an_outsider_sees_the_same_404_as_for_a_wrong_number(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    otto = Caller(world, "otto")
    real, wrong = otto.get(f"orders/{order.number}/"), otto.get("orders/K8S20200101000000AA/")
    assert (real.status_code, wrong.status_code) == (404, 404)
    hidden = {"instance", "request_number"}
    assert {k: v for k, v in real.json().items() if k not in hidden} == {
        k: v for k, v in wrong.json().items() if k not in hidden
    }
    assert otto.get("orders/").json()["items"] == []


@pytest.mark.security("stolen-or-made-up-tokens")
def test_nobody_without_a_token(world: World, component: Component, client: Client) -> None:
    order = make_order(component, world.dana)
    for headers in ({}, {"Authorization": "Token junk"}, {"Authorization": "Bearer "}, {"Authorization": "Basic eDp5"}):
        answer = client.get(f"/api/v1/orders/{order.number}/", headers=headers)
        assert answer.status_code == 401, headers
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.security("stolen-or-made-up-tokens")
def test_a_scope_that_the_token_lacks(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    reader = Caller(world, "dana", ["read"])
    assert reader.get(f"orders/{order.number}/").status_code == 200
    refused = reader.post(f"orders/{order.number}/builds/", {"commit": COMMIT})
    assert refused.status_code == 403
    assert "build" in refused.json()["detail"]
    assert not Build.objects.exists()


def test_a_developer_cannot_deploy_above_fat_granted_or_not(world: World, component: Component) -> None:
    from datetime import timedelta

    from django.utils import timezone

    order = make_built(component, world.dave)
    make_success(order, world.spaces["fat"], world.olli)
    for slug in ("uat", "prd", "drp"):
        # Written past the service, which refuses such a grant: the table still says no.
        Membership.objects.create(
            user=world.dana,
            role="grant",
            project=world.project,
            environment=world.environments[slug],
            ends_at=timezone.now() + timedelta(days=1),
        )
        review = make_review(order, world.spaces[slug])
        for who in ("dana", "dave"):
            answer = Caller(world, who).post(
                f"orders/{order.number}/deployments/", {"environment": slug, "snapshot": review.snapshot.hash}
            )
            assert answer.status_code == 403, (slug, who)
            assert "Olli" in answer.json()["who_can_help"]
    assert Deployment.objects.count() == 1


def test_a_grant_lets_a_developer_deploy_to_fat(world: World, component: Component) -> None:
    from datetime import timedelta

    from django.utils import timezone

    order = make_built(component, world.dana)
    dana = Caller(world, "dana")
    assert dana.post(f"orders/{order.number}/promotions/", {"environment": "fat"}).status_code == 201
    assert dana.post(f"orders/{order.number}/deployments/", {"environment": "fat"}).status_code == 403
    grant = Membership.objects.create(
        user=world.dana,
        role="grant",
        project=world.project,
        environment=world.environments["fat"],
        ends_at=timezone.now() + timedelta(days=1),
    )
    answer = dana.post(f"orders/{order.number}/deployments/", {"environment": "fat"})
    assert answer.status_code == 202, answer.content
    Membership.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    assert dana.post(f"deployments/{answer.json()['id']}/cancellation/").status_code == 202  # one's own


def test_a_second_deployer_is_told_who_was_first(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    Caller(world, "tess").post(f"orders/{order.number}/promotions/", {"environment": "fat"})
    first = Caller(world, "olli").post(f"orders/{order.number}/deployments/", {"environment": "fat"})
    second = Caller(world, "oskar").post(f"orders/{order.number}/deployments/", {"environment": "fat"})
    assert (first.status_code, second.status_code) == (202, 409)
    assert "Olli" in second.json()["detail"]
    assert order.number in second.json()["detail"]
    assert AuditEvent.objects.filter(outcome="refused", actor_name="Oskar").count() == 1


def test_a_repeated_request_gets_the_first_answer(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    dana = Caller(world, "dana")
    first = dana.post(f"orders/{order.number}/comments/", {"text": "once"}, key="abc")
    again = dana.post(f"orders/{order.number}/comments/", {"text": "once"}, key="abc")
    other = dana.post(f"orders/{order.number}/comments/", {"text": "twice"}, key="abc")
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Comment.objects.count() == 1


def test_a_build_is_started_once(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    dana = Caller(world, "dana")
    assert dana.post(f"orders/{order.number}/builds/", {"commit": COMMIT}).status_code == 202
    second = dana.post(f"orders/{order.number}/builds/", {"commit": COMMIT})
    assert second.status_code == 409
    assert second.json()["detail"] == "A build of this order is under way."
    assert Build.objects.count() == 1


def test_an_incomplete_component_is_not_built(world: World) -> None:
    component = make_component(world, package_name="", dockerfile=None)
    order = make_order(component, world.dana)
    answer = Caller(world, "dana").post(f"orders/{order.number}/builds/", {"commit": COMMIT})
    assert answer.status_code == 409
    assert "Dockerfile" in answer.json()["detail"]
    order.refresh_from_db()
    assert (order.state, order.commit) == ("created", "")


def test_rubbish_is_named_by_field(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    tess = Caller(world, "tess")
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("promotions", {"environment": "fat", "test_verdict": "splendid"}, "test_verdict"),
        ("promotions", {}, "environment"),
        ("comments", {"text": ""}, "text"),
        ("comments", {"text": "x" * 4001}, "text"),
        ("approvals", {"environment": "prd", "snapshot": "zz", "decision": "approve"}, "snapshot"),
        ("builds", {"commit": "HEAD; rm -rf /"}, "commit"),
    ]
    for path, body, field in cases:
        answer = tess.post(f"orders/{order.number}/{path}/", body)
        assert answer.status_code == 400, (path, answer.content)
        assert field in answer.json()["fields"], path
    assert tess.client.post("/api/v1/orders/", "{not json", content_type="application/json").status_code == 400
    assert not Promotion.objects.exists()


def test_events_are_replayed_from_a_number(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    dana = Caller(world, "dana")
    everything = dana.get(f"orders/{order.number}/events/").json()
    sequence = [event["seq"] for event in everything["items"]]
    assert sequence == list(range(1, everything["last_seq"] + 1))
    rest = dana.get(f"orders/{order.number}/events/?after=2").json()["items"]
    assert [event["seq"] for event in rest] == sequence[2:]
    assert dana.get(f"orders/{order.number}/events/?after=-1").status_code == 400


@pytest.mark.security("guessed-ids")
def test_a_token_of_one_project_sees_no_other(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    other = Project.objects.create(organisation=world.organisation, slug="mop", name="MOP")
    Membership.objects.create(user=world.dana, role="developer", project=other)
    _token, secret = Token.objects.create(world.dana, name="mop only", scopes=ALL, project=other)
    client = Client(headers={"Authorization": f"Token {secret}"})
    assert client.get(f"/api/v1/orders/{order.number}/").status_code == 404


def test_only_the_run_that_we_wait_for_may_claim(world: World, component: Component, client: Client) -> None:
    order = make_order(component, world.dana)
    Caller(world, "dana").post(f"orders/{order.number}/builds/", {"commit": COMMIT})
    build = Build.objects.get()

    def claim(number: int, trigger: str = str(build.trigger_id)) -> int:
        body = {"trigger_id": trigger, "build_number": number, "queue_id": None}
        return client.post("/hooks/jenkins/claim", json.dumps(body), content_type="application/json").status_code

    assert claim(7) == 200
    assert claim(7) == 200  # the answer was lost on the way: the same run asks again
    assert claim(8) == 409
    assert claim(7, "00000000-0000-4000-8000-000000000000") == 404
    build.refresh_from_db()
    assert build.build_number == 7


def test_a_misspelt_key_changes_nothing(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    answer = Caller(world, "tess").post(f"orders/{order.number}/promotions/", {"environment": "fat", "noet": "fine"})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["noet"]
    assert "“noet”" in answer.json()["fields"]["noet"][0] and "note" in answer.json()["fields"]["noet"][0]
    assert not Promotion.objects.exists()


@pytest.mark.parametrize("path", ["builds", "deployments", "comments", "events"])
def test_lists_of_an_order_have_the_form_of_all_lists(world: World, component: Component, path: str) -> None:
    order = make_built(component, world.dana)
    dana = Caller(world, "dana")
    dana.post(f"orders/{order.number}/comments/", {"text": "once"})
    page = dana.get(f"orders/{order.number}/{path}/").json()
    assert {"items", "next", "previous"} <= set(page) and (page["next"], page["previous"]) == (None, None)
    assert bool(page["items"]) is (path != "deployments")
