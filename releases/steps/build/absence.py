"""When something of ours is gone from Jenkins: only a controller that is well tells so, and more than once."""

from __future__ import annotations

from django.conf import settings
from django.db.models.functions import Now

from deployer.interfaces import BuildServerClient
from foundation.clock import db_now
from foundation.runs.lease import Lease
from releases.models import Build

READS = 3


def pause_seconds() -> float:
    """Between two reads: the last of three falls behind the end of the time."""
    return max(0.1, float(settings.ABSENCE_SECONDS) / 2)


def is_gone(lease: Lease, build: Build, server: BuildServerClient) -> bool:
    """Count a read that did not find it; True at the third that is ABSENCE_SECONDS after the first.

    Raises what ``confirm`` raises: an answer of who is not the controller, or does not know us, does not count. A
    restart begins the count anew: what it lost may come back while it loads.
    """
    session = server.confirm(build.job)
    if build.absent_since is None or build.absent_in != session:
        lease.save(absent_since=Now(), absent_in=session, absences=1)
        return False
    build.absences = min(build.absences + 1, 1000)
    lease.save(absences=build.absences)
    is_long = (db_now() - build.absent_since).total_seconds() >= settings.ABSENCE_SECONDS
    return is_long and build.absences >= READS
