"""Two people at one button: one wins, the other reads who did; the rows never hold both."""

from __future__ import annotations

import pytest
from django.db import transaction

from accounts.models import User
from components.models import Component
from environments.models import Membership
from foundation.problems import PlatformError
from foundation.runs.choices import ACTIVE, RunState
from releases import transitions
from releases.choices import OrderState, PromotionState
from releases.locks import lock_placement
from releases.models import BreakGlass, Build, Deployment, OrderEvent, Placement, Promotion, ReleaseOrder
from releases.services.break_glass import end_break_glass, open_break_glass, review_break_glass
from releases.services.builds import start_build
from releases.services.deployments import start_deployment
from releases.services.promotions import promote
from tests.cast import World
from tests.releases import rows
from tests.releases.concurrency.crowd import at_once

pytestmark = [pytest.mark.security("races"), pytest.mark.slow]
ROUNDS = 50


def assert_no_gap(order: ReleaseOrder) -> None:
    """The order's log is numbered 1, 2, 3 …"""
    numbers = list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_two_deploy_at_once(world: World, component: Component) -> None:
    order, space = rows.make_built(component, world.dana), world.spaces["uat"]
    rows.make_success(order, world.spaces["fat"], world.olli)
    promote(actor=world.tess, order=order, space=space, test_verdict="passed")
    review = rows.make_review(order, space)
    assert review.snapshot
    people, winners = [world.olli, world.oskar], set()

    def click(person: int) -> Deployment:
        return start_deployment(actor=people[person], order=order, space=space, snapshot_hash=review.snapshot.hash)

    for _round in range(ROUNDS):
        given = at_once([lambda: click(0), lambda: click(1)])
        (won,) = (answer for answer in given if isinstance(answer, Deployment))
        (lost,) = (answer for answer in given if isinstance(answer, PlatformError))
        assert lost.status == 409 and won.deployed_by.shown_name in str(lost.message), str(lost.message)
        assert list(Deployment.objects.filter(state__in=ACTIVE)) == [won]
        assert Placement.objects.get(component=component, space=space).in_progress_id == won.pk
        winners.add(won.deployed_by.username)
        with transaction.atomic():
            won.refresh_from_db()
            transitions.end_run(won, RunState.CANCELLED, actor=won.deployed_by)
    assert Deployment.objects.filter(space=space).count() == ROUNDS
    assert_no_gap(order)


def test_two_build_at_once(world: World, component: Component) -> None:
    order = rows.make_order(component, world.dana)
    for attempt in range(1, 11):
        given = at_once([lambda: start_build(actor=world.dana, order=fresh(order), commit=rows.COMMIT)] * 2)
        (won,) = (answer for answer in given if isinstance(answer, Build))
        (lost,) = (answer for answer in given if isinstance(answer, PlatformError))
        assert won.attempt == attempt and lost.status == 409
        with transaction.atomic():
            won.refresh_from_db()
            transitions.end_run(won, RunState.FAILED, actor=None, reason="build_failed")
    assert Build.objects.filter(order=order).count() == 10
    assert fresh(order).state == OrderState.BUILD_FAILED
    assert_no_gap(order)


def test_two_orders_are_promoted_to_one_place_at_once(world: World, component: Component) -> None:
    first, second = (rows.make_built(component, world.dana) for _ in range(2))
    space = world.spaces["fat"]
    for _round in range(10):
        given = at_once(
            [lambda order=order: promote(actor=world.dana, order=order, space=space) for order in (first, second)]
        )
        assert any(isinstance(answer, Promotion) for answer in given)
        assert Promotion.objects.filter(space=space, state=PromotionState.CURRENT).count() == 1
    assert_no_gap(first)
    assert_no_gap(second)


def test_twenty_promote_one_order_to_one_place_at_once(world: World, component: Component) -> None:
    order, space = rows.make_built(component, world.dana), world.spaces["fat"]
    given = at_once([lambda: promote(actor=world.dana, order=fresh(order), space=space)] * 20)
    (won,) = (answer for answer in given if isinstance(answer, Promotion))
    others = [answer for answer in given if isinstance(answer, PlatformError)]
    assert {(error.status, error.code) for error in others} == {(409, "already-promoted")} and len(others) == 19
    assert all("Dana" in str(error.message) for error in others)
    assert list(Promotion.objects.all()) == [won]
    assert OrderEvent.objects.filter(order=order, kind="promotion.current").count() == 1
    assert_no_gap(order)


def test_a_place_is_one_row_however_many_ask_for_it_first(world: World, component: Component) -> None:
    order = rows.make_built(component, world.dana)

    def take(space_slug: str) -> int:
        with transaction.atomic():
            return lock_placement(order, world.spaces[space_slug]).pk

    for slug in world.spaces:
        assert len(set(at_once([lambda slug=slug: take(slug)] * 6))) == 1
    assert Placement.objects.filter(component=component).count() == len(world.spaces)


def fresh(order: ReleaseOrder) -> ReleaseOrder:
    """As a request reads it."""
    return ReleaseOrder.objects.select_related("project", "component").get(pk=order.pk)


def test_two_open_break_glass_at_once(world: World, component: Component) -> None:
    order, space = rows.make_built(component, world.dana), world.spaces["prd"]
    for person in (world.olli, world.oskar):
        Membership.objects.create(user=person, role="break_glass", project=world.project)

    def click(person: User) -> BreakGlass:
        return open_break_glass(actor=person, order=order, space=space, reason="night", minutes=60)

    for _round in range(10):
        given = at_once([lambda: click(world.olli), lambda: click(world.oskar)])
        (won,) = (answer for answer in given if isinstance(answer, BreakGlass))
        (lost,) = (answer for answer in given if isinstance(answer, PlatformError))
        assert lost.status == 409 and won.opened_by.shown_name in str(lost.message)
        assert list(BreakGlass.objects.filter(ended_at=None)) == [won]
        won = end_break_glass(actor=won.opened_by, row=won)
        review_break_glass(actor=world.petra, row=won, comment="fine")
    assert_no_gap(order)
