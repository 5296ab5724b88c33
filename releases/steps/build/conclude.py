"""After Jenkins said the end: the rest of the log, the digest from the registry, the final state."""

from __future__ import annotations

from typing import Any, cast

from deployer.errors import DeployerError, NotFound, Rejected, Unavailable
from deployer.interfaces import BuildServerClient
from foundation.messages import MessageLike, verbatim
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import STAGE_NAMES, Reason
from releases.logs.truth import LogReader
from releases.models import Build
from releases.steps.build.absence import is_gone, pause_seconds
from releases.steps.build.ends import end, end_stopped, end_without_image, succeed
from releases.steps.build.follow import read_progress
from releases.steps.build.log_truth import is_given_up, settle_log
from releases.steps.build.servers import is_ours, open_server, read_build, read_image
from releases.steps.build.times import note_seen

MOST_STAGE_READS = 4
STAGES_SECONDS = 2.0
"""Between two of these reads: an answer that is wrong once takes no stages away."""
FAILURES = {
    "FAILURE": (RunState.FAILED, Reason.BUILD_FAILED),
    "UNSTABLE": (RunState.FAILED, Reason.UNSTABLE),
}


def conclude(lease: Lease, build: Build) -> Outcome:
    """Phase ``finalizing``: Jenkins marks a build as ended before the last lines are written."""
    with open_server(lease, build) as server:
        if read_build(lease, build, server) is not None:
            note_seen(lease, build)
            if (pause := _read_rest(lease, build, server)) is not None:
                return Again(pause)
        elif not is_gone(lease, build, server):
            return Again(pause_seconds())
        # Else the record was deleted: the log stays cut, and the registry still knows what was pushed.
    if build.result != "SUCCESS":
        return _failed(lease, build)
    return _succeeded(lease, build)


def _read_rest(lease: Lease, build: Build, server: BuildServerClient) -> float | None:
    """How long until it is read on; None once it is whole, or is given up.

    A log that Jenkins does not give, or does not end, must not hold an end that it shows.
    """
    try:
        found = read_progress(lease, build, server)
        page = found.page
        if page.has_rest:
            return 0.0
        if page.is_complete:
            if found.error is not None and not _are_stages_given_up(lease, build, found.error):
                return STAGES_SECONDS
            settle_log(lease, build, server)
            return None
    except (NotFound, Rejected, Unavailable):
        if not is_given_up(build, lease.save):
            raise
        return None
    return None if not page.text and is_given_up(build, lease.save) else 0.2


def _are_stages_given_up(lease: Lease, build: Build, error: DeployerError) -> bool:
    """Jenkins shows the end and the log, and not the stages: after some reads they are unknown, and it says why."""
    reader = LogReader.read(build.log_reader)
    reader.stages_missed += 1
    fields: dict[str, Any] = {"log_reader": reader.as_stored()}
    is_over = reader.stages_missed >= MOST_STAGE_READS
    if is_over:
        fields["stages"] = [stage for stage in build.stages if stage["state"] not in ("running", "waiting")]
        seen = {stage["name"] for stage in fields["stages"]}
        why = _("Jenkins does not show its stages: %(why)s", why=error.message)
        fields["stages"] += [_unknown(name, why) for name in STAGE_NAMES if name not in seen]
    lease.save(**fields)
    for name, value in fields.items():
        setattr(build, name, value)
    return is_over


def _unknown(name: str, why: MessageLike) -> dict[str, Any]:
    return {"name": name, "state": "unknown", "started_ms": 0, "duration_ms": 0, "message": why}


def _failed(lease: Lease, build: Build) -> Outcome:
    if build.stop_reason or (build.stop_requested_at and build.result in ("ABORTED", "NOT_BUILT")):
        # NOT_BUILT: it left the queue before our stop came, and then its claim was refused.
        return end_stopped(lease, build)
    if build.result == "ABORTED":
        cause = _abort_cause(lease, build)
        return end_without_image(lease, build, RunState.FAILED, Reason.ABORTED, verbatim(cause) if cause else "")
    if build.result == "NOT_BUILT":
        # Another run of the same trigger may have claimed and pushed, and be lost.
        return end_without_image(lease, build, RunState.ERRORED, Reason.NOT_BUILT, _first_message(build))
    state, reason = FAILURES.get(build.result, (RunState.FAILED, Reason.BUILD_FAILED))
    message = _first_message(build)
    if any(stage["name"] == STAGE_NAMES[-1] for stage in build.stages):
        image = read_image(lease, build)
        if image is not None and is_ours(build, image):
            message = _("%(why)s Its image is in the registry all the same: the next build takes it.", why=message)
    return end(lease, build, state, reason, message)


def _abort_cause(lease: Lease, build: Build) -> str:
    assert build.build_number is not None
    with open_server(lease, build) as server:
        try:
            return server.build(build.job, build.build_number).abort_cause
        except NotFound:
            return ""


def _first_message(build: Build) -> MessageLike:
    """Jenkins' own words for the first stage that failed, or why it is not known."""
    for stage in build.stages:
        if stage["state"] == "unknown":
            return cast(MessageLike, stage["message"])
        if stage["state"] == "failed":
            said = stage.get("message")
            return (
                _("%(stage)s: %(why)s", stage=stage["name"], why=said)
                if said
                else _("%(stage)s failed.", stage=stage["name"])
            )
    return ""


def _succeeded(lease: Lease, build: Build) -> Outcome:
    """The registry decides what was built, not the job's answer."""
    image = read_image(lease, build)
    if image is None:
        message = _("Jenkins reports success, but the registry has no image under this order's tag.")
        return end(lease, build, RunState.FAILED, Reason.NO_DIGEST, message)
    if not is_ours(build, image):
        message = _("The image under this order's tag does not carry this build's label: somebody else pushed it.")
        return end(lease, build, RunState.FAILED, Reason.FOREIGN_TAG, message)
    return succeed(lease, build, image)
