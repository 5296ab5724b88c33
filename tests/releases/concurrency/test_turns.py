"""Many at the line of one place: one is active, nobody is lost, nobody has a turn twice."""

from __future__ import annotations

import random

import pytest
from django.db import transaction
from django.utils import timezone

from components.models import Component
from foundation.problems import PlatformError, Refused
from foundation.runs.choices import ACTIVE, RunState
from releases import transitions
from releases.choices import TurnState
from releases.locks import lock_end
from releases.models import Deployment, Placement, Promotion, ReleaseOrder, Turn
from releases.services.promotions import promote
from releases.services.release import release_place
from releases.services.turns import cancel_turn, deploy_in_turn
from tests.cast import World
from tests.releases import rows
from tests.releases.concurrency.crowd import at_once
from tests.releases.concurrency.test_two_clicks import assert_no_gap

pytestmark = [pytest.mark.security("races"), pytest.mark.slow]
MANY, ROUNDS = 20, 6


def accepted(row: Deployment) -> None:
    """As after the first object: from here another order may be promoted."""
    Deployment.objects.filter(pk=row.pk).update(state="running", phase="rolling", applied_at=timezone.now())


def line_up(world: World, orders: list[ReleaseOrder]) -> list[Turn]:
    """The first is deployed, the others wait behind it, each promoted in its time."""
    turns: list[Turn] = []
    for order in orders:
        promote(actor=world.petra, order=order, space=world.spaces["fat"])
        made = deploy_in_turn(actor=world.olli, order=order, space=world.spaces["fat"])
        if isinstance(made, Turn):
            turns.append(made)
        else:
            accepted(made)
    return turns


def end(row: Deployment) -> None:
    """As a step ends it."""
    with transaction.atomic():
        lock_end(row)
        row.refresh_from_db()
        transitions.end_run(row, RunState.SUCCEEDED, actor=row.deployed_by)


def active() -> Deployment:
    (row,) = Deployment.objects.filter(state__in=ACTIVE).select_related("order", "space")
    assert Placement.objects.get().in_progress_id == row.pk
    return row


def test_twenty_click_the_same_order_at_once(world: World, component: Component) -> None:
    first, second = (rows.make_built(component, world.dana) for _ in range(2))
    line_up(world, [first])
    promote(actor=world.petra, order=second, space=world.spaces["fat"])
    people = [world.olli, world.oskar]
    given = at_once(
        [
            lambda who=people[n % 2]: deploy_in_turn(actor=who, order=fresh(second), space=world.spaces["fat"])
            for n in range(MANY)
        ]
    )
    (turn,) = (one for one in given if isinstance(one, Turn))
    refusals = [one for one in given if isinstance(one, Refused)]
    assert len(refusals) == MANY - 1
    assert all(turn.asked_by.shown_name in str(one.message) and one.status == 409 for one in refusals)
    assert Turn.objects.get() == turn and turn.position == 1
    assert_no_gap(second)


def fresh(order: ReleaseOrder) -> ReleaseOrder:
    return ReleaseOrder.objects.select_related("project", "component", "author").get(pk=order.pk)


def test_the_one_before_ends_twice_at_once_and_one_has_the_turn(world: World, component: Component) -> None:
    orders = [rows.make_built(component, world.dana) for _ in range(ROUNDS + 1)]
    turns = line_up(world, orders)
    for number in range(ROUNDS):
        row = active()
        given = at_once(
            [lambda row=row: end(Deployment.objects.select_related("order", "space").get(pk=row.pk))] * 3,
            refusals=(PlatformError, transitions.IllegalMove),
        )
        assert given.count(None) == 1, given
        turn = Turn.objects.get(pk=turns[number].pk)
        assert turn.state == TurnState.STARTED and turn.deployment == active()
        accepted(active())
    assert [row.order_id for row in Deployment.objects.order_by("pk")] == [order.pk for order in orders]


def test_a_turn_that_is_cancelled_while_it_comes(world: World, component: Component) -> None:
    for _round in range(ROUNDS):
        first, second, third = (rows.make_built(component, world.dana) for _ in range(3))
        turns = line_up(world, [first, second, third])
        row = active()
        given = at_once(
            [lambda row=row: end(row), lambda turns=turns: cancel_turn(actor=world.olli, turn=again(turns[0]))]
        )
        turn = again(turns[0])
        assert given[0] is None
        if turn.state == TurnState.STARTED:
            assert given[1].code == "turn-came" and active() == turn.deployment
        else:
            assert turn.state == TurnState.CANCELLED and active().order == third
        for _left in range(2):
            if Deployment.objects.filter(state__in=ACTIVE).exists():
                end(active())
        assert not Deployment.objects.filter(state__in=ACTIVE).exists() and not waiting()


def again(turn: Turn) -> Turn:
    return Turn.objects.select_related("order__project", "placement__space__environment").get(pk=turn.pk)


def waiting() -> list[Turn]:
    return list(Turn.objects.filter(state=TurnState.WAITING).order_by("pk"))


def test_twenty_acts_at_one_line(world: World, component: Component) -> None:
    """Clicks, supersedings, cancellations, ends and a force-release together."""
    space = world.spaces["fat"]
    orders = [rows.make_built(component, world.dana) for _ in range(6)]
    line_up(world, orders[:3])
    chance = random.Random(7)

    def act(number: int) -> object:
        order = fresh(orders[number % 6])
        match number % 5:
            case 0:
                promote(actor=world.petra, order=order, space=space)
                return deploy_in_turn(actor=world.olli, order=order, space=space, supersede=chance.random() < 0.3)
            case 1:
                row = Deployment.objects.filter(state__in=ACTIVE).select_related("order", "space").first()
                return end(row) if row else None
            case 2:
                turn = waiting()[:1]
                return cancel_turn(actor=world.oskar, turn=again(turn[0])) if turn else None
            case 3:
                row = Deployment.objects.filter(state__in=ACTIVE).select_related("order", "space").first()
                return row and number == 18 and release_place(actor=world.petra, deployment=row, reason="storm")
            case _:
                return deploy_in_turn(actor=world.oskar, order=order, space=space)

    at_once(
        [lambda number=number: act(number) for number in range(MANY)], refusals=(PlatformError, transitions.IllegalMove)
    )
    found = Deployment.objects.filter(state__in=ACTIVE)
    place = Placement.objects.get()
    assert [row.pk for row in found] == ([place.in_progress_id] if place.in_progress_id else [])
    assert place.in_progress_id or place.unknown_since or not waiting()
    assert Turn.objects.filter(state=TurnState.STARTED, deployment=None).count() == 0
    assert Promotion.objects.filter(state="current").count() == 1
    for order in orders:
        assert_no_gap(order)
