"""A running build: stages and log, until Jenkins says that it ended."""

from __future__ import annotations

import time
from contextlib import suppress

from django.db import transaction

from deployer.errors import NotFound, Rejected, Unavailable
from deployer.interfaces import BuildServerClient, FoundBuild
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import Reason
from releases.models import Build, LogChunk
from releases.steps.build.absence import is_gone, pause_seconds
from releases.steps.build.cadence import QUIET_SECONDS, next_pass_seconds
from releases.steps.build.ends import end_without_image
from releases.steps.build.progress import (
    Read,
    asks_stages,
    count_followed,
    is_due,
    keep,
    pause_of,
    progress_of,
    read,
    tell,
)
from releases.steps.build.servers import asking_server, read_build
from releases.steps.build.stop import press_stop
from releases.steps.build.times import note_seen, stop_at_deadline
from releases.steps.build.trigger import adopt

MOST_SECONDS = 1.0
"""So long a pass reads on: it holds a slot, and there are builds besides."""


@asking_server
def follow(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """Phase ``building``: what was seen is written before events tell of it."""
    seen = read_build(lease, build, server)
    if seen is None:
        return _search(lease, build, server)
    note_seen(lease, build)
    if not seen.is_building and seen.result:
        with suppress(Unavailable, Rejected, NotFound):  # what is left is read, or missed, by what concludes
            _read_on(lease, build, server, has_ended=True)
        lease.save(phase="finalizing", result=seen.result)
        return Again(0)
    # Before the log: a stop does not wait for one that Jenkins does not give.
    stop_at_deadline(lease, build)
    if build.stop_requested_at:
        press_stop(lease, build, server)
    pause = _read_on(lease, build, server, has_ended=False)
    return Again(next_pass_seconds(min(pause, QUIET_SECONDS) if build.stop_requested_at else pause))


def _read_on(lease: Lease, build: Build, server: BuildServerClient, *, has_ended: bool) -> float:
    """Reads what is due; how long until the next read."""
    now, followed = db_now(), count_followed(build.server_id)
    pause = pause_of(build, followed, now)
    if not has_ended and not is_due(build, pause, now):
        return pause
    found = read_progress(lease, build, server, asks_stages=has_ended or asks_stages(build, now))
    if found.error is not None:
        raise found.error
    return 0.0 if found.page.has_rest else pause_of(build, followed, now, calls=found.calls)


def _search(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """The number is nobody's any more, or another build's: nothing under it is read or stopped."""
    if not is_gone(lease, build, server):
        return Again(pause_seconds())
    found = server.find(build.job, str(build.trigger_id), since_number=build.baseline_number)
    if found and found.number != build.build_number and not _was_refused(build, server, found):
        # A restarted controller took the item, which it had saved, out of its queue once more.
        return adopt(lease, build, server, found)
    message = _("Jenkins has no build #%(number)s any more.", number=build.build_number)
    return end_without_image(lease, build, RunState.ERRORED, Reason.LOST, message)


def _was_refused(build: Build, server: BuildServerClient, found: FoundBuild) -> bool:
    """It is a run of the same trigger whose claim was refused, because ours had claimed: it tells nothing of ours."""
    return found.number is not None and server.build(build.job, found.number).result == "NOT_BUILT"


def read_progress(lease: Lease, build: Build, server: BuildServerClient, *, asks_stages: bool = True) -> Read:
    """Store the stages and the log as far as it goes, for about a second: each piece before the next one is read.

    ``error`` of what it returns: why the stages are not among it.
    """
    until = time.monotonic() + MOST_SECONDS
    found = _read_piece(lease, build, server, asks_stages=asks_stages)
    while found.page.has_rest and found.error is None and time.monotonic() < until:
        found = _read_piece(lease, build, server, asks_stages=False)
    return found


def _read_piece(lease: Lease, build: Build, server: BuildServerClient, *, asks_stages: bool) -> Read:
    """Offset and text in one transaction."""
    found = read(build, server, asks_stages=asks_stages)
    with transaction.atomic():
        progress = progress_of(build, found, db_now())
        tell(build, progress)
        lease.save(**progress.fields)
        LogChunk.objects.bulk_create(progress.chunks)
    keep(build, progress.fields)
    return found
