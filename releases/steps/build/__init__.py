"""A build, from the wish to the digest: prepare → trigger → follow → conclude, one file a part."""

from __future__ import annotations

from deployer.errors import NoFact, NotFound, Rejected
from foundation.messages import Message, MessageLike
from foundation.problems import Refused, Stale
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease, Outcome
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.conclude import conclude
from releases.steps.build.ends import end
from releases.steps.build.follow import follow
from releases.steps.build.prepare import prepare
from releases.steps.build.queue import leave_queue
from releases.steps.build.stop import stop_unsent
from releases.steps.build.trigger import reconcile

PHASES = {
    "triggering": reconcile,
    "queued": leave_queue,
    "building": follow,
    "finalizing": conclude,
}


def step(lease: Lease) -> Outcome:
    """One pass over a build; every phase may run twice and be killed anywhere."""
    build: Build = Build.objects.select_related("order__project", "order__component", "server", "registry").get(
        pk=lease.pk
    )
    if build.is_terminal:
        return Done()
    if build.stop_requested_at and build.phase == "start":
        return stop_unsent(lease, build)
    if build.phase == "start":
        return _begin(lease, build)
    try:
        outcome = PHASES[build.phase](lease, build)
    except (Rejected, NotFound, Refused) as error:
        if isinstance(error, Stale):
            raise
        raise _no_fact(lease, build, error.message) from error
    return _heard(lease, build, outcome)


def _heard(lease: Lease, build: Build, outcome: Outcome) -> Outcome:
    """The cause of a silence leaves the row with it; another run's probe may have ended the silence before."""
    if build.message and not isinstance(outcome, Done):
        lease.save(message="")
    return outcome


def _begin(lease: Lease, build: Build) -> Outcome:
    """Nothing was sent: a clear no (credentials, rights, addresses) ends it, with the cause on the row.

    A page in the place of Git is no clear no: it is told on the row, and Git is asked again.
    """
    try:
        return _heard(lease, build, prepare(lease, build))
    except NoFact as error:
        raise _no_fact(lease, build, error.message) from error
    except (Rejected, NotFound) as error:
        return end(lease, build, RunState.ERRORED, Reason.REFUSED, error.message)
    except Refused as refusal:
        if isinstance(refusal, Stale):
            raise
        return end(lease, build, RunState.ERRORED, Reason.REFUSED, refusal.message)


def _no_fact(lease: Lease, build: Build, message: MessageLike) -> NoFact:
    """The request may be out, so Jenkins may go on building: a no to our question ends nothing.

    A login page, a revoked token, a job that we may not see: each is told on the row, and asked again until a healthy
    answer comes.
    """
    if message != build.message:
        lease.save(message=message)
    return NoFact(message if isinstance(message, Message) else str(message))
