"""A rule that is about to change stops nothing, and all who read the gates of an act there are told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from environments.models import RuleChange, Space
from environments.services import rule_decisions
from environments.services.spaces import edit_policy
from releases import gates
from releases.gate import Gate
from releases.models import Placement, ReleaseOrder, Review
from releases.place_gates import restart_gates
from releases.services import deployments
from tests.cast import World, browse
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_component, make_review, make_success
from tests.releases.test_api import Caller

QUOTA_LINE = {"resource": "pods", "hard": 10, "used": 1, "after": 2, "peak": 3, "short_by": 0}
pytestmark = pytest.mark.django_db


@pytest.fixture
def component(world: World) -> Component:
    return make_component(world)


@pytest.fixture
def order(world: World, component: Component) -> ReleaseOrder:
    return make_built(component, world.dana)


def proposed(world: World) -> RuleChange:
    """Petra asks for one approval less in PRD."""
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approvals=2)
    edit_policy(actor=world.petra, space=here(world), approvals=1, reason="year-end")
    return RuleChange.objects.get()


def here(world: World, slug: str = "prd") -> Space:
    return Space.objects.select_related("project", "environment", "cluster").get(pk=world.spaces[slug].pk)


def answers(world: World, order: ReleaseOrder, slug: str = "prd") -> list[Gate]:
    """What each kind of act there says of rules."""
    space = here(world, slug)
    make_success(order, space, world.olli)
    place = Placement.objects.get(space=space)
    place.space = space
    snapshot = make_review(order, space).snapshot
    assert snapshot is not None
    found = [
        gates.promotion_gates(order, space),
        gates.deployment_gates(order, space, snapshot=snapshot, deployer=world.olli),
        gates.roll_back_gates(order, space, snapshot=snapshot, deployer=world.olli),
        gates.removal_gates(order, space, snapshot=snapshot, deployer=world.olli),
        restart_gates(place, place.last_succeeded),
    ]
    return [gate for each in found for gate in each if gate.code == "rule"]


def test_every_act_there_names_it_and_none_is_stopped(world: World, order: ReleaseOrder) -> None:
    row = proposed(world)
    found = answers(world, order)
    assert len(found) == 5 and all(gate.is_open for gate in found)
    for gate in found:
        assert "Petra has proposed a rule change" in str(gate.message) and "SIS-OMM" in str(gate.message).upper()
        assert gate.since == row.proposed_at and "Ada" in str(gate.who) and str(gate.title) == "Rule change"


def test_elsewhere_and_once_it_is_decided_or_lapsed_nothing_is_said(world: World, order: ReleaseOrder) -> None:
    row = proposed(world)
    assert {str(gate.message) for gate in answers(world, order, "uat")} == {"No rule change is proposed here."}
    RuleChange.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert "No rule change" in str(gates.promotion_gates(order, here(world))[-1].message)
    RuleChange.objects.filter(pk=row.pk).update(expires_at=timezone.now() + timedelta(hours=1))
    rule_decisions.refuse_rule_change(actor=world.ada, change=row, reason="keep two")
    assert "No rule change" in str(gates.promotion_gates(order, here(world))[-1].message)


@pytest.mark.parametrize("of", ["environment", "project"])
def test_what_is_of_the_environment_or_of_the_whole_project_counts_too(
    world: World, order: ReleaseOrder, of: str
) -> None:
    subject = world.environments["prd"] if of == "environment" else world.project
    RuleChange.objects.create(
        **RuleChange.naming(subject), reason="year-end", proposed_by=world.ada,
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    assert "Ada has proposed" in str(gates.promotion_gates(order, here(world))[-1].message)
    said = str(gates.promotion_gates(order, here(world, "uat"))[-1].message)
    assert ("Ada has proposed" in said) is (of == "project")


def test_page_and_api_say_the_same(world: World, order: ReleaseOrder) -> None:
    proposed(world)
    make_success(order, world.spaces["prd"], world.olli)
    page = browse(world, "olli").get(f"/orders/{order.number}/review/prd/")
    assert "Petra has proposed a rule change" in words(page)
    told = Caller(world, "olli").get(f"orders/{order.number}/").json()["environments"]
    by_place = {
        one["environment"]: [gate for gate in one["deployment_gates"] if gate["code"] == "rule"] for one in told
    }
    assert "Petra has proposed" in by_place["prd"][0]["message"] and by_place["prd"][0]["is_open"] is True
    assert "No rule change" in by_place["fat"][0]["message"]


@pytest.mark.parametrize("username", ["olli", "dana", "tess"])
def test_page_and_api_give_the_same_gates_in_the_same_words(world: World, order: ReleaseOrder, username: str) -> None:
    """The right, the review with its quota, and all that the step asks again; each with who can clear it."""
    make_success(order, world.spaces["uat"], world.olli)
    Review.objects.update(findings={"quota": [QUOTA_LINE]})
    page = words(browse(world, username).get(f"/orders/{order.number}/review/uat/"))
    (uat,) = (
        one
        for one in Caller(world, username).get(f"orders/{order.number}/").json()["environments"]
        if one["environment"] == "uat"
    )
    told = uat["deployment_gates"]
    assert {"role", "reviewed", "quota", "built", "open", "branch", "ticket", "queue", "rule"} <= {
        gate["code"] for gate in told
    }
    assert [gate["message"] for gate in told if gate["message"] not in page] == []
    (role,) = [gate for gate in told if gate["code"] == "role"]
    assert role["is_open"] is (username == "olli") and ("Olli" in role["who"]) is (username != "olli")


def test_what_is_not_reviewed_names_who_reviews_it(world: World, order: ReleaseOrder) -> None:
    told = Caller(world, "dana").get(f"orders/{order.number}/").json()["environments"]
    reviewed = {one["environment"]: [g for g in one["deployment_gates"] if g["code"] == "reviewed"] for one in told}
    assert reviewed["fat"] == [], "there deploying makes its own review"
    assert reviewed["prd"][0]["is_open"] is False and reviewed["prd"][0]["who"] == "Olli, Oskar, Petra"


def test_all_environments_of_an_order_are_asked_in_one_query(world: World, order: ReleaseOrder) -> None:
    with CaptureQueriesContext(connection) as caught:
        browse(world, "olli").get(f"/orders/{order.number}/")
    asked = [query["sql"] for query in caught.captured_queries if 'FROM "environments_rulechange"' in query["sql"]]
    # One for the rail's count, which is of all projects.
    assert len(asked) <= 2, asked


# ---------------------------------------------------------------- refused buttons lead to why
def why_link(response: Any, verb: str) -> bool:
    return f'class="why-link" href="/explain/?verb={verb}' in response.content.decode().replace("&amp;", "&")


def test_who_may_not_cancel_is_led_to_why(world: World, order: ReleaseOrder) -> None:
    make_success(order, world.spaces["uat"], world.olli)
    row = deployments.restart(actor=world.olli, space=here(world, "uat"), placement=Placement.objects.get())
    page = browse(world, "tess").get(f"/deployments/{row.pk}/")
    assert "Only its deployer and operations cancel it." in words(page) and "Oskar" in words(page)
    assert why_link(page, "cancel_deployment")
    assert not why_link(browse(world, "oskar").get(f"/deployments/{row.pk}/"), "cancel_deployment")


def test_who_may_not_create_is_led_to_why(world: World, component: Component) -> None:
    for address in ("/", "/orders/"):
        assert why_link(browse(world, "tess").get(address), "create_order"), address
        assert not why_link(browse(world, "dana").get(address), "create_order"), address
    led = browse(world, "tess").get("/explain/?verb=create_order&project=sis-omm")
    assert led.status_code == 200 and "Tess" in words(led)


def test_a_form_that_a_rule_refuses_leads_to_why() -> None:
    from django import forms
    from django.template.loader import render_to_string

    from foundation.pages import put_refusal
    from foundation.problems import Asked, Refused

    class Form(forms.Form):
        name = forms.CharField(required=False)

    for asked, expected in ((Asked("deploy", "sis-omm", "prd"), True), (None, False)):
        form = Form({})
        put_refusal(form, Refused("A gate is closed.", who_can_help="Olli", asked=asked))
        html = render_to_string("ui/form_errors.html", {"form": form})
        assert "A gate is closed. Olli" in html
        assert ('href="/explain/?verb=deploy&amp;space=sis-omm%2Fprd"' in html) is expected
