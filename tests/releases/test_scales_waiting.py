"""Many scales that wait for approval: judged as their own gates judge each, in the same few queries."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from environments.access import Rights
from environments.models import Membership, Space
from releases.gate import first_closed
from releases.models import Approval, Build, Placement, ScaleRequest, Snapshot
from releases.scale_gates import request_gates
from releases.services.scale_requests import approve_scale, ask_scale, reject_scale
from releases.waiting import scales_to_approve
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success
from tests.releases.test_scaling import WORKLOAD


def ask(world: World, name: str) -> ScaleRequest:
    """Olli asks for nine pods of a component of Dana's in PRD."""
    order = make_built(make_component(world, name), world.dana)
    make_success(order, world.spaces["prd"], world.oskar)
    Snapshot.objects.filter(order=order).update(manifests=[WORKLOAD])
    place = Placement.objects.get(component=order.component)
    return ask_scale(actor=world.olli, space=place.space, placement=place, replicas=9, reason="sale")


def test_ten_cost_as_many_queries_as_three(world: World) -> None:
    counts = []
    for least, most in ((0, 3), (3, 10)):
        for number in range(least, most):
            row = ask(world, f"SIS-OMM-{number}")
            Space.objects.update(approvals=2)
            approve_scale(actor=world.petra, row=ScaleRequest.objects.get(pk=row.pk))
        with CaptureQueriesContext(connection) as queries:
            found = scales_to_approve(Rights(world.oskar))
        assert len(found) == most
        counts.append(len(queries))
    assert counts[0] == counts[1] < 12


@pytest.mark.parametrize("needed", [1, 2])
def test_they_are_judged_as_their_gates_judge_each(world: World, needed: int) -> None:
    rows = {name: ask(world, f"SIS-OMM-{name.upper()}") for name in ("none", "one", "no", "gone", "late", "maker")}
    Space.objects.update(approvals=needed)
    for name in ("one", "late"):
        approve_scale(actor=world.petra, row=rows[name])
    Approval.objects.filter(scale_request=rows["late"]).update(expires_at=timezone.now())
    reject_scale(actor=world.petra, row=rows["no"], comment="no")
    pat = world.people["dave"]
    Membership.objects.filter(user=pat).update(role="operations")
    approve_scale(actor=pat, row=rows["gone"])
    Membership.objects.filter(user=pat).update(role="developer")
    approve_scale(actor=world.petra, row=rows["maker"])
    Build.objects.filter(order=rows["maker"].order_id).update(started_by=world.petra)
    waiting = {one.scale.pk for one in scales_to_approve(Rights(world.oskar)) if one.scale}
    fresh = ScaleRequest.objects.select_related("space__environment", "space__project", "order__author", "asked_by")
    open_ones = {row.pk for row in fresh if first_closed(request_gates(row, None))}
    assert waiting == open_ones - {rows["no"].pk}, "a no stands until its giver takes it back"
    assert rows["none"].pk in waiting and (rows["one"].pk in waiting) == (needed > 1)
    assert {rows[name].pk for name in ("gone", "late", "maker")} <= waiting
