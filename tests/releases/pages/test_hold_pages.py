"""A hold on the pages: the form, the one that lifts it, and where it shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from components.models import Component
from releases.models import Hold, ReleaseOrder
from tests.cast import World
from tests.releases.pages.test_order import queries_of, words
from tests.releases.rows import make_built, make_component, make_promoted, make_success
from tests.releases.test_holds import take

SignIn = Callable[[str], Client]
FORM = "/spaces/sis-omm/uat/hold/"
REASON = "six cases left"


@pytest.fixture
def order(world: World, component: Component) -> ReleaseOrder:
    return make_promoted(component, world)


def given(**more: Any) -> dict[str, Any]:
    ends = timezone.localtime(timezone.now() + timedelta(hours=2))
    return {"component": "", "reason": REASON, "ends_at": ends.strftime("%Y-%m-%dT%H:%M")} | more


def test_it_is_held_and_lifted_by_forms(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    tess, olli = signed_in("tess"), signed_in("olli")
    assert FORM in tess.get("/spaces/sis-omm/uat/").content.decode()
    shown = tess.get(f"{FORM}?component={order.component.slug}")
    assert shown.context["form"]["component"].value() == order.component.slug
    assert tess.post(FORM, given(reason="")).status_code == 400
    assert tess.post(FORM, given(component=order.component.slug)).status_code == 302
    row = Hold.objects.get()
    assert row.component == order.component
    assert tess.post(FORM, given(component=order.component.slug)).status_code == 409
    page = words(tess.get("/spaces/sis-omm/uat/"))
    assert REASON in page and "It stops" in page and order.short_name in page
    lift = f"/holds/{row.pk}/lift/"
    assert REASON in words(olli.get(lift)) and olli.post(lift, {"reason": ""}).status_code == 400
    assert olli.post(lift, {"reason": "the exchange asks"}).status_code == 302
    assert REASON not in words(tess.get("/spaces/sis-omm/uat/"))
    assert "over already" in words(olli.get(lift))


def test_it_shows_on_every_page_of_the_place(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    make_success(make_built(order.component, world.dana), world.spaces["uat"], world.olli)
    row = take(world)
    olli = signed_in("olli")
    for address in (
        "/", f"/orders/{order.number}/?panel=uat", "/spaces/sis-omm/uat/", "/components/sis-omm/sis-omm-proxy-gw/",
        "/runtime/sis-omm/sis-omm-proxy-gw/uat/", f"/orders/{order.number}/review/uat/",
    ):  # fmt: skip
        html = olli.get(address).content.decode()
        assert "Tess" in html and REASON in html, address
    assert f"/holds/{row.pk}/lift/" in olli.get(f"/orders/{order.number}/?panel=uat").content.decode()
    assert f"/holds/{row.pk}/lift/" not in signed_in("dana").get(f"/orders/{order.number}/?panel=uat").content.decode()


def test_a_place_without_anything_is_marked_too(world: World, component: Component, signed_in: SignIn) -> None:
    take(world, "prd")
    (line,) = signed_in("dana").get("/").context["matrix"].lines
    assert [cell.environment.slug for cell in line.cells if cell.hold] == ["prd"]


def test_who_may_not_reads_whom_to_ask(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    dana = signed_in("dana")
    assert "You may not do this in UAT" in words(dana.get(FORM)) and dana.post(FORM, given()).status_code == 403
    assert signed_in("otto").get(FORM).status_code == 404
    row = take(world)
    assert dana.post(f"/holds/{row.pk}/lift/", {"reason": "x"}).status_code == 403
    assert signed_in("otto").get(f"/holds/{row.pk}/lift/").status_code == 404
    why = f"/explain/?verb=deploy&space=sis-omm/uat&order={order.number}&person="
    assert "Tess holds UAT" in words(signed_in("olli").get(why))


def test_in_chinese(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    row = take(world)
    olli = signed_in("olli")
    for address in (f"/orders/{order.number}/?panel=uat", f"/holds/{row.pk}/lift/", FORM, "/spaces/sis-omm/uat/"):
        assert "占用" in words(olli.get(address, headers={"Accept-Language": "zh-Hans"})), address


def test_pages_ask_as_often_for_many_holds(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    paths = ("/", "/?part=chunk", f"/orders/{order.number}/?panel=uat", "/components/sis-omm/sis-omm-proxy-gw/")
    take(world)
    few = {path: queries_of(signed_in("olli"), path) for path in paths}
    for place in ("fat", "prd", "drp"):
        take(world, place)
    for number in range(3):
        take(world, component=make_component(world, f"SIS-OMM-C{number}"))
    many = {path: queries_of(signed_in("olli"), path) for path in paths}
    assert all(many[path] <= few[path] for path in paths), (few, many)
