"""What an approval is worth when its giver left, or when an administrator had just set their password."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from environments.services import people
from releases.models import Approval, Deployment, OrderEvent, ReleaseOrder, Snapshot
from releases.services import approvals, promotions
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_review, make_success


@pytest.fixture
def ready(world: World) -> ReleaseOrder:
    """An order that may be deployed to production but for its approval."""
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["uat"], world.olli)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    return order


def snapshot_of(order: ReleaseOrder, world: World) -> Snapshot:
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot
    return snapshot


def test_what_somebody_who_left_approved_is_void_while_nobody_used_it(world: World, ready: ReleaseOrder) -> None:
    approval = approvals.approve(actor=world.olli, snapshot=snapshot_of(ready, world))
    people.deactivate_person(actor=world.ada, person=world.olli, reason="left")
    approval.refresh_from_db()
    assert approval.state == "void" and approval.ended_at
    event = OrderEvent.objects.get(order=ready, kind="approval.void")
    assert event.actor_id == world.ada.pk
    assert AuditEvent.objects.filter(verb="approval.void", actor_name="Ada").count() == 1
    people.activate_person(actor=world.ada, person=world.olli)
    approval.refresh_from_db()
    assert approval.state == "void"


def test_an_approval_that_was_used_stays_as_it_was(world: World, ready: ReleaseOrder) -> None:
    snapshot = snapshot_of(ready, world)
    approval = approvals.approve(actor=world.olli, snapshot=snapshot)
    used = make_success(ready, world.spaces["prd"], world.oskar)
    Deployment.objects.filter(pk=used.pk).update(snapshot=snapshot)
    people.deactivate_person(actor=world.ada, person=world.olli)
    approval.refresh_from_db()
    assert approval.state == "given"


@pytest.mark.parametrize(("hours", "is_told"), [(1, True), (25, False)])
def test_an_approval_soon_after_a_reset_says_so(world: World, ready: ReleaseOrder, hours: int, is_told: bool) -> None:
    people.set_password(actor=world.ada, person=world.olli, password="quite a long phrase")
    User.objects.filter(pk=world.olli.pk).update(
        password_reset_at=timezone.now() - timedelta(hours=hours), must_change_password=False
    )
    snapshot = snapshot_of(ready, world)
    approvals.approve(actor=world.olli, snapshot=snapshot)
    assert Approval.objects.get().is_after_reset is is_told
    client = Client()
    client.force_login(world.oskar)
    page = client.get(f"/orders/{ready.number}/review/prd/", follow=True).content.decode()
    assert ("after an administrator set" in page) is is_told
    shown = client.get(f"/api/v1/orders/{ready.number}/").json()
    prd = next(place for place in shown["environments"] if place["environment"] == "prd")
    assert prd["approvals"][0]["is_after_reset"] is is_told
    after = AuditEvent.objects.get(verb="approval.given").after
    assert ("soon_after_reset" in after) is is_told
