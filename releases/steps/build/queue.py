"""Waiting in Jenkins' queue: from the queue item to the build's number."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from deployer.interfaces import BuildServerClient, QueueStatus
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import Reason
from releases.events import append_event
from releases.models import Build
from releases.steps.build.absence import is_gone, pause_seconds
from releases.steps.build.ends import end_stopped, end_without_image
from releases.steps.build.progress import moment_of
from releases.steps.build.servers import asking_server, number_to_follow
from releases.steps.build.times import begin_phase, note_seen, stop_at_deadline
from releases.steps.build.trigger import adopt, send_again

READ_SECONDS = 1.0


@asking_server
def leave_queue(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """Phase ``queued``. Queue ids repeat after a crash and vanish after five minutes: the trigger id decides."""
    assert build.queue_id is not None
    item = server.queue_item(build.queue_id, str(build.trigger_id))
    if item.known:
        note_seen(lease, build)
        stop_at_deadline(lease, build)
    if item.known and build.stop_requested_at and server.cancel_queued(build.queue_id, deadline=lease.deadline):
        # A proxy may answer in Jenkins' place, and the item may leave for a build meanwhile: look at what it did.
        item = server.queue_item(build.queue_id, str(build.trigger_id))
    if item.cancelled and build.stop_requested_at:
        return end_stopped(lease, build)
    if item.cancelled:
        message = _("It was taken out of the queue in Jenkins.")
        return end_without_image(lease, build, RunState.FAILED, Reason.ABORTED, message)
    if item.number is not None:
        return _started(lease, build, server, item.number)
    return _still_waits(lease, build, server, item) if item.known else _search(lease, build, server)


def _still_waits(lease: Lease, build: Build, server: BuildServerClient, item: QueueStatus) -> Outcome:
    fields: dict[str, Any] = {}
    if server.session != build.session:
        fields["session"] = server.session
    if item.why[:300] != build.queue_why:
        fields |= {"queue_why": item.why[:300], "queue_since": moment_of(item.since_ms)}
    if fields:
        with transaction.atomic():
            if "queue_why" in fields:
                data = {"id": build.pk, "why": item.why, "stuck": item.stuck}
                append_event(build.order_id, "build.waiting", data=data)
            lease.save(**fields)
    return Again(READ_SECONDS)


def _started(lease: Lease, build: Build, server: BuildServerClient, number: int) -> Outcome:
    number = number_to_follow(build, server, number)
    with transaction.atomic():
        append_event(build.order_id, "build.number", data={"id": build.pk, "number": number})
        fields = {"build_number": number, "session": server.session, "queue_why": ""}
        lease.save(phase="building", **fields, **begin_phase())
    return Again(0)


def _search(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """Jenkins forgot the item: a build has it, or it was restarted, or it is lost."""
    found = server.find(build.job, str(build.trigger_id), since_number=build.baseline_number)
    if found:
        return adopt(lease, build, server, found)
    if not is_gone(lease, build, server):
        return Again(pause_seconds())
    if build.stop_requested_at:
        return end_stopped(lease, build)
    # A controller that was killed forgets what waited. What has claimed did run, and is not sent a second time.
    if server.session != build.session and build.build_number is None:
        return send_again(lease, build, server)
    message = _("Jenkins has neither the queue item nor its build any more.")
    return end_without_image(lease, build, RunState.ERRORED, Reason.LOST, message)
