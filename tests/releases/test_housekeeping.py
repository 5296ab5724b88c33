"""Build logs have a limited life; orders and audit have none."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from foundation.runs.choices import RunState
from foundation.runs.driving import drive
from releases.models import Build, Housekeeping, LogChunk, ReleaseOrder
from tests.cast import World
from tests.releases.rows import make_built, make_component


def test_only_logs_beyond_their_retention_go(world: World) -> None:
    component = make_component(world)
    for days in (200, 10):
        order = make_built(component, world.dana)
        build = Build.objects.get(order=order)
        LogChunk.objects.create(build=build, offset=0, first_line=1, text=f"{days} days old")
        Build.objects.filter(pk=build.pk).update(finished_at=timezone.now() - timedelta(days=days))
    row, _ = Housekeeping.objects.get_or_create(singleton=True)
    drive("housekeeping", row.pk, until=lambda row: row.next_at > timezone.now() + timedelta(minutes=30))
    assert list(LogChunk.objects.values_list("text", flat=True)) == ["10 days old"]
    row.refresh_from_db()
    assert (row.deleted_chunks, row.state) == (1, RunState.QUEUED)
    assert ReleaseOrder.objects.count() == 2
