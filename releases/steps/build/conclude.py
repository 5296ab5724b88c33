"""After Jenkins said the end: the rest of the log, the digest from the registry, the final state."""

from __future__ import annotations

from deployer.errors import NotFound
from foundation.problems import Sentence
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from foundation.sentences import say as _
from foundation.sentences import verbatim
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.ends import end, succeed
from releases.steps.build.follow import look
from releases.steps.build.servers import image_of, is_ours, server_of, turn_to

FAILURES = {
    "FAILURE": (RunState.FAILED, Reason.BUILD_FAILED),
    "UNSTABLE": (RunState.FAILED, Reason.UNSTABLE),
    "NOT_BUILT": (RunState.ERRORED, Reason.NOT_BUILT),
}


def conclude(lease: Lease, build: Build) -> Outcome:
    """Phase ``finalizing``: Jenkins marks a build as ended before the last lines are written."""
    server = server_of(build)
    assert build.build_number is not None
    try:
        page = look(lease, build, server)
        if not page.is_complete:
            return Again(0.2)
    except NotFound:
        # The record was deleted between two looks; the registry still knows what was pushed.
        lease.save(log_is_complete=True)
    if build.result != "SUCCESS":
        return _failed(lease, build)
    return _succeeded(lease, build)


def _failed(lease: Lease, build: Build) -> Outcome:
    if build.stop_requested_at and build.result in ("ABORTED", "NOT_BUILT"):
        # NOT_BUILT: it left the queue before our stop came, and then its claim was refused.
        return end(lease, build, RunState.CANCELLED, Reason.STOPPED)
    if build.result == "ABORTED":
        assert build.build_number is not None
        cause = server_of(build).build(build.job, build.build_number).abort_cause
        return end(lease, build, RunState.FAILED, Reason.ABORTED, verbatim(cause) if cause else "")
    state, reason = FAILURES.get(build.result, (RunState.FAILED, Reason.BUILD_FAILED))
    return end(lease, build, state, reason, _first_message(build))


def _first_message(build: Build) -> Sentence:
    """Jenkins' own words for the first stage that failed."""
    for stage in build.stages:
        if stage["state"] == "failed":
            said = stage.get("message")
            return (
                _("%(stage)s: %(why)s", stage=stage["name"], why=said)
                if said
                else _("%(stage)s failed.", stage=stage["name"])
            )
    return ""


def _succeeded(lease: Lease, build: Build) -> Outcome:
    """The registry decides what was built, not the job's word."""
    turn_to(lease, build, build.registry.remote_key)
    image = image_of(build)
    if image is None:
        sentence = _("Jenkins reports success, but the registry has no image under this order's tag.")
        return end(lease, build, RunState.FAILED, Reason.NO_DIGEST, sentence)
    if not is_ours(build, image):
        sentence = _("The image under this order's tag does not carry this build's label: somebody else pushed it.")
        return end(lease, build, RunState.FAILED, Reason.FOREIGN_TAG, sentence)
    return succeed(lease, build, image)
