"""When a place is free again: those are told whose order may go on there, and who held it, if another lifted it."""

from __future__ import annotations

from components.models import Component
from notifications.models import Notice
from releases.services import promotions
from releases.services.holds import lift_hold
from tests.cast import World
from tests.notifications.telling import told
from tests.releases.rows import make_built, make_component, make_review, make_success
from tests.releases.test_holds import age, pass_once, take


def waits_for_uat(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    promotions.promote(actor=world.petra, order=order, space=world.spaces["uat"], test_verdict="passed")
    make_review(order, world.spaces["uat"])


def test_who_deploys_and_whose_order_it_is(world: World, component: Component) -> None:
    waits_for_uat(world, component)
    row = take(world)
    assert told(world)
    lift_hold(actor=world.oskar, row=row, reason="the exchange asks for it")
    assert told(world) == {"hold_over": {"olli", "dana", "petra", "tess"}}, "oskar did it himself"
    own = Notice.objects.get(person=world.tess, kind="hold_over")
    assert str(own.detail) == "the exchange asks for it" and "Your hold of" in str(own.message)
    waiter = Notice.objects.get(person=world.olli, kind="hold_over")
    assert "UAT is held no more" in str(waiter.message) and waiter.path.endswith("?panel=uat")


def test_nobody_waits_while_another_hold_stands(world: World, component: Component) -> None:
    waits_for_uat(world, component)
    row = take(world)
    take(world, by="petra")
    assert told(world)
    age(row)
    pass_once()
    assert told(world) == {"hold_over": {"tess"}}, "whose time it was"


def test_several_orders_are_told_in_one_line(world: World, component: Component) -> None:
    waits_for_uat(world, component)
    waits_for_uat(world, make_component(world, "SIS-OMM-MOP"))
    row = take(world)
    assert told(world)
    lift_hold(actor=world.tess, row=row)
    assert told(world) == {"hold_over": {"olli", "oskar", "dana", "petra"}}
    assert "2 orders may go on" in str(Notice.objects.filter(person=world.olli, kind="hold_over").get().message)


def test_the_hold_of_one_component_frees_no_other(world: World, component: Component) -> None:
    waits_for_uat(world, make_component(world, "SIS-OMM-MOP"))
    row = take(world, component=component)
    assert told(world)
    lift_hold(actor=world.tess, row=row)
    assert told(world) == {}
