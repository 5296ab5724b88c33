"""Scales that wait for approval, and whether they still are of what stands there. Nothing here writes."""

from __future__ import annotations

from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import User
from environments.access import visible_to
from foundation.problems import Missing
from releases.choices import ScaleRequestState
from releases.models import Deployment, Placement, ScaleRequest
from releases.scaling import replicas_of


def _rows() -> QuerySet[ScaleRequest]:
    return ScaleRequest.objects.select_related(
        "order__project", "order__component", "order__author", "order__feed", "snapshot__allocation", "asked_by",
        "space__environment", "space__project", "placement__component", "placement__last_succeeded__snapshot",
        "placement__last_succeeded__order__project",
    )  # fmt: skip


def waiting_requests() -> QuerySet[ScaleRequest]:
    """Those whose day is not over; whether they still are of what stands there, :func:`is_of` says."""
    return _rows().filter(state=ScaleRequestState.WAITING, expires_at__gt=Now())


def visible_requests(user: User, *, only_waiting: bool = False) -> QuerySet[ScaleRequest]:
    """Those of the projects that the person sees, newest first."""
    rows = waiting_requests() if only_waiting else _rows()
    return rows.filter(visible_to(user, field="order__project_id")).order_by("-pk")


def find(user: User, pk: int) -> ScaleRequest:
    """One of them; raises Missing also where the person may not see it."""
    row = visible_requests(user).filter(pk=pk).first()
    if row is None:
        raise Missing
    return row


def is_of(row: ScaleRequest, good: Deployment | None) -> bool:
    """Is it of this very snapshot with this very number? Anything else there is not what the approvers saw."""
    return good is not None and (row.snapshot_id, row.replicas_before) == (good.snapshot_id, replicas_of(good))


def request_there(place: Placement) -> ScaleRequest | None:
    """The one that waits there, of what stands there now."""
    row = waiting_requests().filter(placement=place).first()
    return row if row is not None and is_of(row, place.last_succeeded) else None


def request_for(good: Deployment, replicas: int) -> ScaleRequest | None:
    """The one that waits for so many replicas of ``good``."""
    rows = waiting_requests().filter(
        placement__component=good.component_id, placement__space=good.space_id, replicas=replicas
    )
    row = rows.first()
    return row if row is not None and is_of(row, good) else None


def used_request(own: Deployment, good: Deployment, replicas: int) -> ScaleRequest | None:
    """The one that the scale stands on: used by it, and still of what it changes."""
    row = _rows().filter(deployment=own, replicas=replicas).first()
    return row if row is not None and is_of(row, good) else None
