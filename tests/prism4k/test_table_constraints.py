"""The tables themselves refuse rows that contradict each other, from any writer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Model
from django.utils import timezone

from audit.models import AuditCheck, SealRun
from components.models import Allocation, Component, GitServer, ImageRegistry, JenkinsServer, ServerTest
from environments.models import Environment, Membership, Space
from environments.services.members import add_membership
from foundation.problems import Refused
from notifications.models import Telling
from releases.models import Approval, Build, Expiry, Housekeeping, Promotion, ReleaseOrder, Review
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_review

pytestmark = pytest.mark.django_db
LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def component(world: World) -> Component:
    """A complete component."""
    return make_component(world)


def refuses(name: str, write: Callable[[], object]) -> None:
    """The database refuses the write in the name of this constraint."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        write()
    assert name in str(caught.value)


def update(model: type[Model], **values: Any) -> Callable[[], object]:
    return lambda: model._default_manager.update(**values)


@pytest.mark.parametrize("place", ["site", "project", "environment"])
@pytest.mark.parametrize("ends_at", [None, LATER])
def test_a_role_is_held_once_at_a_place_for_a_time(world: World, place: str, ends_at: datetime | None) -> None:
    held = {
        "site": {"role": "auditor"},
        "project": {"role": "developer", "project": world.project},
        "environment": {"role": "grant", "project": world.project, "environment": world.environments["fat"]},
    }[place]
    if place == "environment":
        ends_at = LATER
    row = {"user": world.otto, **held, "ends_at": ends_at}
    Membership.objects.filter(user=world.otto).delete()
    Membership.objects.create(**row)
    refuses("one_membership_per_role_place_and_end", lambda: Membership.objects.create(**row))
    Membership.objects.create(**{**row, "ends_at": LATER + timedelta(days=1)})


def test_a_role_given_twice_for_the_same_time_is_refused_with_a_message(world: World) -> None:
    ends_at = timezone.now() + timedelta(days=2)
    place = {"role": "grant", "project": world.project, "environment": "fat", "ends_at": ends_at}
    add_membership(actor=world.petra, username="otto", **place)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="holds this role already"):
        add_membership(actor=world.petra, username="otto", **place)  # type: ignore[arg-type]
    add_membership(actor=world.petra, username="otto", **{**place, "ends_at": ends_at + timedelta(hours=1)})  # type: ignore[arg-type]


def test_an_allocation_has_limits_that_hold_its_requests(component: Component) -> None:
    name = "an_allocation_has_limits_that_hold_its_requests"
    refuses(name, update(Allocation, cpu_limit=F("cpu_request") - 1))
    refuses(name, update(Allocation, memory_request=F("memory_limit") + 1))
    refuses("at_most_200_replicas", update(Allocation, replicas=201))
    assert Allocation.objects.update(cpu_limit=F("cpu_request"), memory_limit=F("memory_request"), replicas=200)


def test_a_server_test_has_one_target_of_its_kind(component: Component) -> None:
    targets: dict[str, Any] = {
        "jenkins": JenkinsServer.objects.get(),
        "git": GitServer.objects.get(),
        "registry": ImageRegistry.objects.get(),
    }
    name = "a_server_test_has_one_target_of_its_kind"
    for kind, target in targets.items():
        test = ServerTest.objects.create(kind=kind, **{kind: target})
        other = next(one for one in targets if one != kind)
        rows = ServerTest.objects.filter(pk=test.pk)
        refuses(name, lambda: rows.update(**{other: targets[other]}))  # noqa: B023 (called at once)
        refuses(name, lambda: rows.update(kind=other))  # noqa: B023
        refuses(name, lambda: rows.update(**{kind: None}))  # noqa: B023


def test_a_space_holds_together(world: World) -> None:
    fat = Space.objects.filter(pk=world.spaces["fat"].pk)
    refuses("cpu_ceilings", lambda: fat.update(cpu_request_ceiling=2000, cpu_limit_ceiling=1999))
    refuses("memory_ceilings", lambda: fat.update(memory_request_ceiling=2, memory_limit_ceiling=1))
    for wrong in ({"approvals": 10}, {"settle_seconds": 3601}, {"deploy_deadline_seconds": 0}):
        refuses("policy_numbers", lambda: fat.update(**wrong))  # noqa: B023
    assert fat.update(cpu_request_ceiling=2000, cpu_limit_ceiling=None, approvals=9, settle_seconds=3600)


def test_an_environment_is_not_its_own_twin(world: World) -> None:
    refuses("an_environment_is_not_its_own_twin", update(Environment, twin=F("id")))


def test_what_has_ended_says_when_and_what_stands_does_not(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    review = make_review(order, world.spaces["prd"])
    assert review.snapshot is not None
    place = {"order": order, "component": component, "space": world.spaces["prd"]}
    Promotion.objects.create(**place, promoted_by=world.petra)
    name = "only_a_promotion_that_is_not_current_has_ended"
    refuses(name, update(Promotion, ended_at=LATER))
    refuses(name, update(Promotion, state="replaced"))
    assert Promotion.objects.update(state="replaced", ended_at=LATER)
    Approval.objects.create(**place, snapshot=review.snapshot, by=world.petra, state="given")
    name = "only_an_approval_that_does_not_stand_has_ended"
    refuses(name, update(Approval, ended_at=LATER))
    refuses(name, update(Approval, state="void"))
    assert Approval.objects.update(state="void", ended_at=LATER)


def test_only_a_closed_order_has_a_reason_of_closing(world: World, component: Component) -> None:
    make_built(component, world.dana)
    name = "only_a_closed_order_has_a_reason_of_closing"
    refuses(name, update(ReleaseOrder, closed_reason="done"))
    refuses(name, update(ReleaseOrder, state="closed"))
    assert ReleaseOrder.objects.update(state="closed", closed_reason="done")
    refuses("attempts_are_counted_from_1", update(Build, attempt=0))


def test_there_is_one_active_review_an_order_and_space(world: World, component: Component) -> None:
    place = {"order": make_built(component, world.dana), "component": component, "space": world.spaces["fat"]}
    Review.objects.create(**place)
    refuses("UNIQUE" if connection.vendor == "sqlite" else "one_active_review", lambda: Review.objects.create(**place))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Housekeeping, "housekeeping_is_one_row"),
        (Expiry, "expiry_is_one_row"),
        (Telling, "the_telling_is_one_row"),
        (SealRun, "the_audit_seal_is_one_row"),
        (AuditCheck, "the_audit_check_is_one_row"),
    ],
)
def test_a_single_row_stays_single(model: type[Model], name: str, db: None) -> None:
    refuses(name, lambda: model._default_manager.create(singleton=False))
