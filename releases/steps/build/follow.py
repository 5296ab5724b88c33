"""A running build: stages and log, until Jenkins says that it ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction

from deployer.errors import NotFound
from deployer.interfaces import BuildServerClient, LogPage
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from foundation.sentences import Spoken
from foundation.sentences import say as _
from releases import progress
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.ends import end
from releases.steps.build.servers import server_of
from releases.steps.build.stop import press_stop

LOOK_SECONDS = 1.0


def follow(lease: Lease, build: Build) -> Outcome:
    """Phase ``building``: what was seen is written before anything is said about it."""
    server = server_of(build)
    assert build.build_number is not None
    seen = server.builds(build.job).get(build.build_number)
    try:
        if seen is None:
            # Older than the newest hundred, or gone: ask for it by number.
            detail = server.build(build.job, build.build_number)
            is_building, result = detail.is_building, detail.result
        else:
            is_building, result = seen.is_building, seen.result
        look(lease, build, server)
    except NotFound:
        return end(lease, build, RunState.ERRORED, Reason.LOST, _gone(build))
    if not is_building and result:
        lease.save(phase="finalizing", result=result)
        return Again(0)
    if build.stop_requested_at:
        press_stop(lease, build, server)
    return Again(LOOK_SECONDS)


def _gone(build: Build) -> Spoken:
    return _("Jenkins has no build #%(number)s any more.", number=build.build_number)


def look(lease: Lease, build: Build, server: BuildServerClient) -> LogPage:
    """Store the stages and the next piece of the log, offset and text in one transaction."""
    assert build.build_number is not None
    stages = [asdict(stage) for stage in server.stages(build.job, build.build_number)]
    page = server.read_log(build.job, build.build_number, build.log_offset)
    changed = _states(stages) != _states(build.stages)
    with transaction.atomic():
        fields: dict[str, Any] = {"log_offset": page.next_offset}
        if page.was_rewound:
            page_text = "\n[the log was restarted by Jenkins]\n" + page.text
        else:
            page_text = page.text
        fields |= progress.append_log(build, page_text)
        if changed:
            progress.append(build.order_id, "build.stages", data={"id": build.pk, "stages": stages})
        if page_text:
            data = {"id": build.pk, "size": fields["log_size"], "lines": fields["log_lines"]}
            progress.append(build.order_id, "build.log", data=data)
        # Durations grow all the time; only a change of state is an event.
        lease.save(stages=stages, log_is_complete=page.is_complete, **fields)
    build.stages = stages
    for name, value in fields.items():
        setattr(build, name, value)
    return page


def _states(stages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(stage["name"], stage["state"]) for stage in stages]
