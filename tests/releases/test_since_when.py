"""Each gate says since when it is as it is, from the row that made it so, and nothing where no row tells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from environments.models import Membership, Space
from releases import gates
from releases.gate import Gate
from releases.models import (
    Approval,
    BreakGlass,
    Build,
    Deployment,
    OrderEvent,
    Placement,
    Promotion,
    ReleaseOrder,
    Review,
    ScaleRequest,
    Snapshot,
)
from releases.place_gates import restart_gates
from releases.presenters.review import review_gates
from releases.scale_gates import scale_gates
from releases.services import approvals, orders, promotions
from releases.services.break_glass import open_break_glass
from releases.services.scale_requests import ask_scale
from tests.cast import World, browse
from tests.releases.rows import make_built, make_component, make_order, make_review, make_success
from tests.releases.test_api import Caller
from tests.releases.test_scaling import WORKLOAD

Told = tuple[list[Gate], datetime | None]


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_built(make_component(world), world.dana)


def deploying(world: World, order: ReleaseOrder, environment: str = "prd", by: str = "olli") -> list[Gate]:
    review = Review.objects.filter(order=order, space=world.spaces[environment]).last()
    snapshot = review.snapshot if review else None
    return gates.deployment_gates(order, world.spaces[environment], snapshot=snapshot, deployer=world.people[by])


# ---------------------------------------------------------------- the order
def unbuilt(world: World, order: ReleaseOrder) -> Told:
    plain = make_order(order.component, world.dana)
    plain.refresh_from_db()
    return gates.promotion_gates(plain, world.spaces["fat"]), plain.created_at


def built(world: World, order: ReleaseOrder) -> Told:
    return gates.promotion_gates(order, world.spaces["fat"]), order.built_at


def opened(world: World, order: ReleaseOrder) -> Told:
    return gates.promotion_gates(order, world.spaces["fat"]), order.created_at


def closed(world: World, order: ReleaseOrder) -> Told:
    orders.return_order(actor=world.tess, order=order, reason="late")
    order.refresh_from_db()
    return gates.promotion_gates(order, world.spaces["fat"]), OrderEvent.objects.get(kind="order.closed").at


def by_break_glass(world: World, order: ReleaseOrder) -> Told:
    closed(world, order)
    Membership.objects.create(
        user=world.olli, role="break_glass", project=world.project, granted_by=world.petra, reason="night"
    )
    open_break_glass(actor=world.olli, order=order, space=world.spaces["prd"], reason="fire", minutes=30)
    return deploying(world, order), BreakGlass.objects.get().opened_at


# ---------------------------------------------------------------- the way there
def came_through(world: World, order: ReleaseOrder) -> Told:
    make_success(order, world.spaces["fat"], world.olli)
    return gates.promotion_gates(order, world.spaces["uat"]), Placement.objects.get().settled_at


def settling(world: World, order: ReleaseOrder) -> Told:
    good = make_success(order, world.spaces["fat"], world.olli, settled=False)
    good.refresh_from_db()
    return gates.promotion_gates(order, world.spaces["uat"]), good.finished_at


def promoted(world: World, order: ReleaseOrder) -> Told:
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    return deploying(world, order, "fat"), Promotion.objects.get().created_at


def another_promoted(world: World, order: ReleaseOrder) -> Told:
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    other = make_built(order.component, world.dana)
    return deploying(world, other, "fat"), Promotion.objects.get().created_at


def never_there(world: World, order: ReleaseOrder) -> Told:
    return gates.promotion_gates(order, world.spaces["prd"]), None


# ---------------------------------------------------------------- people
def unapproved(world: World, order: ReleaseOrder) -> Told:
    make_review(order, world.spaces["prd"])
    return deploying(world, order), Snapshot.objects.get().created_at


def approved(world: World, order: ReleaseOrder) -> Told:
    Space.objects.update(approvals=1)
    review = make_review(order, world.spaces["prd"])
    assert review.snapshot
    for person in (world.oskar, world.petra):
        approvals.approve(actor=person, snapshot=review.snapshot)
    return deploying(world, order), Approval.objects.earliest("created_at").created_at


def rejected(world: World, order: ReleaseOrder) -> Told:
    review = make_review(order, world.spaces["prd"])
    assert review.snapshot
    approvals.reject(actor=world.oskar, snapshot=review.snapshot, comment="no")
    return deploying(world, order), Approval.objects.get().created_at


def approver_deploys(world: World, order: ReleaseOrder) -> Told:
    review = make_review(order, world.spaces["prd"])
    assert review.snapshot
    approvals.approve(actor=world.olli, snapshot=review.snapshot)
    return deploying(world, order), Approval.objects.get().created_at


def author_deploys(world: World, order: ReleaseOrder) -> Told:
    return deploying(world, order, by="dana"), order.created_at


def builder_deploys(world: World, order: ReleaseOrder) -> Told:
    Build.objects.update(started_by=world.olli)
    return deploying(world, order), Build.objects.get().created_at


# ---------------------------------------------------------------- the place
def stands(world: World, order: ReleaseOrder) -> Told:
    make_success(order, world.spaces["prd"], world.olli)
    place = Placement.objects.get()
    return restart_gates(place, place.last_succeeded), Deployment.objects.get().finished_at


def asked_for(world: World, order: ReleaseOrder) -> Told:
    make_success(order, world.spaces["prd"], world.olli)
    Snapshot.objects.update(manifests=[WORKLOAD])
    place = Placement.objects.get()
    ask_scale(actor=world.olli, space=place.space, placement=place, replicas=9, reason="sale")
    found = scale_gates(place, place.last_succeeded, 9, deployer=world.olli)
    return found, ScaleRequest.objects.get().created_at


def reviewed(world: World, order: ReleaseOrder) -> Told:
    review = make_review(order, world.spaces["prd"])
    review.refresh_from_db()
    return review_gates(review, []), review.finished_at


def unreviewed(world: World, order: ReleaseOrder) -> Told:
    return review_gates(None, []), None


CASES: list[tuple[Callable[[World, ReleaseOrder], Told], str, bool]] = [
    (unbuilt, "built", False),
    (built, "built", True),
    (opened, "open", True),
    (closed, "open", False),
    (by_break_glass, "open", True),
    (came_through, "came-through", True),
    (settling, "came-through", False),
    (promoted, "promoted", True),
    (another_promoted, "promoted", False),
    (never_there, "came-through", False),
    (unapproved, "approved", False),
    (approved, "approved", True),
    (rejected, "approved", False),
    (approver_deploys, "approved", False),
    (author_deploys, "four-eyes", False),
    (builder_deploys, "four-eyes", False),
    (stands, "stands", True),
    (stands, "proven", True),
    (asked_for, "bounds", True),
    (asked_for, "approved", False),
    (reviewed, "reviewed", True),
    (unreviewed, "reviewed", False),
]


@pytest.mark.parametrize(("find", "code", "is_open"), CASES)
def test_a_gate_says_since_when(
    world: World, order: ReleaseOrder, find: Callable[[World, ReleaseOrder], Told], code: str, is_open: bool
) -> None:
    order.refresh_from_db()
    found, since = find(world, order)
    (gate,) = [one for one in found if one.code == code]
    assert (gate.is_open, gate.since) == (is_open, since)


def test_api_and_page_tell_it(world: World, order: ReleaseOrder) -> None:
    make_success(order, world.spaces["fat"], world.olli)
    ended = Deployment.objects.get().finished_at
    assert ended is not None
    url = "components/sis-omm/sis-omm-proxy-gw/environments/fat/"
    told = {gate["code"]: gate["since"] for gate in Caller(world, "olli").get(url).json()["restart_gates"]}
    assert told["stands"] and datetime.fromisoformat(told["stands"]) == ended
    assert told["queue"] is None, "no row tells since when nothing is under way"
    page = browse(world, "olli").get("/runtime/sis-omm/sis-omm-proxy-gw/fat/restart/").content.decode()
    gate = page[page.index("What stands here") :]
    assert "<time data-age" in gate[: gate.index("</li>")]
    queue = page[page.index("Nothing else is being deployed here.") :]
    assert "<time" not in queue[: queue.index("</li>")]
