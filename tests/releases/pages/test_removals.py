"""What goes with a deployment: shown in the review, ticked where it must be, on the page and over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from components.models import Component
from environments.models import Space
from releases.models import Deployment, Placement, Prune, ReleaseOrder, Review, Snapshot
from tests.cast import World
from tests.releases.pages.conftest import MANIFESTS, reviewed
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_success

SignIn = Callable[[str], Client]
ROWS = [
    {"api_version": "apps/v1", "kind": "Deployment", "name": "old-gw", "uid": "u1", "needs_tick": True},
    {"api_version": "v1", "kind": "ConfigMap", "name": "old-gw-1", "uid": "u2", "needs_tick": False},
]
STAYS = [{"kind": "PersistentVolumeClaim", "name": "data", "why": "The platform never removes it."}]


@pytest.fixture
def order(world: World, component: Component, signed_in: SignIn) -> ReleaseOrder:
    """Promoted to FAT, where a review is asked for."""
    Space.objects.filter(pk=world.spaces["fat"].pk).update(asks_review=True)
    order = make_built(component, world.dana)
    assert signed_in("dana").post(f"/orders/{order.number}/promote/fat/", {}).status_code == 302
    return order


def url(order: ReleaseOrder) -> str:
    return f"/orders/{order.number}/review/fat/"


def seen(order: ReleaseOrder, world: World) -> Review:
    return reviewed(order, world.spaces["fat"], removals=ROWS, stays=STAYS)


def given(review: Review) -> dict[str, Any]:
    assert review.snapshot
    return {"snapshot": review.snapshot.hash, "live_fingerprint": review.live_fingerprint}


def test_the_review_shows_what_goes_what_stays_and_what_must_be_ticked(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    seen(order, world)
    page = signed_in("olli").get(url(order))
    assert "Deployment/old-gw" in words(page) and "1 object stays" in words(page)
    assert "The platform never removes it." in words(page)
    choices = page.context["deploy_form"].fields["removals"].choices
    assert [name for name, _label in choices] == ["Deployment/old-gw"]
    assert 'type="checkbox" name="removals"' in page.content.decode()


def test_without_the_tick_nothing_is_deployed_and_with_it_who_ticked_is_recorded(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    review = seen(order, world)
    client = signed_in("olli")
    refused = client.post(url(order) + "deploy/", given(review))
    assert refused.status_code == 400 and "Tick what is removed" in words(refused)
    assert not Deployment.objects.exists()
    taken = client.post(url(order) + "deploy/", {**given(review), "removals": ["Deployment/old-gw"]})
    assert taken.status_code == 302
    assert Deployment.objects.get().removals == ["Deployment/old-gw"]
    row = AuditEvent.objects.get(verb="deployment.queued")
    assert (row.actor_name, row.after["removals"]) == ("Olli", ["Deployment/old-gw"])


def test_the_api_refuses_with_a_message_and_takes_the_ticks(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    review = seen(order, world)
    client, body = signed_in("olli"), {**given(review), "environment": "fat"}
    address = f"/api/v1/orders/{order.number}/deployments/"
    refused = client.post(address, body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "removals-not-ticked")
    assert "Deployment/old-gw" in refused.json()["detail"]
    strange = client.post(address, {**body, "removals": ["Service/x"]}, content_type="application/json")
    assert strange.status_code == 400 and "Service/x" in str(strange.json())
    taken = client.post(address, {**body, "removals": ["Deployment/old-gw"]}, content_type="application/json")
    assert (taken.status_code, taken.json()["removals"], taken.json()["prune"]) == (202, ["Deployment/old-gw"], None)


def test_a_roll_back_asks_for_the_same_ticks(
    world: World, component: Component, order: ReleaseOrder, signed_in: SignIn
) -> None:
    fat = world.spaces["fat"]
    first = make_success(order, fat, world.olli)
    Snapshot.objects.filter(pk=first.snapshot_id).update(manifests=MANIFESTS)
    second = make_success(make_built(component, world.dana), fat, world.olli)
    renamed = [{**one, "metadata": {"name": "next-gw"}} for one in MANIFESTS]
    Snapshot.objects.filter(pk=second.snapshot_id).update(manifests=renamed)
    client, count = signed_in("olli"), Deployment.objects.count()
    address = f"/runtime/{world.project.slug}/{component.slug}/fat/roll-back/"
    assert 'value="Deployment/next-gw"' in client.get(address).content.decode()
    refused = client.post(address, {"to": first.pk})
    assert refused.status_code == 400 and "Tick what is removed" in words(refused)
    api = f"/api/v1/components/{world.project.slug}/{component.slug}/environments/fat/roll-backs/"
    refused = client.post(api, {"deployment": first.pk}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "removals-not-ticked")
    assert Deployment.objects.count() == count
    assert client.post(address, {"to": first.pk, "removals": ["Deployment/next-gw"]}).status_code == 302
    assert Placement.objects.get().in_progress.removals == ["Deployment/next-gw"]  # type: ignore[union-attr]


def test_the_rollout_says_what_was_removed(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    run = make_success(order, world.spaces["fat"], world.olli)
    found = [
        {**ROWS[0], "state": "removed", "message": ""},
        {**ROWS[1], "state": "kept", "message": "It belongs to Chart x."},
    ]
    Prune.objects.create(
        order=order,
        component=order.component,
        space=world.spaces["fat"],
        deployment=run,
        state="succeeded",
        found=found,
    )
    said = words(signed_in("olli").get(f"/deployments/{run.pk}/"))
    assert "Removed after the success" in said and "Deployment/old-gw removed" in said
    assert "ConfigMap/old-gw-1 It belongs to Chart x." in said
    answer = signed_in("olli").get(f"/api/v1/deployments/{run.pk}/").json()["prune"]
    assert [(row["name"], row["state"]) for row in answer["objects"]] == [("old-gw", "removed"), ("old-gw-1", "kept")]
