"""Waiting in Jenkins' queue: from the queue item to the build's number."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from foundation.clock import db_now
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from foundation.sentences import say as _
from releases import progress
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.ends import end
from releases.steps.build.servers import number_to_follow, server_of
from releases.steps.build.trigger import adopt

LOST_SECONDS = 60
LOOK_SECONDS = 1.0


def leave_queue(lease: Lease, build: Build) -> Outcome:
    """Phase ``queued``. Queue ids repeat after a crash and vanish after five minutes: the trigger id decides."""
    server = server_of(build)
    assert build.queue_id is not None
    if build.stop_requested_at and server.cancel_queued(build.queue_id, deadline=lease.deadline):
        return end(lease, build, RunState.CANCELLED, Reason.STOPPED)
    item = server.queue_item(build.queue_id, str(build.trigger_id))
    if item.cancelled:
        reason = Reason.STOPPED if build.stop_requested_at else Reason.ABORTED
        state = RunState.CANCELLED if build.stop_requested_at else RunState.FAILED
        return end(lease, build, state, reason, _("It was taken out of the queue in Jenkins."))
    if item.number is not None:
        return _started(lease, build, item.number)
    if not item.known:
        return _search(lease, build)
    if item.why != build.queue_why:
        with transaction.atomic():
            progress.append(
                build.order_id, "build.waiting", data={"id": build.pk, "why": item.why, "stuck": item.stuck}
            )
            lease.save(queue_why=item.why[:300])
    return Again(LOOK_SECONDS)


def _started(lease: Lease, build: Build, number: int) -> Outcome:
    number = number_to_follow(build, number)
    with transaction.atomic():
        progress.append(build.order_id, "build.number", data={"id": build.pk, "number": number})
        lease.save(phase="building", build_number=number, queue_why="")
    return Again(0)


def _search(lease: Lease, build: Build) -> Outcome:
    """Jenkins forgot the item: a build has it, or it was restarted, or it is lost."""
    found = server_of(build).find(build.job, str(build.trigger_id), since_number=build.baseline_number)
    if found:
        return adopt(lease, build, found)
    if build.left_queue_at is None:
        lease.save(left_queue_at=Now())
        return Again(2)
    if (db_now() - build.left_queue_at).total_seconds() < LOST_SECONDS:
        return Again(3)
    return end(
        lease, build, RunState.ERRORED, Reason.LOST, _("Jenkins has neither the queue item nor its build any more.")
    )
