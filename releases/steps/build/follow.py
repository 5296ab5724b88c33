"""A running build: stages and log, until Jenkins says that it ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction

from deployer.interfaces import BuildServerClient, LogPage
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import Reason
from releases.events import append_event
from releases.live.notify import send_signal
from releases.logs.storage import append_log, clear_log
from releases.models import Build
from releases.steps.build.absence import is_gone, pause_seconds
from releases.steps.build.ends import end_without_image
from releases.steps.build.servers import asking_server, look_at
from releases.steps.build.stop import press_stop
from releases.steps.build.times import note_seen, stop_at_deadline
from releases.steps.build.trigger import adopt

READ_SECONDS = 1.0


@asking_server
def follow(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """Phase ``building``: what was seen is written before events tell of it."""
    seen = look_at(lease, build, server)
    if seen is None:
        return _search(lease, build, server)
    note_seen(lease, build)
    read_progress(lease, build, server)
    if not seen.is_building and seen.result:
        lease.save(phase="finalizing", result=seen.result)
        return Again(0)
    stop_at_deadline(lease, build)
    if build.stop_requested_at:
        press_stop(lease, build, server)
    return Again(READ_SECONDS)


def _search(lease: Lease, build: Build, server: BuildServerClient) -> Outcome:
    """The number is nobody's any more, or another build's: nothing under it is read or stopped."""
    if not is_gone(lease, build, server):
        return Again(pause_seconds())
    found = server.find(build.job, str(build.trigger_id), since_number=build.baseline_number)
    if found and found.number != build.build_number:
        # A restarted controller took the item, which it had saved, out of its queue once more.
        return adopt(lease, build, server, found)
    message = _("Jenkins has no build #%(number)s any more.", number=build.build_number)
    return end_without_image(lease, build, RunState.ERRORED, Reason.LOST, message)


def read_progress(lease: Lease, build: Build, server: BuildServerClient) -> LogPage:
    """Store the stages and the next piece of the log, offset and text in one transaction."""
    assert build.build_number is not None
    # A stage view that answers nothing, once, takes nothing back.
    stages = [asdict(stage) for stage in server.stages(build.job, build.build_number)] or build.stages
    page = server.read_log(build.job, build.build_number, build.log_offset)
    changed = _states(stages) != _states(build.stages)
    with transaction.atomic():
        fields: dict[str, Any] = {"log_offset": page.next_offset}
        if page.was_rewound:
            # It was cut in Jenkins, and this page begins at its beginning.
            fields |= clear_log(build)
        fields |= append_log(build, page.text, is_doubtful=page.has_gap)
        if changed:
            append_event(build.order_id, "build.stages", data={"id": build.pk, "stages": stages})
        if page.text:
            send_signal(build.order_id)
        # Durations grow all the time; only a change of state is an event.
        lease.save(stages=stages, log_is_complete=page.is_complete, **fields)
    build.stages = stages
    for name, value in fields.items():
        setattr(build, name, value)
    return page


def _states(stages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(stage["name"], stage["state"]) for stage in stages]
