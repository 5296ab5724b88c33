"""Sending the one POST, and finding out whether it arrived."""

from __future__ import annotations

from django.db.models.functions import Now

from deployer.errors import OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import BuildRequest, FoundBuild
from foundation.clock import db_now
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from foundation.sentences import say as _
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.ends import end
from releases.steps.build.servers import number_to_follow, server_of

SETTLE_SECONDS = 35
"""Read time-out of a POST and its proxy plus a margin: only after this may "not found" mean "never arrived"."""
MOST_POSTS = 3


def send(lease: Lease, build: Build) -> Outcome:
    """POST the trigger. Its outcome may stay unknown; then the next pass reconciles."""
    request = BuildRequest(job=build.job, trigger_id=str(build.trigger_id), parameters=build.parameters)
    try:
        queue_id = server_of(build).trigger(request, deadline=lease.deadline)
    except Rejected as error:
        return end(lease, build, RunState.ERRORED, Reason.REFUSED, error.said)
    except Unavailable:
        # Certainly not queued: the same intent may be prepared and sent again.
        lease.save(phase="start", posts=max(0, build.posts - 1))
        raise
    lease.save(phase="queued", queue_id=queue_id)
    return Again(0.3)


def reconcile(lease: Lease, build: Build) -> Outcome:
    """Phase ``triggering``: a worker died or got no answer. Look for the trigger id first."""
    found = server_of(build).find(build.job, str(build.trigger_id), since_number=build.baseline_number)
    if found:
        return adopt(lease, build, found)
    assert build.posted_at is not None
    if (db_now() - build.posted_at).total_seconds() < SETTLE_SECONDS:
        return Again(2)
    if build.stop_requested_at:
        return end(lease, build, RunState.CANCELLED, Reason.STOPPED)
    if build.posts >= MOST_POSTS:
        sentence = _("Jenkins was asked %(count)s times to start this build, and never showed it.", count=MOST_POSTS)
        return end(lease, build, RunState.ERRORED, Reason.LOST, sentence)
    # The same trigger id: a late original that is still in the queue merges with it.
    lease.save(posts=build.posts + 1, posted_at=Now())
    build.posts += 1
    try:
        return send(lease, build)
    except OutcomeUnknown:
        return Again(5)


def adopt(lease: Lease, build: Build, found: FoundBuild) -> Outcome:
    """It did arrive: go on from where it is."""
    if found.number is not None:
        number = number_to_follow(build, found.number)
        lease.save(phase="building", build_number=number, **({"queue_id": found.queue_id} if found.queue_id else {}))
    else:
        lease.save(phase="queued", queue_id=found.queue_id)
    return Again(0.2)
