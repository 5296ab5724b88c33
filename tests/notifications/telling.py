"""What tests of notifications do again and again: seal and tell, and what somebody was told."""

from __future__ import annotations

from audit.chain import seal_events
from notifications.models import Notice, Telling
from tests.cast import World
from tests.releases.test_contact_deadline import run_once


def tell() -> None:
    """Everything that was done so far is sealed and told."""
    while seal_events():
        pass
    row, _ = Telling.objects.get_or_create(singleton=True)
    run_once("telling", row.pk)
    while Telling.objects.get().told < _sealed():
        run_once("telling", row.pk)


def _sealed() -> int:
    from audit.models import AuditLink

    return AuditLink.objects.count()


def told(world: World) -> dict[str, set[str]]:
    """By kind the names of those who were told of it since this was asked last; then all is read."""
    tell()
    found: dict[str, set[str]] = {}
    for row in Notice.objects.filter(read_at=None).select_related("person"):
        found.setdefault(row.kind, set()).add(row.person.username)
        assert row.path.startswith("/") and str(row.message)
    from django.utils import timezone

    Notice.objects.update(read_at=timezone.now())
    return found
