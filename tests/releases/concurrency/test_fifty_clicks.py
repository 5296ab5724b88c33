"""Fifty people press one button in the same moment: one of them wins, everybody else is told, and nothing stands still.

Fifteen rounds in all, three of each act; ``FULL=1`` for a thousand of each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from components.models import Component
from environments.choices import RuleChangeState
from environments.models import RuleChange
from environments.services.rule_decisions import confirm_rule_change
from environments.services.spaces import edit_policy
from foundation.problems import PlatformError
from foundation.runs.choices import ACTIVE, RunState
from releases import transitions
from releases.models import Approval, Deployment, OrderEvent, Placement, Promotion, ReleaseOrder
from releases.services.approvals import approve, withdraw_approval
from releases.services.deployments import start_deployment
from releases.services.promotions import promote, withdraw_promotion
from tests.cast import World
from tests.releases import rows
from tests.releases.concurrency.crowd import at_once

pytestmark = [pytest.mark.security("races"), pytest.mark.slow, pytest.mark.timeout(3600)]
CROWD = 50
ROUNDS = 1000 if os.environ.get("FULL") else 3


def fresh(order: ReleaseOrder) -> ReleaseOrder:
    """As a request reads it."""
    return ReleaseOrder.objects.select_related("project", "component").get(pk=order.pk)


def winner(acts: list[Callable[[], Any]], kind: type) -> Any:
    """What the one that won gave; all others were told why not, and none failed."""
    given = at_once(acts)
    won = [answer for answer in given if isinstance(answer, kind)]
    lost = [answer for answer in given if isinstance(answer, PlatformError)]
    assert (len(won), len(lost)) == (1, len(acts) - 1), [str(answer) for answer in given]
    assert {error.status for error in lost} <= {409}, {(error.status, str(error.message)) for error in lost}
    assert all(str(error.message) for error in lost)
    return won[0]


def assert_no_gap(order: ReleaseOrder) -> None:
    numbers = list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_fifty_promote(world: World, component: Component) -> None:
    order, space = rows.make_built(component, world.dana), world.spaces["fat"]
    people = [world.dana, world.tess, world.petra]
    acts = [lambda who=people[n % 3]: promote(actor=who, order=fresh(order), space=space) for n in range(CROWD)]
    for _round in range(ROUNDS):
        won = winner(acts, Promotion)
        assert list(Promotion.objects.filter(state="current")) == [won]
        withdraw_promotion(actor=world.petra, promotion=won)
    assert Promotion.objects.count() == ROUNDS
    assert_no_gap(order)


def ready_for_production(world: World, component: Component) -> ReleaseOrder:
    order = rows.make_built(component, world.dana)
    rows.make_success(order, world.spaces["fat"], world.olli)
    rows.make_success(order, world.spaces["uat"], world.olli)
    promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    return order


def test_fifty_approve(world: World, component: Component) -> None:
    """One person's fifty clicks are one word."""
    order = ready_for_production(world, component)
    snapshot = rows.make_review(order, world.spaces["prd"]).snapshot
    assert snapshot
    for _round in range(ROUNDS):
        won = winner([lambda: approve(actor=world.oskar, snapshot=snapshot)] * CROWD, Approval)
        assert list(Approval.objects.filter(state="given")) == [won]
        withdraw_approval(actor=world.oskar, approval=won)
    assert Approval.objects.count() == ROUNDS
    assert_no_gap(order)


def test_fifty_deploy(world: World, component: Component) -> None:
    order, space = ready_for_production(world, component), world.spaces["prd"]
    snapshot = rows.make_review(order, space).snapshot
    assert snapshot
    approve(actor=world.petra, snapshot=snapshot)
    people = [world.olli, world.oskar]

    def click(who: Any) -> Deployment:
        return start_deployment(actor=who, order=fresh(order), space=space, snapshot_hash=snapshot.hash)

    for _round in range(ROUNDS):
        won = winner([lambda who=people[n % 2]: click(who) for n in range(CROWD)], Deployment)
        assert list(Deployment.objects.filter(state__in=ACTIVE)) == [won]
        assert Placement.objects.get(component=component, space=space).in_progress_id == won.pk
        with transaction.atomic():
            won.refresh_from_db()
            transitions.end_run(won, RunState.CANCELLED, actor=won.deployed_by)
    assert Deployment.objects.filter(space=space).count() == ROUNDS
    assert_no_gap(order)


def test_fifty_confirm_a_rule_change(world: World, shared_database: dict[str, str]) -> None:
    space = world.spaces["prd"]
    edit_policy(actor=world.petra, space=space, approvals=2)

    def confirm(change: RuleChange) -> bool:
        confirm_rule_change(actor=world.ada, change=RuleChange.objects.get(pk=change.pk))
        return True

    for _round in range(ROUNDS):
        space.refresh_from_db()
        edit_policy(actor=world.petra, space=space, reason="year-end", approvals=1)
        change = RuleChange.objects.get(state=RuleChangeState.PROPOSED)
        winner([lambda change=change: confirm(change)] * CROWD, bool)
        space.refresh_from_db()
        assert space.approvals == 1
        edit_policy(actor=world.petra, space=space, approvals=2)
    assert RuleChange.objects.filter(state=RuleChangeState.IN_FORCE).count() == ROUNDS


def test_fifty_do_different_things_to_one_order_and_nobody_waits_for_ever(world: World, component: Component) -> None:
    """Locks are taken in one order: acts that take several of them end, each with an answer."""
    order, space = ready_for_production(world, component), world.spaces["prd"]
    snapshot = rows.make_review(order, space).snapshot
    assert snapshot
    for _round in range(ROUNDS):
        acts: list[Callable[[], Any]] = [
            lambda: promote(actor=world.tess, order=fresh(order), space=space, test_verdict="passed"),
            lambda: promote(actor=world.dana, order=fresh(order), space=world.spaces["fat"]),
            lambda: approve(actor=world.petra, snapshot=snapshot),
            lambda: start_deployment(
                actor=world.oskar, order=fresh(order), space=space, snapshot_hash=snapshot.hash
            ),
            lambda: edit_policy(actor=world.petra, space=type(space).objects.get(pk=space.pk), settle_seconds=15),
        ]  # fmt: skip
        at_once([acts[number % len(acts)] for number in range(CROWD)])
        assert Deployment.objects.filter(space=space, state__in=ACTIVE).count() <= 1
        assert Approval.objects.filter(state="given").count() <= 1
        with transaction.atomic():
            for row in Deployment.objects.filter(space=space, state__in=ACTIVE):
                transitions.end_run(row, RunState.CANCELLED, actor=row.deployed_by)
    assert_no_gap(order)
