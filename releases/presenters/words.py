"""Words for codes: causes, diagnoses, pods, what Jenkins and the registry said. In the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext

from deployer.verdict import cause_message, next_step_message
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.models import Run
from releases.choices import Reason
from releases.logs.plain import visible
from releases.models import Build, Deployment, Review

STAGE_STATES: dict[str, MessageLike] = {
    "waiting": _("waiting"),
    "running": _("running"),
    "succeeded": _("succeeded"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "skipped": _("skipped"),
    "unstable": _("unstable"),
    "unknown": _("unknown"),
}
CHECKED: dict[str, MessageLike] = {
    "not-built": _("it was never built"),
    "not-started": _("Jenkins has not started it yet"),
    "away": _("does not answer"),
    "another-build": _("the run of this number is somebody else's"),
    "building": _("building"),
    "success": _("finished: success"),
    "failure": _("finished: failure"),
    "unstable": _("finished: unstable"),
    "aborted": _("aborted"),
    "not_built": _("Jenkins did not run it"),
    "no-image": _("has no such image"),
    "image": _("has the image"),
}


@dataclass(frozen=True)
class Diagnosis:
    """Why a rollout failed, for a reader.

    ``log`` are the last lines of the pod, kept with the verdict; ``lines`` those of them that tell of the error.
    """

    message: str
    next_step: str
    pod: str
    container: str
    evidence: list[str]
    log: str
    lines: list[str]


def diagnosis_of(stored: Mapping[str, Any] | None) -> Diagnosis | None:
    """A stored diagnosis in the reader's language; None when there is none."""
    if not stored or not stored.get("code"):
        return None
    values = stored.get("values") or {}
    code = str(stored["code"])
    return Diagnosis(
        message=str(cause_message(code, values)) or code,
        next_step=str(next_step_message(code, values)),
        pod=str(stored.get("pod") or ""),
        container=str(stored.get("container") or ""),
        evidence=[str(line) for line in stored.get("evidence") or ()],
        log=visible(str(stored.get("log") or "")),
        lines=[visible(str(line)) for line in stored.get("lines") or ()],
    )


def reason_of(run: Run) -> MessageLike:
    """Why the run ended as it did, in a few words; empty while it goes on or when it went well."""
    return Reason(run.reason).label if run.reason in Reason.values and run.reason else run.reason


def why_waiting(run: Run) -> MessageLike:
    """What a queued run waits for: the screen never says "waiting" without it."""
    if isinstance(run, Build):
        return run.queue_why or _("The request is on its way to Jenkins.")
    if isinstance(run, Review | Deployment) and run.phase == "namespace":
        return _("The namespace was deleted outside the platform: it is being made anew.")
    if isinstance(run, Deployment) and run.snapshot_id is None:
        if run.review is not None and run.review.phase == "namespace":
            return why_waiting(run.review)
        return _("It waits for its review to finish.")
    return _("A worker takes it within two seconds.")


def build_waits(build: Build) -> MessageLike:
    """Why a build that runs for us does not run in Jenkins yet, or has no agent there; empty when it works."""
    if build.is_terminal:
        return ""
    if build.build_number is not None:
        return build.queue_why if build.phase == "building" else ""
    return why_waiting(build)


@dataclass(frozen=True)
class Checked:
    """What the last 检测 found."""

    jenkins: str
    registry: str
    is_followed: bool
    followed_since: str
    contact_lost_since: str


def checked_of(facts: Mapping[str, Any]) -> Checked:
    """The facts of a check as messages; Jenkins' and the registry's own words stand behind ours."""
    jenkins = str(CHECKED.get(str(facts.get("jenkins", "")), facts.get("jenkins", "")))
    if facts.get("jenkins_number"):
        jenkins = f"#{facts['jenkins_number']} {jenkins}"
    registry = str(CHECKED.get(str(facts.get("registry", "")), facts.get("registry", "")))
    digest_is = {
        "same": _("the digest is the one that the order recorded"),
        "different": _("the digest is not the one that the order recorded"),
        "not-recorded": _("the order has not recorded a digest"),
    }.get(str(facts.get("digest_is", "")), "")
    return Checked(
        jenkins=_joined(jenkins, facts.get("jenkins_message")),
        registry=_joined(registry, facts.get("registry_message"), digest_is),
        is_followed=bool(facts.get("followed")),
        followed_since=str(facts.get("since") or ""),
        contact_lost_since=str(facts.get("contact_lost_since") or ""),
    )


def _joined(*parts: Any) -> str:
    return pgettext("after a word", ": ").join(str(part) for part in parts if part)
