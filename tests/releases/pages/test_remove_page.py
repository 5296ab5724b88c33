"""下线: the page that asks, shows what goes, and says afterwards that nothing runs there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from components.models import Component
from releases import transitions
from releases.models import Deployment, Placement, Review, Snapshot
from releases.services import approvals, orders
from releases.services.removals import remove_component, review_removal
from tests.cast import World
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_success

SignIn = Callable[[str], Client]
ROWS = [{"api_version": "v1", "kind": "Service", "name": "proxy-gw", "uid": "u1", "needs_tick": False}]
STAYS = [{"kind": "PersistentVolumeClaim", "name": "data", "why": "The platform never removes it."}]


@pytest.fixture
def standing(world: World, component: Component) -> Deployment:
    """What runs in FAT and PRD."""
    order = make_built(component, world.dana)
    make_success(order, world.spaces["prd"], world.olli)
    return make_success(order, world.spaces["fat"], world.olli)


def page_of(component: Component, world: World, slug: str = "fat") -> str:
    return f"/runtime/{world.project.slug}/{component.slug}/{slug}/remove/"


def reviewed(world: World, slug: str = "fat") -> Review:
    """A review as the step leaves it."""
    place = Placement.objects.get(space=world.spaces[slug])
    review = review_removal(actor=world.olli, space=world.spaces[slug], placement=place)
    assert place.last_applied
    snapshot = Snapshot.objects.get(pk=place.last_applied.snapshot_id)
    snapshot.pk, snapshot.hash, snapshot.manifests = None, "a" * 64, []
    snapshot.removes = [{"kind": "Service", "name": "proxy-gw", "uid": "u1"}]
    snapshot._state.adding = True
    snapshot.save()
    with transaction.atomic():
        transitions.end_run(
            review, "succeeded", actor=None, snapshot=snapshot, seen_at=timezone.now(),
            findings={"removals": ROWS, "stays": STAYS, "diff": []},
        )  # fmt: skip
    return review


def test_the_page_asks_reviews_and_removes(
    world: World, component: Component, standing: Deployment, signed_in: SignIn
) -> None:
    client, url = signed_in("olli"), page_of(component, world)
    assert "Remove from the space" in words(client.get(url.replace("remove/", "")))
    assert "It is not reviewed yet" in words(client.get(url))
    assert client.post(url)["Location"] == url
    review = Review.objects.get(is_removal=True)
    assert review.order == standing.order and "Reviewing" in words(client.get(url))
    with transaction.atomic():
        transitions.end_run(review, "failed", actor=None)
    seen = reviewed(world)
    said = words(client.get(url))
    assert "Service/proxy-gw" in said and "The platform never removes it." in said and "Remove from FAT" in said
    assert seen.snapshot
    done = client.post(url, {"snapshot": seen.snapshot.hash})
    run = Deployment.objects.get(kind="remove")
    assert done["Location"] == f"/deployments/{run.pk}/"
    assert words(client.get(done["Location"]))
    with transaction.atomic():
        transitions.end_run(run, "succeeded", actor=world.olli)
    said = words(client.get(url.replace("remove/", "")))
    assert "nothing runs here" in said and "Olli removed it: nothing runs here." in said
    assert "Nothing of this component runs here." in words(client.get(url))
    assert client.get(f"/orders/{standing.order.number}/?panel=fat").status_code == 200
    assert "removed" in words(client.get(f"/orders/{standing.order.number}/?panel=fat"))


def test_production_asks_for_an_approval_and_the_last_four(
    world: World, component: Component, standing: Deployment, signed_in: SignIn
) -> None:
    url, seen = page_of(component, world, "prd"), reviewed(world, "prd")
    assert seen.snapshot
    given: dict[str, Any] = {"snapshot": seen.snapshot.hash}
    assert "0 of 1 approvals." in words(signed_in("olli").get(url))
    decide = f"/orders/{standing.order.number}/review/prd/decide/"
    assert signed_in("oskar").post(decide, {**given, "decision": "approve"})["Location"] == url
    typed = signed_in("olli").post(url, {**given, "last_four": "0000"})
    assert typed.status_code == 400 and not Deployment.objects.filter(kind="remove").exists()
    done = signed_in("olli").post(url, {**given, "last_four": standing.order.number[-4:]})
    assert done.status_code == 302 and Deployment.objects.get(kind="remove").removals == ["Service/proxy-gw"]


def test_what_a_closed_order_left_is_approved_and_removed(
    world: World, component: Component, standing: Deployment, signed_in: SignIn
) -> None:
    orders.withdraw_order(actor=world.dana, order=standing.order, reason="It is not wanted any more.")
    url, seen = page_of(component, world, "prd"), reviewed(world, "prd")
    assert seen.snapshot and approvals.why_not(world.people["oskar"], seen.snapshot) == ""
    approvals.approve(actor=world.people["oskar"], snapshot=seen.snapshot)
    given = {"snapshot": seen.snapshot.hash, "last_four": standing.order.number[-4:]}
    assert signed_in("olli").post(url, given).status_code == 302
    assert Deployment.objects.get(kind="remove").snapshot == seen.snapshot


def test_the_api_does_the_same(world: World, component: Component, standing: Deployment, signed_in: SignIn) -> None:
    base = f"/api/v1/components/{world.project.slug}/{component.slug}/environments/fat/"
    client = signed_in("olli")
    assert client.post(base + "removal-reviews/").status_code == 202
    Review.objects.filter(is_removal=True).update(state="failed")
    seen = reviewed(world)
    assert seen.snapshot
    wrong = client.post(base + "removals/", {"snapshot": "b" * 64}, content_type="application/json")
    assert wrong.status_code == 409
    denied = signed_in("dana").post(
        base + "removals/", {"snapshot": seen.snapshot.hash}, content_type="application/json"
    )
    assert denied.status_code == 403
    taken = client.post(base + "removals/", {"snapshot": seen.snapshot.hash}, content_type="application/json")
    assert (taken.status_code, taken.json()["kind"], taken.json()["removals"]) == (202, "remove", ["Service/proxy-gw"])


def test_a_second_removal_meets_the_first(world: World, component: Component, standing: Deployment) -> None:
    seen = reviewed(world)
    assert seen.snapshot
    place = Placement.objects.get(space=world.spaces["fat"])
    act = {"actor": world.olli, "space": world.spaces["fat"], "placement": place, "snapshot_hash": seen.snapshot.hash}
    remove_component(**act)
    with pytest.raises(Exception, match="right now"):
        remove_component(**act)
