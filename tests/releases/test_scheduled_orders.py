"""An order that is deployed by itself at a time waits for that time, and for nobody."""

from __future__ import annotations

from environments.access import Rights
from releases.models import ReleaseOrder
from releases.presenters.order import Card, read_lane, stuck_at
from releases.services.schedules import withdraw_schedule
from releases.waiting.promoted import promoted_orders
from tests.cast import World
from tests.releases.rows import make_component, make_promoted, make_review
from tests.releases.test_schedules import plan


def card(world: World, order: ReleaseOrder, environment: str = "uat") -> Card:
    lane = read_lane(order, Rights(world.olli))
    return next(one for column in lane.columns for one in column if one.panel == environment)


def test_its_card_tells_the_time_and_the_inbox_asks_nobody_until_it_is_withdrawn(world: World) -> None:
    order = make_promoted(make_component(world), world)
    make_review(order, world.spaces["uat"])
    rights = Rights(world.olli)
    assert str(card(world, order).note) == "may be deployed"
    assert [one.order for one in promoted_orders(rights).to_deploy] == [order]

    row = plan(world, order)
    assert str(card(world, order).note).startswith("scheduled for 20")
    stuck = stuck_at(order, read_lane(order, rights), rights)
    assert stuck and str(stuck.message).startswith("It is deployed by itself at 20") and not stuck.who
    assert promoted_orders(rights).to_deploy == []

    withdraw_schedule(actor=world.olli, row=row)
    assert str(card(world, order).note) == "may be deployed"
    assert [one.order for one in promoted_orders(rights).to_deploy] == [order]


def test_what_stops_it_is_told_before_its_time(world: World) -> None:
    order = make_promoted(make_component(world), world)
    make_review(order, world.spaces["uat"])
    plan(world, order)
    other = make_promoted(make_component(world, "SIS-OMM-OTHER"), world)
    make_review(other, world.spaces["uat"])
    assert str(card(world, other).note) == "may be deployed"
    world.spaces["uat"].change_ticket_required = True
    world.spaces["uat"].save()
    assert str(card(world, order).note) == "blocked by 1"
