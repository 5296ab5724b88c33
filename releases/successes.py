"""What succeeded in a place before, and which of it a roll back means without asking anybody anew."""

from __future__ import annotations

from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from environments.models import Space
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Deployment, Placement, Snapshot


def good_rows(component_id: int, space_id: int) -> QuerySet[Deployment]:
    """Every deployment of the component that succeeded there."""
    rows = Deployment.objects.filter(state=RunState.SUCCEEDED, component_id=component_id, space_id=space_id)
    return rows.filter(snapshot__isnull=False).exclude(kind=DeploymentKind.REMOVE)


def succeeded_at(snapshot: Snapshot) -> datetime | None:
    """When it succeeded in its space, the newest time; None: it never did."""
    rows = good_rows(snapshot.component_id, snapshot.space_id).filter(snapshot=snapshot)
    return rows.order_by("-id").values_list("finished_at", flat=True).first()


def is_last_success(snapshot: Snapshot, space: Space) -> bool:
    """Is it what succeeded there last, or the newest success of another snapshot than the one that stands there?"""
    standing = Coalesce(OuterRef("last_applied__snapshot_id"), 0)
    others = good_rows(snapshot.component_id, space.pk).exclude(snapshot_id=standing).order_by("-id")
    places = Placement.objects.filter(component=snapshot.component_id, space=space)
    places = places.annotate(before=Subquery(others.values("snapshot_id")[:1]))
    return snapshot.pk in (places.values_list("last_succeeded__snapshot_id", "before").first() or ())


def newest_of(snapshot: Snapshot) -> Deployment | None:
    """The newest success of this very snapshot."""
    return good_rows(snapshot.component_id, snapshot.space_id).filter(snapshot=snapshot).order_by("-id").first()
