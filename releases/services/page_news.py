"""Telling the pages that watch a project of what no row of theirs says."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models.functions import Now

from releases.models import Placement


def tell_pages(project_id: int) -> None:
    """Once this transaction has committed: what pages of the project show has changed.

    One place that changes is enough; a project without any has no such page. A calm one where there is one: of
    another, the moment of its last change says when it has settled.
    """
    transaction.on_commit(partial(_touch, project_id))


def _touch(project_id: int) -> None:
    place = Placement.objects.filter(space__project=project_id).order_by("unsettled_reason", "pk").values("pk")[:1]
    Placement.objects.filter(pk__in=place).update(changed_at=Now())
