"""What workers saw of a space in passing: written for the pages, decided on by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from django.utils import timezone

from deployer.interfaces import QuotaLine
from environments.models import QuotaSight, Space


def note_quota(space: Space, lines: Sequence[QuotaLine], *, at: datetime | None = None) -> None:
    """Keep the namespace's quotas as seen at that moment (now); who looked earlier and writes later changes nothing."""
    moment = at or timezone.now()
    values = {"namespace": space.namespace, "lines": [asdict(line) for line in lines], "at": moment}
    if QuotaSight.objects.filter(space=space, at__lt=moment).update(**values):
        return
    # Two that look first at the same time: one row, and the next look puts it right.
    QuotaSight.objects.bulk_create([QuotaSight(space=space, **values)], ignore_conflicts=True)


def is_quota_fresh(space: Space, seconds: float) -> bool:
    """Did anybody look within so many seconds? A namespace of forty components needs one look a minute, not forty."""
    since = timezone.now() - timedelta(seconds=seconds)
    return QuotaSight.objects.filter(space=space, namespace=space.namespace, at__gt=since).exists()
