"""The list of break-glass uses: who may see it, what its filters leave, and how it is reached."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from components.models import Component
from releases.models import BreakGlass
from releases.services.break_glass import end_break_glass, expire_over, review_break_glass
from tests.cast import World
from tests.releases.pages.test_order import HTMX, words
from tests.releases.rows import make_built
from tests.releases.test_api import Caller
from tests.releases.test_break_glass import age, break_it, deploy, finish, hold

SignIn = Callable[[str], Client]
LIST = "/break-glass/"


@pytest.fixture
def uses(world: World, component: Component) -> dict[str, BreakGlass]:
    """One in force, one that ran out and was deployed under, one ended early and reviewed."""
    hold(world, "olli")
    made = {}
    for name, place in (("expired", "prd"), ("reviewed", "uat"), ("open", "drp")):
        order = make_built(component, world.dana)
        made[name] = break_it(world, order, place)
        if name == "expired":
            finish(deploy(world, order))
            age(made[name], hours=30)
            expire_over()
        elif name == "reviewed":
            end_break_glass(actor=world.olli, row=made[name])
            review_break_glass(actor=world.petra, row=made[name], comment="a good reason")
    return {name: BreakGlass.objects.get(pk=row.pk) for name, row in made.items()}


def shown(client: Client, query: str = "") -> set[str]:
    answer = client.get(LIST + query)
    assert answer.status_code == 200
    return {str(found.row.pk) for found in answer.context["rows"]}


def test_every_use_with_its_state_and_its_review(world: World, uses: dict[str, BreakGlass], signed_in: SignIn) -> None:
    text = words(signed_in("petra").get(LIST))
    for said in ("in force", "over, waits for its review", "reviewed", "a good reason", "its time has passed"):
        assert said in text, said
    assert "Nobody has used break-glass yet" in words(signed_in("otto").get(LIST)), "not of projects one does not see"
    assert len(shown(signed_in("uma"))) == 3, "auditors see all"


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("?state=in_force", "open"),
        ("?state=to_review", "expired"),
        ("?state=reviewed", "reviewed"),
        ("?used=yes", "expired"),
        ("?used=no", "open reviewed"),
        ("?ended=expired", "expired"),
        ("?ended=by_hand", "reviewed"),
        ("?environment=uat", "reviewed"),
        ("?project=sis-omm", "open expired reviewed"),
        ("?project=elsewhere", ""),
    ],
)
def test_filters_of_page_and_api(
    world: World, uses: dict[str, BreakGlass], signed_in: SignIn, query: str, left: str
) -> None:
    wanted = {str(uses[name].pk) for name in left.split()}
    assert shown(signed_in("petra"), query) == wanted
    items = Caller(world, "petra").get("break-glasses/" + query).json()["items"]
    assert {str(one["id"]) for one in items} == wanted


def test_another_word_narrows_no_page_and_is_refused_by_the_api(
    world: World, uses: dict[str, BreakGlass], signed_in: SignIn
) -> None:
    assert shown(signed_in("petra"), "?state=nonsense") == {str(row.pk) for row in uses.values()}
    assert Caller(world, "petra").get("break-glasses/?state=nonsense").status_code == 400
    assert shown(signed_in("petra"), "?since=never") == {str(row.pk) for row in uses.values()}
    assert Caller(world, "petra").get("break-glasses/?since=never").status_code == 400


def test_days_of_opening(world: World, uses: dict[str, BreakGlass], signed_in: SignIn) -> None:
    today = timezone.localdate()
    petra = signed_in("petra")
    assert str(uses["expired"].pk) not in shown(petra, f"?since={today}")
    assert shown(petra, f"?until={today - timedelta(days=1)}") == {str(uses["expired"].pk)}


def test_pages_are_told_apart_by_id_and_cost_the_same(
    world: World, component: Component, signed_in: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    hold(world, "olli")
    row = break_it(world, make_built(component, world.dana))
    values = {"order": row.order, "space": row.space, "reason": "night", "opened_by": world.olli}
    past = {"opened_at": timezone.now() - timedelta(hours=9), "ends_at": timezone.now() - timedelta(hours=8)}
    BreakGlass.objects.bulk_create(BreakGlass(**values, **past, expired_at=past["ends_at"]) for _n in range(60))
    petra = signed_in("petra")
    petra.get(LIST)
    with django_assert_max_num_queries(16):
        first = petra.get(LIST)
    assert len(first.context["rows"]) == 50
    oldest = min(found.row.pk for found in first.context["rows"])
    assert f"before={oldest}" in first.content.decode()
    rest = shown(petra, f"?before={oldest}")
    assert len(rest) == 11 and str(row.pk) in rest


def test_reached_from_audit_and_home(world: World, uses: dict[str, BreakGlass], signed_in: SignIn) -> None:
    assert f'href="{LIST}"' in signed_in("uma").get("/audit/").content.decode()
    petra = signed_in("petra").get("/?part=work", headers=HTMX).content.decode()
    assert f'href="{LIST}"' in petra


def test_in_chinese(world: World, uses: dict[str, BreakGlass], signed_in: SignIn) -> None:
    text = words(signed_in("petra").get(LIST, headers={"Accept-Language": "zh-Hans"}))
    assert "紧急放行" in text and "事后复核" in text and "Break-glass" not in text


def test_one_that_expired_says_why_over_the_api(world: World, uses: dict[str, BreakGlass]) -> None:
    one = Caller(world, "uma").get(f"break-glasses/{uses['expired'].pk}/").json()
    assert one["expired_at"] and one["ended_at"] is None and one["state"] == "to_review"
