"""Each closed gate and each refusal of an act names who can clear it by the table, and leads to why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from foundation.problems import PlatformError
from releases import gates
from releases.choices import ClosedReason, OrderState
from releases.models import Deployment, Placement, Promotion, ReleaseOrder, Review
from releases.services import deployments, orders, promotions, removals
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_order, make_review, make_success


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_built(make_component(world), world.dana)


def close(order: ReleaseOrder, why: str) -> None:
    ReleaseOrder.objects.filter(pk=order.pk).update(state=OrderState.CLOSED, closed_reason=why)
    order.refresh_from_db()


def unbuilt(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    return gates.promotion_gates(make_order(order.component, world.dana), world.spaces["fat"])


def done(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    close(order, ClosedReason.DONE)
    return gates.promotion_gates(order, world.spaces["fat"])


def without_pods(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    make_success(order, world.spaces["fat"], world.olli)
    Deployment.objects.update(progress={"wanted": 0})
    return gates.promotion_gates(order, world.spaces["uat"])


def never_there(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    """Nobody has promoted it to UAT yet: that is next."""
    return gates.promotion_gates(order, world.spaces["prd"])


def promoted_there(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    space = world.spaces["uat"]
    Promotion.objects.create(order=order, component=order.component, space=space, promoted_by=world.tess)
    return gates.promotion_gates(order, world.spaces["prd"])


def its_own(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    """To FAT its creator may promote it."""
    return gates.promotion_gates(order, world.spaces["uat"])


def a_twin(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    return gates.promotion_gates(order, world.spaces["drp"])


def not_calm(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    make_success(order, world.spaces["fat"], world.olli)
    Placement.objects.update(unsettled_reason="a pod restarts", settled_at=None)
    return gates.promotion_gates(order, world.spaces["uat"])


def another_branch(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    world.spaces["fat"].branch_pattern = "release/.*"
    return gates.promotion_gates(order, world.spaces["fat"])


def no_ticket(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    world.spaces["fat"].change_ticket_required = True
    return gates.promotion_gates(order, world.spaces["fat"])


def never_succeeded(world: World, order: ReleaseOrder) -> list[gates.Gate]:
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot
    return gates.roll_back_gates(order, world.spaces["prd"], snapshot=snapshot, deployer=world.olli)


CLOSED: list[tuple[Callable[[World, ReleaseOrder], list[gates.Gate]], str, str]] = [
    (unbuilt, "built", "Dana"),
    (done, "open", "Dana"),
    (without_pods, "came-through", "Olli"),
    (not_calm, "came-through", "Olli"),
    (never_there, "came-through", "Petra, Tess"),
    (promoted_there, "came-through", "Olli, Oskar"),
    (its_own, "came-through", "Dana, "),
    (a_twin, "came-through", "Petra, Tess"),
    (another_branch, "branch", "Petra"),
    (no_ticket, "ticket", "Dana"),
    (never_succeeded, "proven", "Olli"),
]


@pytest.mark.parametrize(("find", "code", "who"), CLOSED)
def test_a_closed_gate_names_who_can_clear_it(
    world: World, order: ReleaseOrder, find: Callable[[World, ReleaseOrder], list[gates.Gate]], code: str, who: str
) -> None:
    (gate,) = [one for one in find(world, order) if one.code == code]
    assert not gate.is_open and str(gate.who).startswith(who)


def test_a_returned_order_names_who_may_break_the_glass(world: World, order: ReleaseOrder) -> None:
    close(order, ClosedReason.RETURNED)
    found = gates.deployment_gates(order, world.spaces["prd"], snapshot=None, deployer=world.olli)
    (gate,) = [one for one in found if one.code == "open"]
    assert str(gate.who) == "break-glass", "nobody holds the right: its name stands for it"


# ---------------------------------------------------------------- refusals of services
def being_deployed(world: World, order: ReleaseOrder) -> None:
    _under_way(world, order)
    orders.withdraw_order(actor=world.dana, order=order)


def promotion_used(world: World, order: ReleaseOrder) -> None:
    promotion = promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    _under_way(world, order)
    promotions.withdraw_promotion(actor=world.tess, promotion=promotion)


def _under_way(world: World, order: ReleaseOrder) -> None:
    row = make_success(order, world.spaces["fat"], world.olli)
    Deployment.objects.filter(pk=row.pk).update(state="running", finished_at=None)


def closed_twice(world: World, order: ReleaseOrder) -> None:
    orders.finish_order(actor=world.dana, order=order)
    orders.return_order(actor=world.tess, order=order, reason="late")


def promoted_twice(world: World, order: ReleaseOrder) -> None:
    for person in (world.dana, world.tess):
        promotions.promote(actor=person, order=order, space=world.spaces["fat"])


def unseen(world: World, order: ReleaseOrder) -> None:
    deployments.start_deployment(actor=world.olli, order=order, space=world.spaces["prd"], snapshot_hash="a" * 12)


def with_problems(world: World, order: ReleaseOrder) -> None:
    Review.objects.filter(pk=make_review(order, world.spaces["prd"]).pk).update(state="failed", message="no")
    deployments.start_deployment(actor=world.olli, order=order, space=world.spaces["prd"], snapshot_hash="a" * 12)


def removal_unseen(world: World, order: ReleaseOrder) -> None:
    make_success(order, world.spaces["prd"], world.olli)
    place = Placement.objects.get()
    removals.remove_component(actor=world.olli, space=place.space, placement=place, snapshot_hash="a" * 12)


def nothing_there(world: World, order: ReleaseOrder) -> None:
    place = Placement.objects.create(component=order.component, space=world.spaces["prd"], seen_at=timezone.now())
    deployments.restart(actor=world.olli, space=place.space, placement=place)


def not_what_runs(world: World, order: ReleaseOrder) -> None:
    make_success(order, world.spaces["prd"], world.olli)
    Placement.objects.update(last_applied=None)
    place = Placement.objects.get()
    deployments.scale(actor=world.olli, space=place.space, placement=place, replicas=2)


def roll_back_to_a_failure(world: World, order: ReleaseOrder) -> None:
    row = make_success(order, world.spaces["prd"], world.olli)
    Deployment.objects.update(state="failed")
    row.refresh_from_db()
    deployments.roll_back(actor=world.olli, space=world.spaces["prd"], to=row)


REFUSED: list[tuple[Callable[[World, ReleaseOrder], Any], str, str]] = [
    (being_deployed, "being-deployed", "withdraw_order"),
    (promotion_used, "being-deployed", "promote"),
    (closed_twice, "closed", "return"),
    (promoted_twice, "already-promoted", "promote"),
    (unseen, "not-reviewed", "deploy"),
    (with_problems, "review-failed", "deploy"),
    (removal_unseen, "not-reviewed", "remove"),
    (nothing_there, "gate-stands", "deploy"),
    (not_what_runs, "gate-stands", "deploy"),
    (roll_back_to_a_failure, "gate-proven", "deploy"),
]


@pytest.mark.parametrize(("act", "code", "verb"), REFUSED)
def test_a_refusal_names_who_can_help_and_leads_to_why(
    world: World, order: ReleaseOrder, act: Callable[[World, ReleaseOrder], Any], code: str, verb: str
) -> None:
    with pytest.raises(PlatformError) as refusal:
        act(world, order)
    assert refusal.value.code == code
    assert str(refusal.value.who_can_help)
    assert refusal.value.asked is not None and refusal.value.asked.verb == verb
