"""The entry check: the last word of a verdict, asked once the rollout is complete and ours.

A pass asks, and then reads the rollout: only where the cluster answers after it does the answer count, and what
succeeds is complete to the end. Nothing outside is changed, so a pass that was killed is simply made again.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from components.choices import EntryKind
from components.models import EntryCheck
from components.services.entry_checks import SCHEMES
from deployer.adapters import entry, kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.entry import EntryVerdict, Expectation, judge_answer
from deployer.interfaces import Diagnosis, EntryAnswer, EntryTarget, Verdict
from deployer.manifests import service_port
from deployer.verdict import cause_message, next_step_message
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.messages import join_messages
from foundation.messages import message as _
from foundation.outbound import HostUnknown, check_url
from foundation.problems import Refused
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import Reason
from releases.models import Deployment
from releases.steps.deployment.ends import end
from releases.steps.deployment.evidence import with_evidence
from releases.steps.deployment.follow import READ_SECONDS, entry_check_of, read_rollout, touch

ASK_AGAIN_SECONDS = 2.0
LONGEST_GAP_SECONDS = 15.0
"""A longer time between two answers is one without contact, or without any worker: patience stands still in it."""


def check_entry(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``checking``: ask, look whether the rollout still stands, conclude."""
    check = entry_check_of(deployment)
    assert check is not None
    asked = _ask_url(lease, check) if check.kind == EntryKind.URL else None
    with lease.open(kubernetes.connect, cluster_target(deployment.space.cluster)) as cluster:
        answer = asked or _ask_service(cluster, deployment, check)
        verdict = read_rollout(lease, cluster, deployment)
        if not isinstance(verdict, Verdict):
            return verdict
        if verdict.outcome != "complete":
            # A pod restarts, or more are wanted: the entry has its time again once all of them are ready.
            lease.save(phase="rolling", entry={})
            return Again(READ_SECONDS)
        return _conclude(lease, cluster, deployment, verdict, answer)


def where_of(deployment: Deployment, check: EntryCheck) -> str:
    """What is asked, as people read it: the URL, or ``web:http/healthz``."""
    if check.kind == EntryKind.URL:
        return check.url
    found = service_port(deployment.snapshot.manifests if deployment.snapshot else (), check.port)
    service, port = found or ("?", check.port or "?")
    return f"{service}:{port}{check.path}"


def _wanted(check: EntryCheck) -> Expectation:
    return Expectation(check.statuses, check.text, check.header)


def _ask_url(lease: Lease, check: EntryCheck) -> EntryAnswer:
    try:
        there = check_url(check.url, allowed_schemes=SCHEMES)
    except HostUnknown:
        return EntryAnswer("entry_unknown_host")
    except Refused as refused:
        return EntryAnswer("entry_unasked", words=join_messages(refused.message, refused.who_can_help), is_asked=False)
    # No breaker: an entry that is away is a fact about its component alone.
    with lease.open(entry.connect, EntryTarget(check.url, there.addresses), remote="") as page:
        return page.ask(_wanted(check))


def _ask_service(cluster: KubernetesCluster, deployment: Deployment, check: EntryCheck) -> EntryAnswer:
    assert deployment.snapshot is not None
    found = service_port(deployment.snapshot.manifests, check.port)
    if found is None:
        return EntryAnswer("entry_no_port")
    return cluster.ask_service(deployment.space.namespace, *found, check.path, _wanted(check))


def _conclude(
    lease: Lease, cluster: KubernetesCluster, deployment: Deployment, verdict: Verdict, answer: EntryAnswer
) -> Outcome:
    check = entry_check_of(deployment)
    assert check is not None
    judged = judge_answer(_wanted(check), answer, where=where_of(deployment, check))
    now = db_now()
    state = _noted(deployment.entry, answer, judged, now) | {"where": where_of(deployment, check)}
    if judged.outcome == "passed":
        passed = _("The entry %(where)s answers as expected, with status %(status)s.", **_said(state))
        message = join_messages(verdict.message, passed)
        return end(lease, deployment, RunState.SUCCEEDED, message=message, entry=state | {"state": "passed"})
    left = _seconds_left(deployment, check, state, now)
    if left <= 0:
        return _end_failed(lease, cluster, deployment, verdict, judged, state)
    _store(lease, deployment, state)
    return Again(min(ASK_AGAIN_SECONDS, max(0.1, left)))


def _said(state: dict[str, Any]) -> dict[str, object]:
    return {"where": state["where"], "status": state["status"]}


def _noted(before: dict[str, Any], answer: EntryAnswer, judged: EntryVerdict, now: datetime) -> dict[str, Any]:
    """The state with this answer in it."""
    failing_since = _time(before, "failing_since") or now
    gap = (now - (_time(before, "asked_at") or now)).total_seconds()
    if gap > LONGEST_GAP_SECONDS:
        failing_since = min(now, failing_since + timedelta(seconds=gap))
    return {
        "state": "waiting",
        "since": before.get("since") or now.isoformat(),
        "asked_at": now.isoformat(),
        "failing_since": None if judged.outcome == "passed" else failing_since.isoformat(),
        "asked": int(before.get("asked") or 0) + 1,
        "status": answer.status,
        "seconds": answer.seconds,
        "diagnosis": asdict(judged.diagnosis) if judged.diagnosis else None,
    }


def _time(state: dict[str, Any], name: str) -> datetime | None:
    return parse_datetime(str(state.get(name) or ""))


def _seconds_left(deployment: Deployment, check: EntryCheck, state: dict[str, Any], now: datetime) -> float:
    """Until it fails: the patience of the check, and the deadline of the space, which no patience moves."""
    failing_since = _time(state, "failing_since") or now
    assert deployment.applied_at is not None
    deadline = deployment.applied_at + timedelta(seconds=deployment.space.deploy_deadline_seconds)
    patient_until = failing_since + timedelta(seconds=check.patience_seconds)
    return (min(deadline, patient_until) - now).total_seconds()


def _end_failed(
    lease: Lease,
    cluster: KubernetesCluster,
    deployment: Deployment,
    verdict: Verdict,
    judged: EntryVerdict,
    state: dict[str, Any],
) -> Outcome:
    diagnosis = judged.diagnosis
    assert diagnosis is not None
    said = cause_message(diagnosis.code, diagnosis.values)
    if judged.outcome == "unasked":
        message = join_messages(said, next_step_message(diagnosis.code, diagnosis.values))
        return end(lease, deployment, RunState.ERRORED, Reason.REFUSED, message, entry=state | {"state": "unasked"})
    stored = with_evidence(cluster, deployment.space, _with_pod(diagnosis, verdict))
    lines = stored.get("lines")
    return end(
        lease,
        deployment,
        RunState.FAILED,
        Reason.ENTRY,
        join_messages(said, _("Its log ends with: %(lines)s", lines=" | ".join(lines)) if lines else ""),
        diagnosis=stored,
        entry=state | {"state": "failed"},
    )


def _with_pod(diagnosis: Diagnosis, verdict: Verdict) -> Diagnosis:
    """One of the pods that stand behind the entry, so that the end of its log is kept."""
    pod = next((one.name for one in verdict.pods if one.is_new and one.is_ready), "")
    return replace(diagnosis, pod=pod)


def _store(lease: Lease, deployment: Deployment, state: dict[str, Any]) -> None:
    """On the row at each answer, and told to the pages when it is another one than before."""
    before = deployment.entry
    with transaction.atomic():
        if _visible(before) != _visible(state):
            touch(lease, deployment)
        lease.save(entry=state)


def _visible(state: dict[str, Any]) -> tuple[object, ...]:
    return (state.get("status"), (state.get("diagnosis") or {}).get("code"), bool(state.get("asked")))
