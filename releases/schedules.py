"""What is scheduled: which deployments wait for their time, and what would stop one at that time. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from environments import freezes
from environments.access import Rights, visible_to
from environments.models import Space
from foundation.problems import Missing
from foundation.runs.choices import ACTIVE
from releases import holds
from releases.gate import Gate
from releases.models import ReleaseOrder, Schedule
from releases.when_gates import gates_of


def rows() -> QuerySet[Schedule]:
    """With what a page names of each."""
    return Schedule.objects.select_related(
        "order__component", "order__project", "space__environment", "space__project", "space__cluster", "snapshot",
        "asked_by", "ended_by",
    )  # fmt: skip


def waiting_schedules() -> QuerySet[Schedule]:
    """Those whose time has not come, the next first."""
    return rows().filter(state__in=sorted(ACTIVE)).order_by("due_at", "pk")


def due_times(orders: Iterable[ReleaseOrder], space: Space) -> dict[int, datetime]:
    """When each is deployed there by itself, by the key of the order, of those that are scheduled: one query."""
    found = waiting_schedules().filter(order__in=[order.pk for order in orders], space=space)
    return dict(found.values_list("order", "due_at"))


def newest_of(order: ReleaseOrder, space: Space) -> Schedule | None:
    """The last one of the order there, ended or not."""
    return rows().filter(order=order, space=space).order_by("-pk").first()


def visible_schedules(user: User, *, rights: Rights | None = None) -> QuerySet[Schedule]:
    """Those of the projects that the person sees, newest first."""
    return rows().filter(visible_to(user, rights=rights, field="space__project_id")).order_by("-pk")


def find_schedule(user: User, pk: int) -> Schedule:
    """One of them; raises Missing also where the person may not see it."""
    row = visible_schedules(user).filter(pk=pk).first()
    if row is None:
        raise Missing
    return row


def gates_at(order: ReleaseOrder, space: Space, moment: datetime) -> list[Gate]:
    """What is known today of that time: the hold, the freeze and the release window as they would be then."""
    held = [row for row in holds.over(order, space) if row.ends_at > moment]
    return [holds.gate_of(held), *gates_of(freezes.read(moment), space)]
