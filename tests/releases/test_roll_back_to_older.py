"""A roll back to something older than the last success is judged as a deployment: at the click, by API, at the step."""

from __future__ import annotations

import re
from typing import Any

import pytest

from environments.models import Space
from foundation.problems import Refused, Stale
from releases import gates
from releases.choices import ClosedReason, OrderState
from releases.models import Approval, Deployment, Placement, Promotion, ReleaseOrder
from releases.services import approvals, deployments
from releases.steps.deployment.start import refusal_of
from tests.cast import World, browse
from tests.releases.rows import make_built, make_component, make_review, make_success
from tests.releases.test_api import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.security("skipped-steps")]
PLACE = "sis-omm/sis-omm-proxy-gw"


@pytest.fixture
def successes(world: World) -> list[Deployment]:
    """Three orders served in PRD one after the other; the newest one serves."""
    component = make_component(world)
    return [make_success(make_built(component, world.dana), world.spaces["prd"], world.olli) for _number in range(3)]


def promote(world: World, row: Deployment) -> None:
    Promotion.objects.filter(space=row.space, ended_at=None).delete()
    Promotion.objects.create(order=row.order, component=row.order.component, space=row.space, promoted_by=world.tess)


def closed(world: World, row: Deployment) -> list[str]:
    order, space = ReleaseOrder.objects.get(pk=row.order_id), world.spaces["prd"]
    assert row.snapshot is not None
    found = gates.roll_back_gates(order, space, snapshot=row.snapshot, deployer=world.olli)
    return [gate.code for gate in found if not gate.is_open]


def back(world: World, row: Deployment) -> Deployment:
    return deployments.roll_back(actor=world.olli, space=world.spaces["prd"], to=row)


def tighten(world: World, **policy: Any) -> None:
    Space.objects.filter(pk=world.spaces["prd"].pk).update(**policy)
    world.spaces["prd"].refresh_from_db()


def test_the_last_success_needs_neither_promotion_nor_approval(world: World, successes: list[Deployment]) -> None:
    tighten(world, branch_pattern="release/.*", change_ticket_required=True)
    assert closed(world, successes[1]) == []
    assert refusal_of(back(world, successes[1])) == ""


def test_after_a_failure_the_last_success_is_what_served_before(world: World, successes: list[Deployment]) -> None:
    failed = make_success(successes[0].order, world.spaces["prd"], world.olli)
    Deployment.objects.filter(pk=failed.pk).update(state="failed")
    Placement.objects.update(last_succeeded=successes[2])
    assert closed(world, successes[2]) == []
    assert closed(world, successes[1]) == ["promoted", "approved"]


def test_an_older_one_meets_every_gate_of_a_deployment(world: World, successes: list[Deployment]) -> None:
    first = successes[0]
    assert closed(world, first) == ["promoted", "approved"]
    tighten(world, branch_pattern="release/.*", change_ticket_required=True)
    assert closed(world, first) == ["promoted", "branch", "ticket", "approved"]
    tighten(world, branch_pattern="", change_ticket_required=False)
    ReleaseOrder.objects.filter(pk=first.order_id).update(state=OrderState.CLOSED, closed_reason=ClosedReason.DONE)
    assert closed(world, first)[0] == "open"
    with pytest.raises(Refused, match="is closed"):
        back(world, first)


def test_approved_as_it_is_an_older_one_may_go_back(world: World, successes: list[Deployment]) -> None:
    first = successes[0]
    assert first.snapshot is not None
    promote(world, first)
    with pytest.raises(Refused, match="0 of 1 approvals"):
        back(world, first)
    approvals.approve(actor=world.oskar, snapshot=first.snapshot)
    row = back(world, first)
    assert refusal_of(row) == ""
    # Asked anew before anything is sent: what was agreed on has gone.
    approvals.withdraw_approval(actor=world.oskar, approval=Approval.objects.get())
    assert "0 of 1 approvals" in str(refusal_of(row))
    approvals.approve(actor=world.petra, snapshot=first.snapshot)
    Promotion.objects.all().delete()
    assert "not promoted" in str(refusal_of(row))


def test_what_served_is_approved_although_newer_inputs_were_reviewed(world: World, successes: list[Deployment]) -> None:
    first, space = successes[0], world.spaces["prd"]
    never = make_review(first.order, space, salt="between").snapshot
    make_review(first.order, space, salt="newer")
    assert first.snapshot is not None and never is not None
    assert approvals.approve(actor=world.oskar, snapshot=first.snapshot).state == "given"
    with pytest.raises(Stale):
        approvals.approve(actor=world.oskar, snapshot=never)


def test_the_page_says_what_is_missing_and_takes_the_approval(world: World, successes: list[Deployment]) -> None:
    first, space = successes[0], world.spaces["prd"]
    assert first.snapshot is not None
    make_review(first.order, space, salt="newer")
    address = f"/runtime/{PLACE}/prd/roll-back/"
    olli, oskar = browse(world, "olli"), browse(world, "oskar")
    ready = olli.get(f"{address}?to={successes[1].pk}").content.decode()
    assert "Ready" in ready and 'id="decide"' not in ready
    html = olli.get(f"{address}?to={first.pk}").content.decode()
    assert "judged as a deployment" in html and "Blocked" in html and "not promoted to PRD" in html
    assert olli.post(address, {"to": first.pk, "last_four": first.order.number[-4:]}).status_code == 409
    promote(world, first)
    assert 'id="decide"' in oskar.get(f"{address}?to={first.pk}").content.decode()
    said = {"snapshot": first.snapshot.hash, "decision": "approve", "comment": "read"}
    answer = oskar.post(f"/orders/{first.order.number}/review/prd/decide/", said)
    assert answer.status_code == 302 and answer["Location"] == f"{address}?to={first.pk}"
    html = olli.get(f"{address}?to={first.pk}").content.decode()
    assert "Ready" in html and re.search(r"Oskar", html)
    assert olli.post(address, {"to": first.pk, "last_four": first.order.number[-4:]}).status_code == 302
    assert Deployment.objects.latest("pk").kind == "roll_back"


def test_the_api_judges_it_alike(world: World, successes: list[Deployment]) -> None:
    olli = Caller(world, "olli")
    address = f"components/{PLACE}/environments/prd/roll-backs/"
    told = olli.post(address, {"deployment": successes[0].pk})
    assert told.status_code == 409 and told.json()["code"] == "gate-promoted", told.content
    assert olli.post(address, {"deployment": successes[1].pk}).status_code == 202
