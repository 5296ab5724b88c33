"""Stopping: asking is not having stopped, so each level is written before it is sent and the end is observed."""

from __future__ import annotations

from django.db.models.functions import Now

from deployer.errors import Rejected
from deployer.interfaces import BuildServerClient
from foundation.clock import db_now
from foundation.runs.choices import RunState
from foundation.runs.lease import Lease, Outcome
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.ends import end
from releases.steps.build.servers import own_build

LEVELS = ("stop", "term", "kill")
LEVEL_SECONDS = 30


def stop_unsent(lease: Lease, build: Build) -> Outcome:
    """Nothing was sent yet: it is simply cancelled."""
    return end(lease, build, RunState.CANCELLED, Reason.STOPPED)


def press_stop(lease: Lease, build: Build, server: BuildServerClient) -> None:
    """Ask Jenkins to stop; 30 s later more firmly."""
    assert build.build_number is not None
    level = _next_level(build)
    # Read right before: the number was looked up in a job tree that may be a second old, and a controller that was
    # killed meanwhile may have given it to another build. The next pass looks it up anew.
    if level is None or own_build(build, server) is None:
        return
    lease.save(stop_level=level, stop_sent_at=Now())
    try:
        server.stop(build.job, build.build_number, level=level, deadline=lease.deadline)
    except Rejected as error:
        # It runs on, so it is followed on; the page says why the stop has no effect.
        lease.save(message=error.message)


def _next_level(build: Build) -> str | None:
    if not build.stop_level or build.stop_sent_at is None:
        return LEVELS[0]
    if (db_now() - build.stop_sent_at).total_seconds() < LEVEL_SECONDS:
        return None
    later = LEVELS[LEVELS.index(build.stop_level) + 1 :]
    return later[0] if later else None
