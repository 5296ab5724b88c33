"""When something became so that a gate tells: read from rows only where a gate is closed for it."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from releases.models import Build, OrderEvent, ReleaseOrder


def made_since(order: ReleaseOrder, person: User) -> datetime | None:
    """Since when this person is its author or one of its builders."""
    if person.pk == order.author_id:
        return order.created_at
    rows = Build.objects.filter(order=order, started_by=person)
    return rows.order_by("pk").values_list("created_at", flat=True).first()


def closed_at(order: ReleaseOrder) -> datetime | None:
    """When a closed order was closed, which stays so: asked once for this object."""
    if "_closed_at" not in order.__dict__:
        rows = OrderEvent.objects.filter(order_id=order.pk, kind="order.closed")
        order.__dict__["_closed_at"] = rows.order_by("-seq").values_list("at", flat=True).first()
    found: datetime | None = order.__dict__["_closed_at"]
    return found
