"""A break-glass that is over says so within seconds, as the platform's act, and never opens again by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from environments.models import Membership, RuleChange
from environments.services.spaces import edit_policy
from releases import break_glass
from releases.models import BreakGlass, Expiry, OrderEvent, ReleaseOrder
from releases.presenters.activity import happenings
from releases.services.break_glass import end_break_glass, review_break_glass
from tests.cast import World
from tests.releases.rows import make_built, make_component
from tests.releases.test_break_glass import age, break_it, hold
from tests.releases.test_contact_deadline import run_once

pytestmark = pytest.mark.security("skipped-steps")


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    hold(world, "olli")
    return make_built(make_component(world), world.dana)


def pass_once() -> None:
    """One pass of the engine."""
    run_once("expiry", Expiry.objects.get_or_create(singleton=True)[0].pk)


def told(order: ReleaseOrder) -> list[OrderEvent]:
    return list(OrderEvent.objects.filter(order=order, kind="break_glass.expired"))


def test_its_time_is_told_once_with_event_and_audit(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)
    pass_once()
    assert not told(order) and break_glass.in_force(order, row.space) == row
    age(row)
    pass_once()
    pass_once()
    (event,) = told(order)
    assert event.actor is None and event.data["environment"] == "prd"
    recorded = AuditEvent.objects.get(verb="break_glass.expired")
    assert (recorded.object_name, recorded.environment) == (order.number, "prd")
    assert "its time has passed" in str(recorded.after)
    row.refresh_from_db()
    assert row.expired_at is not None and row.expired_at >= row.ends_at
    assert str(happenings(order)[0].message) == "Break-glass of Olli for PRD is over: its time has passed"


def test_the_next_pass_is_due_within_seconds(db: None) -> None:
    pass_once()
    row = Expiry.objects.get()
    assert row.next_at - timezone.now() < timedelta(seconds=3)


def test_with_the_right_of_its_opener_it_ends_for_good(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)
    held = Membership.objects.filter(role="break_glass")
    held.update(ends_at=timezone.now())
    pass_once()
    (event,) = told(order)
    assert "its opener has lost the right" in str(event.data["why"])
    held.update(ends_at=None)
    assert break_glass.in_force(order, row.space) is None, "a right that comes back opens nothing by itself"


def test_what_a_person_ended_is_not_told_again(world: World, order: ReleaseOrder) -> None:
    end_break_glass(actor=world.petra, row=break_it(world, order))
    pass_once()
    assert not told(order)


def test_a_review_that_comes_first_tells_the_end(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)
    age(row)
    review_break_glass(actor=world.petra, row=row, comment="a good reason")
    pass_once()
    kinds = list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("kind", flat=True))
    assert kinds[-2:] == ["break_glass.expired", "break_glass.reviewed"]
    assert BreakGlass.objects.get().expired_at is not None


def test_a_rule_change_that_nobody_confirmed_is_put_away_within_seconds(world: World) -> None:
    space = world.spaces["prd"]
    space.approvals = 2
    space.save()
    edit_policy(actor=world.petra, space=space, reason="year-end", approvals=1)
    RuleChange.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    pass_once()
    assert RuleChange.objects.get().state == "expired"
