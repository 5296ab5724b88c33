"""Sending the one POST, and finding out whether it arrived."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from deployer.errors import NoFact, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import BuildRequest, BuildServerClient, FoundBuild
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.ends import end, end_stopped, end_without_image
from releases.steps.build.servers import asking_server, number_to_follow
from releases.steps.build.times import begin_phase

SETTLE_SECONDS = 35
"""Read time-out of a POST and its proxy plus a margin: only after this may "not found" mean "never arrived"."""
MOST_POSTS = 3
DEFINITE = frozenset({"disabled", "not_parameterised", "too_large", "permission"})
"""Reasons of a no that is Jenkins' own."""


def send(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """POST the trigger. Its outcome may stay unknown; then the next pass reconciles."""
    request = BuildRequest(job=build.job, trigger_id=str(build.trigger_id), parameters=build.parameters)
    try:
        queue_id = server.trigger(request, deadline=lease.deadline)
    except Rejected as error:
        if build.posts > 1 and error.reason not in DEFINITE:
            # A login page or a redirect in Jenkins' place says nothing of what was sent before: it is looked for again.
            lease.save(phase="triggering", posts=build.posts - 1)
            raise NoFact(error.message) from error
        return end(lease, build, RunState.ERRORED, Reason.REFUSED, error.message)
    except Unavailable:
        # Certainly not queued: the same intent may be prepared and sent again.
        lease.save(phase="start", posts=max(0, build.posts - 1))
        raise
    lease.save(phase="queued", queue_id=queue_id, session=server.session, **begin_phase())
    return Again(0.3)


@asking_server
def reconcile(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """Phase ``triggering``: a worker died or got no answer. Search for the trigger id first."""
    found = server.find(build.job, str(build.trigger_id), since_number=build.baseline_number)
    if found:
        return adopt(lease, build, server, found)
    assert build.posted_at is not None
    if (db_now() - build.posted_at).total_seconds() < SETTLE_SECONDS:
        return Again(2)
    # A search that an answer in Jenkins' place made empty must not lead to a second POST.
    server.confirm(build.job)
    if build.stop_requested_at:
        return end_stopped(lease, build)
    return send_again(lease, build, server)


def send_again(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """Jenkins has nothing of it: the same POST with the same trigger id, three times at most.

    A late original that is still in the queue merges with it, and of two runs only the first one may claim.
    """
    if build.posts >= MOST_POSTS:
        message = _("Jenkins was asked %(count)s times to start this build, and never showed it.", count=MOST_POSTS)
        return end_without_image(lease, build, RunState.ERRORED, Reason.LOST, message)
    fields = {"posts": build.posts + 1, "queue_id": None, "absent_since": None}
    lease.save(phase="triggering", posted_at=Now(), **fields)
    for name, value in fields.items():
        setattr(build, name, value)
    try:
        return send(lease, build, server)
    except OutcomeUnknown:
        return Again(5)


def adopt(lease: Lease, build: Build, server: BuildServerClient, found: FoundBuild) -> Outcome:
    """It did arrive: go on from where it is."""
    known: dict[str, Any] = {"session": server.session, **begin_phase()}
    if found.queue_id is not None:
        known["queue_id"] = found.queue_id
    if found.number is not None:
        known |= {"phase": "building", "build_number": number_to_follow(build, server, found.number)}
    else:
        known["phase"] = "queued"
    lease.save(**known)
    return Again(0.2)
