"""A build, from the wish to the digest: prepare → trigger → follow → conclude, one file a part."""

from __future__ import annotations

from django.db import transaction

from deployer.errors import DeployerError, NotFound, Rejected, TooLate
from foundation.clock import db_now
from foundation.problems import Refused, Stale
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease, Outcome
from foundation.sentences import say as _
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.conclude import conclude
from releases.steps.build.ends import end
from releases.steps.build.follow import follow
from releases.steps.build.prepare import prepare
from releases.steps.build.queue import leave_queue
from releases.steps.build.servers import server_of, turn_to
from releases.steps.build.stop import stop_unsent
from releases.steps.build.trigger import reconcile
from releases.transitions import end_run

PHASES = {
    "start": prepare,
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
    if _is_over_deadline(build):
        return _give_up_waiting(lease, build)
    try:
        if build.phase != "start":
            turn_to(lease, build, build.server.remote_key)
        return PHASES[build.phase](lease, build)
    except Rejected as error:
        # A clear no (credentials, rights, addresses): repeating it changes nothing, and the cause must be on the row.
        return end(lease, build, RunState.ERRORED, Reason.REFUSED, error.said)
    except NotFound as error:
        return end(lease, build, RunState.ERRORED, Reason.LOST, error.said)
    except Refused as refusal:
        if isinstance(refusal, Stale):
            raise
        return end(lease, build, RunState.ERRORED, Reason.REFUSED, refusal.sentence)


def _is_over_deadline(build: Build) -> bool:
    return (
        db_now() - build.created_at
    ).total_seconds() > build.server.build_deadline_seconds and build.phase != "finalizing"


def _give_up_waiting(lease: Lease, build: Build) -> Outcome:
    """The deadline passed: stop it in Jenkins first, so that nothing of it can push an image later.

    It ends here whatever Jenkins says: a controller that is gone for good must not keep a build running for ever.
    """
    seconds = build.server.build_deadline_seconds
    message: object = _("It did not end within %(seconds)s seconds.", seconds=seconds)
    if build.build_number and not build.stop_requested_at:
        try:
            server_of(build).stop(build.job, build.build_number, level="stop", deadline=lease.deadline)
        except TooLate:
            raise
        except DeployerError as error:
            message = _(
                "It did not end within %(seconds)s seconds, and could not be stopped: %(why)s",
                seconds=seconds,
                why=error.said,
            )
    with transaction.atomic():
        end_run(build, RunState.FAILED, actor=None, reason=Reason.DEADLINE, lease=lease, message=message)
    return Done()
