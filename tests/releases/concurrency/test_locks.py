"""Acts that lock the same rows from different ends: they wait for each other, they never block each other for good.

On PostgreSQL two transactions that take two locks in opposite order end with "deadlock detected" for one of them.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from components.models import Component
from foundation.problems import PlatformError, Stale
from foundation.runs.choices import RunState
from releases import transitions
from releases.choices import ApprovalState, PromotionState
from releases.events import append_event, record_act
from releases.locks import lock_orders
from releases.models import Approval, Build, Deployment, OrderEvent, Promotion, ReleaseOrder
from releases.services import approvals
from releases.services.builds import stop_build
from releases.services.deployments import cancel_deployment, start_deployment
from releases.services.orders import comment, finish_order
from releases.services.promotions import promote, withdraw_promotion
from releases.steps.review.wanted import _void_older
from tests.cast import World
from tests.releases import rows
from tests.releases.concurrency.crowd import at_once

pytestmark = [pytest.mark.security("races"), pytest.mark.slow]


def test_a_stop_while_a_step_writes(world: World, component: Component) -> None:
    order = rows.make_order(component, world.dana)
    build, holds = rows.build(order), threading.Event()

    def step() -> None:
        # As the steps write: the order's number first, then the run.
        with transaction.atomic():
            append_event(order.pk, "build.waiting")
            holds.set()
            time.sleep(0.5)  # the other one waits for the lock meanwhile, which nothing shows on SQLite
            Build.objects.filter(pk=build.pk).update(queue_why="full")

    def stop() -> None:
        assert holds.wait(10)
        stop_build(actor=world.dana, build=Build.objects.select_related("order__project").get(pk=build.pk))

    at_once([step, stop], refusals=())
    build.refresh_from_db()
    assert build.queue_why == "full" and build.stop_requested_at


def test_closing_an_order_while_others_take_its_places(world: World, component: Component) -> None:
    for round_number in range(8):
        old, new = (rows.make_built(component, world.dana) for _ in range(2))
        rows.make_success(old, world.spaces["fat"], world.olli)
        rows.make_success(new, world.spaces["fat"], world.olli)
        promote(actor=world.dana, order=old, space=world.spaces["fat"])
        promote(actor=world.tess, order=old, space=world.spaces["uat"], test_verdict="passed")
        given = at_once(
            [
                lambda old=old: finish_order(actor=world.dana, order=fresh(old)),
                lambda new=new: promote(
                    actor=world.tess, order=fresh(new), space=world.spaces["uat"], test_verdict="passed"
                ),
                lambda new=new: promote(actor=world.dana, order=fresh(new), space=world.spaces["fat"]),
            ]
        )
        assert not isinstance(given[1], PlatformError), (round_number, str(given[1]))
        assert not Promotion.objects.filter(order=old, state=PromotionState.CURRENT).exists()


def test_a_storm_of_acts_on_one_component(world: World, component: Component) -> None:
    orders = [rows.make_built(component, world.dana) for _ in range(3)]
    fat, uat = world.spaces["fat"], world.spaces["uat"]
    for order in orders:
        rows.make_success(order, fat, world.olli)

    def acts(chance: random.Random) -> list[Callable[[], object]]:
        order = fresh(chance.choice(orders))
        return [
            lambda: promote(actor=world.dana, order=order, space=fat),
            lambda: promote(actor=world.tess, order=order, space=uat, test_verdict="passed"),
            lambda: comment(actor=world.dana, order=order, text="hello"),
            lambda: start_deployment(actor=world.olli, order=order, space=fat),
            lambda: withdraw_promotion(actor=world.petra, promotion=_one(Promotion, state="current"), reason="storm"),
            lambda: cancel_deployment(actor=world.olli, deployment=_one(Deployment, state="queued")),
            lambda: _end(_one(Deployment, state="queued")),
        ]

    def storm(seed: int) -> int:
        chance, done = random.Random(seed), 0
        for _ in range(25):
            try:
                chance.choice(acts(chance))()
                done += 1
            except PlatformError:
                continue
        return done

    assert sum(at_once([lambda seed=seed: storm(seed) for seed in range(6)])) > 20
    for order in orders:
        numbers = list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("seq", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
    assert Deployment.objects.filter(state__in=["queued", "running"], space=fat).count() <= 1


def test_withdrawing_an_approval_while_a_review_voids_it(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, space = rows.make_built(component, world.dana), world.spaces["prd"]
    old = rows.make_review(order, space, salt="old").snapshot
    new = rows.make_review(order, space, salt="new").snapshot
    assert old and new
    first, second = (
        Approval.objects.create(
            snapshot=old, order=order, component=component, space=space, state=ApprovalState.GIVEN, by=by
        )
        for by in (world.petra, world.olli)
    )
    holds = threading.Event()

    def slow_record(*args: Any, **kwargs: Any) -> None:
        holds.set()
        time.sleep(0.5)  # so long the withdrawal holds its locks while the review asks for the same ones
        record_act(*args, **kwargs)

    monkeypatch.setattr("releases.services.approvals.record_act", slow_record)

    def void() -> None:
        assert holds.wait(10)
        with transaction.atomic():
            _void_older(fresh(order), new)

    at_once([lambda: approvals.withdraw_approval(actor=world.olli, approval=fresh_approval(second)), void])
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (ApprovalState.VOID, ApprovalState.WITHDRAWN)


def test_a_decision_is_checked_under_the_orders_lock(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, space = rows.make_built(component, world.dana), world.spaces["prd"]
    old = rows.make_review(order, space, salt="old").snapshot
    assert old

    def lock_after_a_newer_review(order_id: int) -> None:
        # What another worker commits between the first check and the lock.
        rows.make_review(order, space, salt="new")
        lock_orders(order_id)

    monkeypatch.setattr("releases.services.approvals.lock_orders", lock_after_a_newer_review)
    with pytest.raises(Stale):
        approvals.approve(actor=world.petra, snapshot=old)
    assert not Approval.objects.exists()


class NothingThere(PlatformError):
    """The storm has blown it away."""


def _one(model: type, **which: str) -> object:
    rows_ = model.objects.filter(**which).select_related(
        "order__project", "order__component", "space__environment", "space__project"
    )
    found = rows_.order_by("?").first()
    if found is None:
        raise NothingThere("Nothing is there.")
    return found


def _end(deployment: Deployment) -> None:
    with transaction.atomic():
        transitions.end_run(deployment, RunState.FAILED, actor=None, reason="rollout")


def fresh_approval(row: Approval) -> Approval:
    """As a request reads it."""
    return Approval.objects.select_related("space__environment", "order__project", "snapshot").get(pk=row.pk)


def fresh(order: ReleaseOrder) -> ReleaseOrder:
    """As a request reads it."""
    return ReleaseOrder.objects.select_related("project", "component").get(pk=order.pk)
