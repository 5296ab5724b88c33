"""Pages are drawn anew when a freeze or a release window begins, ends, is made or is ended: nobody acts then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Now

from environments import freezes
from environments.models import Freeze
from foundation.clock import db_now
from releases.models import Placement

LATE = timedelta(minutes=2)
"""Who was away for longer reads the page again anyhow."""
INSTANT = timedelta(microseconds=1)


def tell_pages_of_freezes() -> None:
    """One pass of the engine. Which places have heard is in their own rows, so that twice tells nothing twice."""
    now = db_now()
    recent = freezes.live() | Q(ended_at__gt=now - LATE) | Q(ends_at__gt=now - LATE)
    for row in Freeze.objects.select_related("calendar").filter(recent).order_by("pk"):
        moment = max(_moments(row, now - LATE, now), default=None)
        if moment is not None:
            Placement.objects.filter(_places_of(row), changed_at__lt=moment).update(changed_at=Now())


def _moments(row: Freeze, since: datetime, now: datetime) -> Iterator[datetime]:
    """What of it fell into this time; one that was ended has no windows after that."""
    edges = [row.made_at, row.ended_at]
    for span in row.window.spans(since - INSTANT, now + INSTANT):
        edges += [span.begins_at, span.ends_at]
    last = row.ended_at or now
    yield from (edge for edge in edges if edge is not None and since < edge <= last)


def _places_of(row: Freeze) -> Q:
    if row.space_id is not None:
        return Q(space=row.space_id)
    found = Q(space__project=row.project_id) if row.project_id is not None else Q()
    return found & Q(space__environment__is_production=True) if row.only_production else found
