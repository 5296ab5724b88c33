"""One order has one state, one word and one colour wherever it is shown; so have a place, an attempt and a pod.

Each case drives an order through what may happen to it and then reads every screen and answer that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.services import create_token
from components.models import Component
from foundation.runs.choices import RunState
from foundation.templatetags.ui import tone
from releases import transitions
from releases.locks import lock_placement
from releases.models import Build, Deployment, Placement, ReleaseOrder, Review, SpaceObservation
from releases.placing import create_deployment
from releases.services import orders as order_services
from releases.services import promotions
from tests.cast import World, browse
from tests.releases.rows import build, make_built, make_component, make_order, make_review, make_success

READY, WANTED = 2, 2
GATEWAY = "sis-omm/sis-omm-proxy-gw"


@pytest.fixture
def component(world: World) -> Component:
    return make_component(world)


class Life:
    """What happens to orders of one component in FAT."""

    def __init__(self, world: World, component: Component) -> None:
        self.world, self.component, self.space = world, component, world.spaces["fat"]

    def built(self) -> ReleaseOrder:
        return make_built(self.component, self.world.dana)

    def deployed(self) -> ReleaseOrder:
        order = self.built()
        make_success(order, self.space, self.world.olli)
        self.places().update(ready=READY, wanted=WANTED)
        return order

    def places(self) -> Any:
        return Placement.objects.filter(component=self.component, space=self.space)

    def attempt(self, order: ReleaseOrder, kind: str = "deploy", **fields: Any) -> Deployment:
        """Under way."""
        review = Review.objects.filter(order=order, space=self.space).last() or make_review(order, self.space)
        with transaction.atomic():
            place = lock_placement(order, self.space)
            row = create_deployment(
                order, self.space, place, actor=self.world.oskar, snapshot=review.snapshot, review=review, kind=kind
            )
        Deployment.objects.filter(pk=row.pk).update(state="running", phase="rolling", **fields)
        row.refresh_from_db()
        return row

    def end(self, row: Deployment, state: str, reason: str = "rollout", *, is_applied: bool = True) -> None:
        if is_applied:
            self.places().update(last_applied=row)
        with transaction.atomic():
            transitions.end_run(row, state, actor=None, reason=reason if state != RunState.SUCCEEDED else "")

    def end_build(self, row: Build, state: str, reason: str) -> None:
        with transaction.atomic():
            transitions.end_run(row, state, actor=None, reason=reason)


def stopped_build(life: Life) -> ReleaseOrder:
    order = make_order(life.component, life.world.dana)
    life.end_build(build(order), RunState.CANCELLED, "stopped")
    return order


def failed_build(life: Life) -> ReleaseOrder:
    order = make_order(life.component, life.world.dana)
    life.end_build(build(order), RunState.FAILED, "build_failed")
    return order


def errored_build(life: Life) -> ReleaseOrder:
    order = make_order(life.component, life.world.dana)
    life.end_build(build(order), RunState.ERRORED, "engine")
    return order


def promoted(life: Life) -> ReleaseOrder:
    order = life.built()
    promotions.promote(actor=life.world.dana, order=order, space=life.space)
    return order


def deploying(life: Life) -> ReleaseOrder:
    order = life.built()
    life.attempt(order, progress={"ready": 1, "wanted": 2})
    return order


def serving(life: Life) -> ReleaseOrder:
    return life.deployed()


def not_ready(life: Life) -> ReleaseOrder:
    order = life.deployed()
    life.places().update(ready=0)
    return order


def not_calm(life: Life) -> ReleaseOrder:
    order = life.deployed()
    life.places().update(unsettled_reason="a pod restarted", settled_at=None)
    return order


def failed(life: Life) -> ReleaseOrder:
    life.deployed()
    order = life.built()
    row = life.attempt(order)
    life.places().update(ready=0, pods=[pod("old", is_new=False, is_ready=True, state="ready")])
    life.end(row, RunState.FAILED)
    return order


def applied_over(life: Life) -> ReleaseOrder:
    first = life.deployed()
    life.end(life.attempt(life.built()), RunState.FAILED)
    return first


def cancelled(life: Life) -> ReleaseOrder:
    order = life.built()
    life.end(life.attempt(order), RunState.CANCELLED, "cancelled", is_applied=False)
    return order


def superseded(life: Life) -> ReleaseOrder:
    order = life.built()
    life.end(life.attempt(order), RunState.CANCELLED, "superseded", is_applied=False)
    return order


def replaced(life: Life) -> ReleaseOrder:
    first = life.deployed()
    life.deployed()
    return first


def rolled_back(life: Life) -> ReleaseOrder:
    first, second = life.deployed(), life.deployed()
    life.end(life.attempt(first, "roll_back"), RunState.SUCCEEDED)
    return second


def serving_by_roll_back(life: Life) -> ReleaseOrder:
    first, _second = life.deployed(), life.deployed()
    life.end(life.attempt(first, "roll_back"), RunState.SUCCEEDED)
    life.places().update(settled_at=timezone.now())
    return first


def failed_restart(life: Life) -> ReleaseOrder:
    order = life.deployed()
    life.end(life.attempt(order, "restart"), RunState.FAILED)
    return order


def failed_scale(life: Life) -> ReleaseOrder:
    order = life.deployed()
    life.end(life.attempt(order, "scale"), RunState.FAILED)
    return order


def restarting(life: Life) -> ReleaseOrder:
    order = life.deployed()
    life.attempt(order, "restart", progress={"ready": 1, "wanted": 2})
    return order


def removed(life: Life) -> ReleaseOrder:
    order = life.deployed()
    life.end(life.attempt(order, "remove"), RunState.SUCCEEDED)
    return order


def lost_contact(life: Life) -> ReleaseOrder:
    order = life.deployed()
    SpaceObservation.objects.update_or_create(space=life.space, defaults={"contact_lost_since": timezone.now()})
    return order


def returned(life: Life) -> ReleaseOrder:
    order = life.deployed()
    order_services.return_order(actor=life.world.tess, order=order, reason="wrong fee")
    return order


def closed(life: Life) -> ReleaseOrder:
    order = life.deployed()
    order_services.finish_order(actor=life.world.olli, order=order, reason="")
    return order


def pod(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "uid": name, "is_new": True, "is_ready": False, "is_leaving": False, "state": "starting",
            "message": "", "restarts": 0, "node": "n", "started_at": "2026-11-20T10:00:00Z", **changes}  # fmt: skip


HERE = ("serving", "serves")
UNPROVED = "ready, but it did not succeed"
Told = tuple[str, str]
"""State and word."""
CASES: dict[Callable[[Life], ReleaseOrder], tuple[Told, Told, Told]] = {
    stopped_build: (("cancelled", "build cancelled"), ("none", "not promoted"), ("", "")),
    failed_build: (("build_failed", "build failed"), ("none", "not promoted"), ("", "")),
    errored_build: (("errored", "platform error in the build"), ("none", "not promoted"), ("", "")),
    promoted: (("built", "built"), ("promoted", "promoted"), ("", "")),
    deploying: (("running", "deploying 1/2 in FAT"), ("running", "deploying 1/2"), ("running", "deploying 1/2")),
    serving: (("serving", "serves in FAT"), HERE, HERE),
    not_ready: (("short", "0 of 2 ready in FAT"), ("short", "0 of 2 ready"), ("short", "0 of 2 ready")),
    not_calm: (("blocked", "not calm in FAT"), ("blocked", "not calm"), ("blocked", "not calm")),
    failed: (("failed", "failed in FAT"), ("failed", "failed"), ("failed", "failing")),
    applied_over: (("mixed", "applied over in FAT"), ("mixed", "applied over"), ("mixed", UNPROVED)),
    cancelled: (("cancelled", "cancelled in FAT"), ("cancelled", "cancelled"), ("none", "nothing runs here")),
    superseded: (("superseded", "superseded in FAT"), ("superseded", "superseded"), ("none", "nothing runs here")),
    replaced: (("replaced", "replaced in FAT"), ("replaced", "replaced"), ("serving", "serves")),
    rolled_back: (("replaced", "rolled back in FAT"), ("replaced", "rolled back"), ("settling", "settling")),
    serving_by_roll_back: (("serving", "serves in FAT"), HERE, HERE),
    failed_restart: (("serving", "serves in FAT"), ("serving", "serves"), ("failed", "restart failed")),
    failed_scale: (("serving", "serves in FAT"), ("serving", "serves"), ("failed", "scaling failed")),
    restarting: (("running", "restarting 1/2 in FAT"), ("running", "restarting 1/2"), ("running", "restarting 1/2")),
    removed: (("removed", "removed in FAT"), ("removed", "removed"), ("none", "nothing runs here")),
    lost_contact: (("unknown", "no contact in FAT"), ("unknown", "no contact"), ("unknown", "no contact")),
    returned: (("returned", "returned"), ("serving", "serves"), ("serving", "serves")),
    closed: (("done", "done"), ("serving", "serves"), ("serving", "serves")),
}  # fmt: skip
"""What happens to an order: how the order stands, how it stands in FAT, and how FAT stands (nothing: never seen)."""


def badges(client: Client, path: str) -> list[Told]:
    """(colour, word) of every badge of a page."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    html = answer.content.decode().replace('<span class="spin" aria-hidden="true"></span>', "")
    found = re.findall(r'<(?:span|a) class="state (tone-\w+)[^"]*"[^>]*>(.*?)</span>', html, re.DOTALL)
    return [(colour, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inner)).strip()) for colour, inner in found]


def badge_of(told: Told) -> Told:
    return tone(told[0]), told[1]


@pytest.mark.parametrize("happens", CASES, ids=lambda case: case.__name__)
def test_a_state_is_the_same_on_every_screen(
    world: World, component: Component, happens: Callable[[Life], ReleaseOrder]
) -> None:
    order = happens(Life(world, component))
    whole, there, place = CASES[happens]
    pages = browse(world, "petra")
    # The order's page: head, lane and panel.
    on_page = badges(pages, f"/orders/{order.number}/?panel=fat")
    assert on_page[0] == badge_of(whole), "the head"
    assert on_page.count(badge_of(there)) >= 2, f"lane and panel: {on_page}"
    # Lists: a chip of the order's environments.
    for path in ("/orders/", f"/components/{GATEWAY}/"):
        chip = chip_of(pages.get(path).content.decode(), order.number)
        assert (f"tone-{chip[0]}", chip[1]) == badge_of(there), path
    # The search, the palette, the order sheet.
    assert badge_of(whole) in badges(pages, f"/search/?q={order.short_name}")
    (line,) = [
        row
        for row in pages.get("/search/palette/", {"q": order.short_name}).json()["groups"]
        if row["name"] == "orders"
    ]
    assert (line["lines"][0]["tone"], line["lines"][0]["state"]) == badge_of(whole)
    assert whole[1] in pages.get(f"/orders/{order.number}/sheet/").content.decode()
    # Home tells of the newest order alone, and the component's page of the place.
    if order.pk == ReleaseOrder.objects.latest("pk").pk:
        assert badge_of(whole) in badges(pages, "/")
    if place[0]:
        on_runtime = badges(pages, f"/runtime/{GATEWAY}/fat/")
        assert on_runtime[0] == badge_of(place), on_runtime
    the_api_says_the_same(world, order, whole, there, place)


def chip_of(html: str, number: str) -> Told:
    """(tone, word) of FAT's chip in the row of the order."""
    pattern = rf'class="chip tone-(\w+)[^"]*"\s+href="/orders/{number}/\?panel=fat".*?visually-hidden">([^<]*)<'
    found = re.search(pattern, html, re.DOTALL)
    assert found, "no chip"
    return found[1], found[2].strip()


def the_api_says_the_same(world: World, order: ReleaseOrder, whole: Told, there: Told, place: Told) -> None:
    _row, secret = create_token(actor=world.uma, name="t", scopes=["read"], lifetime=timedelta(days=1), project=None)
    api = Client(headers={"Authorization": f"Token {secret}"})
    one = api.get(f"/api/v1/orders/{order.number}/").json()
    assert one["state_word"] == whole[1]
    (fat,) = [row for row in one["environments"] if row["environment"] == "fat"]
    assert (fat["state"], fat["state_word"]) == there
    listed = api.get("/api/v1/orders/").json()["items"]
    assert {row["number"]: row["state_word"] for row in listed}[order.number] == whole[1]
    if place[0]:
        runtime = api.get(f"/api/v1/components/{GATEWAY}/environments/fat/").json()
        assert (runtime["state"], runtime["state_word"]) == place


def test_a_failed_rollout_names_what_still_serves(world: World, component: Component) -> None:
    life = Life(world, component)
    first = life.deployed()
    row = life.attempt(life.built())
    life.places().update(ready=0, pods=[pod("old", is_new=False, is_ready=True, state="ready"), pod("new")])
    life.end(row, RunState.FAILED)
    page = browse(world, "olli").get(f"/runtime/{GATEWAY}/fat/").content.decode()
    assert (
        f"{first.short_name} still serves" in page
        and badge_of(HERE) not in badges(browse(world, "olli"), f"/runtime/{GATEWAY}/fat/")[:1]
    )


def test_a_failed_scale_leaves_the_deployment_its_verdict_and_its_deployer(world: World, component: Component) -> None:
    life = Life(world, component)
    order = failed_scale(life)
    card = browse(world, "dana").get(f"/orders/{order.number}/").context["lane"].columns[0][0]
    assert (card.who, str(card.note)) == ("Olli", "scaling failed")
