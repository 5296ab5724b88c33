"""How long a build waits and runs: time without contact does not count."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from foundation.clock import db_now
from foundation.messages import Message
from foundation.messages import message as _
from foundation.runs.lease import Lease
from releases.events import append_event
from releases.models import Build

LONGEST_GAP_SECONDS = 10.0
"""Two reads that lie further apart had something between them: an outage of Jenkins, or of ours."""
SAVE_SECONDS = 3.0
QUEUE_DEADLINE, BUILD_DEADLINE = "queue_deadline", "build_deadline"


def note_seen(lease: Lease, build: Build) -> None:
    """Jenkins showed it, and it is ours: count the time since the read before, and forget that it was absent."""
    if fields := seen_fields(lease, build, db_now()):
        lease.save(**fields)


def seen_fields(lease: Lease, build: Build, now: datetime) -> dict[str, Any]:
    """The columns of that, set on ``build``; none where the last ones were written a moment ago."""
    gap = (now - build.seen_at).total_seconds() if build.seen_at else 0.0
    if build.seen_at and gap < SAVE_SECONDS and build.absent_since is None and not lease.contact_lost_since:
        return {}
    fields: dict[str, Any] = {"seen_at": now, "absent_since": None, "absences": 0}
    if build.seen_at and lease.contact_lost_since:
        gap = (lease.contact_lost_since - build.seen_at).total_seconds()
    fields["phase_seconds"] = build.phase_seconds + max(0.0, min(gap, LONGEST_GAP_SECONDS))
    for name, value in fields.items():
        setattr(build, name, value)
    return fields


def stop_at_deadline(lease: Lease, build: Build) -> None:
    """Over its deadline: from now on it is stopped in Jenkins, and ends when Jenkins shows that it did."""
    if build.stop_requested_at or not is_over_deadline(build):
        return
    now, reason = db_now(), QUEUE_DEADLINE if build.phase == "queued" else BUILD_DEADLINE
    with transaction.atomic():
        data = {"id": build.pk, "message": deadline_message(build, reason)}
        append_event(build.order_id, "build.stopping", data=data)
        lease.save(stop_requested_at=now, stop_reason=reason)
    build.stop_requested_at, build.stop_reason = now, reason


def is_over_deadline(build: Build) -> bool:
    """It has been in its phase for longer than its server allows, time without contact left out."""
    return build.phase_seconds > _deadline_seconds(build)


def begin_phase() -> dict[str, Any]:
    """Columns that start the count anew."""
    return {"seen_at": Now(), "phase_seconds": 0, "absent_since": None, "absences": 0}


def deadline_message(build: Build, reason: str) -> Message:
    """Which deadline passed, by ``stop_reason``."""
    if reason == QUEUE_DEADLINE:
        seconds = build.server.queue_deadline_seconds
        return _("It did not leave the queue of Jenkins within %(seconds)s seconds.", seconds=seconds)
    return _("It did not end within %(seconds)s seconds.", seconds=build.server.build_deadline_seconds)


def _deadline_seconds(build: Build) -> int:
    return build.server.queue_deadline_seconds if build.phase == "queued" else build.server.build_deadline_seconds
