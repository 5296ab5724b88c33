"""Where an order may go next, and what stops it: the flow graph, the twin, settling, branches and tickets."""

from __future__ import annotations

import pytest
from django.utils import timezone

from environments.models import Membership
from environments.services import places
from environments.services.spaces import create_space
from foundation.problems import Invalid, Refused
from releases import gates
from releases.events import append_event
from releases.models import Deployment, Placement, Promotion
from releases.services import orders, promotions
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_order, make_success

pytestmark = pytest.mark.security("skipped-steps")


def closed(found: list[gates.Gate]) -> str:
    gate = gates.first_closed(found)
    return gate.code if gate else ""


def test_an_order_without_an_image_goes_nowhere(world: World) -> None:
    order = make_order(make_component(world), world.dana)
    assert closed(gates.promotion_gates(order, world.spaces["fat"])) == "built"


def test_the_entry_environment_takes_a_built_order(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    assert closed(gates.promotion_gates(order, world.spaces["fat"])) == ""
    assert closed(gates.promotion_gates(order, world.spaces["uat"])) == "came-through"


def test_success_opens_the_next_environment_once_it_has_settled(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli, settled=False)
    assert closed(gates.promotion_gates(order, world.spaces["uat"])) == "came-through"
    Placement.objects.update(settled_at=timezone.now())
    assert closed(gates.promotion_gates(order, world.spaces["uat"])) == ""
    assert closed(gates.promotion_gates(order, world.spaces["prd"])) == "came-through"


def test_a_restart_after_the_verdict_stops_the_flow(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    Placement.objects.update(unsettled_reason="Pod x restarted.")
    found = gates.promotion_gates(order, world.spaces["uat"])
    assert closed(found) == "came-through"
    assert "Pod x restarted." in str(gates.first_closed(found).message)  # type: ignore[union-attr]


def test_a_success_with_0_pods_proves_nothing(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    fat, uat = world.spaces["fat"], world.spaces["uat"]
    empty = make_success(order, fat, world.olli)
    Deployment.objects.filter(pk=empty.pk).update(progress={"wanted": 0, "ready": 0})
    refusal = gates.first_closed(gates.promotion_gates(order, uat))
    assert refusal and refusal.code == "came-through" and "with 0 pods, which proves nothing" in str(refusal.message)
    scaled = make_success(order, fat, world.olli)
    Deployment.objects.filter(pk=scaled.pk).update(progress={"wanted": 1, "ready": 1})
    assert closed(gates.promotion_gates(order, uat)) == ""


def test_a_scale_to_0_before_it_settled_takes_its_place(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    fat, uat = world.spaces["fat"], world.spaces["uat"]
    good = make_success(order, fat, world.olli, settled=False)
    Deployment.objects.filter(pk=good.pk).update(progress={"wanted": 2, "ready": 2})
    down = make_success(order, fat, world.olli)
    Deployment.objects.filter(pk=down.pk).update(progress={"wanted": 0, "ready": 0}, kind="scale")
    refusal = gates.first_closed(gates.promotion_gates(order, uat))
    assert refusal and "with 0 pods" in str(refusal.message)
    append_event(order.pk, "placement.settled", data={"id": good.pk})
    assert closed(gates.promotion_gates(order, uat)) == "", "it had settled before"


def test_success_of_another_order_proves_nothing(world: World) -> None:
    component = make_component(world)
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    assert closed(gates.promotion_gates(make_built(component, world.dana), world.spaces["uat"])) == "came-through"


def test_the_twin_takes_what_its_sibling_holds(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    make_success(order, world.spaces["uat"], world.olli)
    assert closed(gates.promotion_gates(order, world.spaces["drp"])) == "came-through"
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    assert closed(gates.promotion_gates(order, world.spaces["drp"])) == ""


def test_the_twin_takes_what_once_succeeded_at_its_sibling(world: World) -> None:
    component = make_component(world)
    old = make_built(component, world.dana)
    make_success(old, world.spaces["prd"], world.olli)
    # PRD has been promised to somebody else since; on the day it burns the old order may still go to DRP.
    assert closed(gates.promotion_gates(old, world.spaces["drp"])) == ""


def test_back_down_is_always_allowed(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["prd"], world.olli)
    assert closed(gates.promotion_gates(order, world.spaces["uat"])) == ""


def test_a_branch_pattern_names_the_branch(world: World) -> None:
    space = world.spaces["fat"]
    space.branch_pattern = "master|release/.*"
    space.save()
    component = make_component(world)
    assert closed(gates.promotion_gates(make_built(component, world.dana, branch="feature/x"), space)) == "branch"
    assert closed(gates.promotion_gates(make_built(component, world.dana, branch="release/1"), space)) == ""


def test_a_change_ticket_is_asked_for(world: World) -> None:
    world.project.change_ticket_pattern = "CHG[0-9]{6}"
    world.project.save()
    space = world.spaces["fat"]
    space.change_ticket_required = True
    space.save()
    order = make_built(make_component(world), world.dana)
    order.project = world.project
    assert closed(gates.promotion_gates(order, space)) == "ticket"
    order.change_ticket = "CHG1"
    assert closed(gates.promotion_gates(order, space)) == "ticket"
    order.change_ticket = "CHG123456"
    assert closed(gates.promotion_gates(order, space)) == ""


def test_one_promotion_is_current_and_the_older_order_is_told(world: World) -> None:
    component = make_component(world)
    first, second = make_built(component, world.dana), make_built(component, world.dana)
    promotions.promote(actor=world.tess, order=first, space=world.spaces["fat"])
    promotions.promote(actor=world.tess, order=second, space=world.spaces["fat"])
    states = dict(Promotion.objects.values_list("order__number", "state"))
    assert states == {first.number: "replaced", second.number: "current"}
    told = first.events.get(kind="promotion.replaced")
    assert told.data["by"] == second.number
    found = gates.deployment_gates(first, world.spaces["fat"], snapshot=None, deployer=None)
    assert closed(found) == "promoted"
    assert second.number in str(gates.first_closed(found).message)  # type: ignore[union-attr]


def test_a_tester_must_say_whether_it_passed(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    with pytest.raises(Invalid) as refusal:
        promotions.promote(actor=world.tess, order=order, space=world.spaces["uat"])
    assert "test_verdict" in refusal.value.fields
    with pytest.raises(Invalid) as refusal:
        promotions.promote(
            actor=world.tess,
            order=order,
            space=world.spaces["uat"],
            test_verdict="passed",
            report_url="javascript:alert(1)",
        )
    assert "report_url" in refusal.value.fields
    assert not Promotion.objects.exists()


def test_a_returned_order_goes_no_further(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["fat"])
    orders.return_order(actor=world.tess, order=order, reason="wrong rounding")
    assert closed(gates.promotion_gates(order, world.spaces["fat"])) == "open"
    assert Promotion.objects.get().state == "withdrawn"
    with pytest.raises(Refused):
        promotions.promote(actor=world.tess, order=order, space=world.spaces["fat"])


def test_a_return_needs_a_reason(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    with pytest.raises(Invalid):
        orders.return_order(actor=world.tess, order=order, reason="  ")
    order.refresh_from_db()
    assert order.state == "built"


def test_the_gate_of_a_missing_promotion_names_the_creator_where_creators_may(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    gate = gates._promoted(order, world.spaces["fat"])
    assert "Dana" in gate.who and "Tess" in gate.who
    assert "Dana" not in gates._promoted(order, world.spaces["uat"]).who
    Membership.objects.filter(user=world.dana).delete()
    assert "Dana" not in gates._promoted(order, world.spaces["fat"]).who


@pytest.mark.security("floods")
def test_a_pattern_that_would_hold_the_process_up_is_answered_at_once(world: World) -> None:
    space = world.spaces["fat"]
    space.branch_pattern = "(a+)+"
    assert (
        closed(gates.promotion_gates(make_built(make_component(world), world.dana, branch="a" * 60 + "!"), space))
        == "branch"
    )


def test_no_way_leads_to_production_through_what_follows_it(world: World) -> None:
    """One administrator alone draws both arrows of such an environment: it proves nothing of an order."""
    after = places.create_environment(actor=world.ada, slug="show", name="Show", position=9, follows=["prd", "fat"])
    world.environments["show"] = after
    space = create_space(actor=world.ada, project=world.project, environment="show", cluster="main")
    order = make_built(make_component(world), world.dana)
    make_success(order, space, world.olli)
    assert closed(gates.promotion_gates(order, world.spaces["prd"])) == "came-through"
    assert closed(gates.promotion_gates(order, world.spaces["fat"])) == "", "back down is always allowed"
    make_success(order, world.spaces["prd"], world.olli)
    assert closed(gates.promotion_gates(order, world.spaces["prd"])) == "", "and back to where it was"
