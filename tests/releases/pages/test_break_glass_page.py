"""Break-glass on pages and over the API: opened without a script, seen at once by who reviews it, ended by them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from components.models import Component
from environments.models import Membership, RuleChange
from environments.services.spaces import edit_policy
from releases.live.changes import changed_within
from releases.live.topics import Topic
from releases.models import BreakGlass, ReleaseOrder
from releases.services.break_glass import open_break_glass
from releases.services.orders import return_order
from tests.cast import World
from tests.releases.pages.conftest import reviewed
from tests.releases.pages.test_order import HTMX, page, words
from tests.releases.rows import make_built, make_component
from tests.releases.test_api import Caller
from tests.releases.test_break_glass import age, deploy, hold

SignIn = Callable[[str], Client]


@pytest.fixture
def order(world: World, component: Component) -> ReleaseOrder:
    hold(world, "olli")
    return make_built(component, world.dana)


def opened(world: World, order: ReleaseOrder, place: str = "prd") -> BreakGlass:
    return open_break_glass(
        actor=world.olli, order=order, space=world.spaces[place], reason="trading stands still", minutes=60
    )


def test_the_form_opens_it_and_the_order_goes_on(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    olli = signed_in("olli")
    address = f"/orders/{order.number}/break-glass/prd/"
    assert address in page(olli, order, "?panel=prd").content.decode()
    form = words(olli.get(address))
    assert "It is not promoted to PRD." in form and "until somebody else reviewed it" in form
    empty = olli.post(address, {"reason": "", "minutes": "60"})
    assert empty.status_code == 400 and not BreakGlass.objects.exists()
    answer = olli.post(address, {"reason": "trading stands still", "minutes": "120"})
    assert answer.status_code == 302 and answer["Location"] == f"/orders/{order.number}/?panel=prd"
    row = BreakGlass.objects.get()
    assert row.ends_at - row.opened_at == timedelta(hours=2)
    shown = page(olli, order, "?panel=prd")
    assert "By break-glass of Olli until" in words(shown) and "trading stands still" in words(shown)
    assert shown.context["primary"].url == f"/orders/{order.number}/review/prd/"
    assert address not in shown.content.decode(), "it is open already"
    twice = olli.post(address, {"reason": "again", "minutes": "60"})
    assert twice.status_code == 400 and "Break-glass of Olli is in force here" in words(twice)


def test_a_returned_order_leads_to_its_review(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    return_order(actor=world.tess, order=order, reason="wrong sums")
    olli = signed_in("olli")
    assert page(olli, order, "?panel=prd").context["primary"].url == f"/orders/new/?repeat={order.number}"
    opened(world, order)
    assert page(olli, order, "?panel=prd").context["primary"].url == f"/orders/{order.number}/review/prd/"


def test_who_has_not_the_right_sees_no_button_and_reads_whom_to_ask(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    address = f"/orders/{order.number}/break-glass/prd/"
    petra = signed_in("petra")
    assert address not in page(petra, order, "?panel=prd").content.decode()
    asked = words(petra.get(address))
    assert "You may not do this in PRD." in asked and "Olli" in asked
    assert petra.post(address, {"reason": "x", "minutes": "60"}).status_code == 403
    assert signed_in("otto").get(address).status_code == 404
    why = words(petra.get(f"/explain/?verb=break_glass&project=sis-omm&environment=prd&order={order.number}"))
    assert "open the flow for one order by break-glass" in why and "Olli" in why


def test_the_second_person_is_told_at_once_everywhere(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    row = opened(world, order)
    address = f"/break-glass/{row.pk}/"
    for name, is_told in (("petra", True), ("ada", True), ("olli", False), ("oskar", False), ("uma", False)):
        html = signed_in(name).get("/?part=work", headers=HTMX).content.decode()
        assert (address in html) == is_told, name
    petra = signed_in("petra")
    assert address not in petra.get("/?part=work&project=elsewhere", headers=HTMX).content.decode()
    space = petra.get("/spaces/sis-omm/prd/")
    assert address in space.content.decode() and "trading stands still" in words(space)
    assert f"project:{world.project.pk}" in space.context["topic"], "what happens to orders is told there"
    assert address not in petra.get("/spaces/sis-omm/uat/").content.decode()
    assert "Break-glass for PRD opened until" in words(page(petra, order))


@pytest.mark.django_db(transaction=True)
def test_open_pages_of_the_project_are_told(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    hold(world, "olli")
    opened(world, order)
    import asyncio

    assert asyncio.run(_changed(world.project.pk))


async def _changed(pk: int) -> bool:
    return await changed_within(Topic("project", str(pk)), 1.0)


def test_it_is_ended_and_reviewed_on_its_page(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    row = opened(world, order)
    reviewed(order, world.spaces["prd"])
    deployment = deploy(world, order)
    petra, olli = signed_in("petra"), signed_in("olli")
    assert "It is in force: end it" in words(petra.get(f"/break-glass/{row.pk}/"))
    assert petra.post(f"/break-glass/{row.pk}/review/", {"comment": "fine"}).status_code == 400
    assert petra.post(f"/break-glass/{row.pk}/end/", {"comment": ""}).status_code == 302
    type(deployment).objects.filter(pk=deployment.pk).update(state="succeeded")
    assert "You opened it" in words(olli.get(f"/break-glass/{row.pk}/"))
    assert petra.post(f"/break-glass/{row.pk}/review/", {"comment": ""}).status_code == 400
    assert petra.post(f"/break-glass/{row.pk}/review/", {"comment": "a good reason"}).status_code == 302
    shown = petra.get(f"/break-glass/{row.pk}/")
    assert "a good reason" in words(shown) and f"/deployments/{deployment.pk}/" in shown.content.decode()
    assert f"/break-glass/{row.pk}/" not in petra.get("/?part=work", headers=HTMX).content.decode()
    assert "by break-glass" in words(page(petra, order, "?panel=prd"))
    assert "by break-glass" in words(petra.get(f"/deployments/{deployment.pk}/"))


def test_in_chinese(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    row = opened(world, order)
    petra = signed_in("petra")
    petra.cookies["django_language"] = "zh-hans"
    for address in (f"/orders/{order.number}/?panel=prd", f"/break-glass/{row.pk}/", "/"):
        assert "紧急放行" in words(petra.get(address, headers={"Accept-Language": "zh-Hans"})), address


def test_a_rule_change_waits_at_home_too(world: World, component: Component, signed_in: SignIn) -> None:
    Membership.objects.create(user=world.tess, role="project_admin", project=world.project)
    Membership.objects.filter(user=world.tess).update(created_at=timezone.now() - timedelta(days=9))
    world.spaces["prd"].approvals = 2
    world.spaces["prd"].save()
    edit_policy(actor=world.petra, space=world.spaces["prd"], reason="year-end", approvals=1)
    address = f"/rule-changes/{RuleChange.objects.get().pk}/"
    assert address in signed_in("tess").get("/?part=work", headers=HTMX).content.decode()
    assert address not in signed_in("petra").get("/?part=work", headers=HTMX).content.decode()


def test_over_the_api(world: World, order: ReleaseOrder) -> None:
    olli, petra = Caller(world, "olli"), Caller(world, "petra")
    body = {"environment": "prd", "reason": "trading stands still", "minutes": 30}
    assert Caller(world, "olli", ["read"]).post(f"orders/{order.number}/break-glasses/", body).status_code == 403
    assert olli.post(f"orders/{order.number}/break-glasses/", body | {"minutes": 241}).status_code == 400
    made = olli.post(f"orders/{order.number}/break-glasses/", body, key="k")
    assert made.status_code == 201 and made.json()["state"] == "in_force" and "Petra" in made.json()["who_can_help"]
    assert olli.post(f"orders/{order.number}/break-glasses/", body, key="k").json()["id"] == made.json()["id"]
    pk = made.json()["id"]
    deployment = deploy(world, order)
    (place,) = (
        one for one in olli.get(f"orders/{order.number}/").json()["environments"] if one["environment"] == "prd"
    )
    assert place["deployment"]["break_glass"] == pk
    assert [one["id"] for one in petra.get("break-glasses/?waiting=true").json()["items"]] == [pk]
    assert Caller(world, "otto").get(f"break-glasses/{pk}/").status_code == 404
    assert petra.post(f"break-glasses/{pk}/review/", {"comment": "fine"}).status_code == 409
    type(deployment).objects.filter(pk=deployment.pk).update(state="succeeded")
    assert petra.post(f"break-glasses/{pk}/end/").json()["ended_by"] == "petra"
    refused = olli.post(f"break-glasses/{pk}/review/", {"comment": "fine"}).json()
    assert refused["code"] == "not-the-second" and "verb=review_break_glass" in refused["explanation"]
    done = petra.post(f"break-glasses/{pk}/review/", {"comment": "fine"}).json()
    assert (done["state"], done["reviewed_by"], done["deployments"]) == ("reviewed", "petra", [deployment.pk])
    assert petra.get("break-glasses/?waiting=true").json()["items"] == []


def test_one_that_is_over_says_so(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    age(opened(world, order, "uat"))
    shown = words(page(signed_in("petra"), order, "?panel=uat"))
    assert "over, waits for its review" in shown and "The break-glass of Olli is over." in shown
