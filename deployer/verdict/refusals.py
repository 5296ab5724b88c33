"""Pods that may not even be made: what the ReplicaSet controller was told, and how long it is worth waiting.

Texts: ``resourcequota/controller.go``, ``limitranger/admission.go``, ``pod-security-admission``,
``serviceaccount/admission.go`` and ``admission/plugin/webhook`` of Kubernetes 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deployer.interfaces import Diagnosis
from deployer.quantities import QuantityError, rolling_plan
from deployer.verdict.cases import Finding
from deployer.verdict.objects import Workload, condition, metadata, seconds_since, status

PATIENCE_SECONDS = 60
"""The controller tries again after 5 ms, 10 ms, 20 ms and so on: it has tried some fourteen times by then."""

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<quota>[^,\s]+), requested: (?P<requested>.+?), used: (?P<used>.+?), limited: (?P<limited>.+)"
)
_FAILED_QUOTA = re.compile(r"failed quota: (?P<quota>[^:\s]+): (?P<message>must specify .+)")
_PREFIX = re.compile(r'^(?:Failed to create new replica set "[^"]*": )?(?:[\w.]+ "[^"]*" is forbidden: )?')
_NO_ACCOUNT = re.compile(r"error looking up service account (?P<account>\S+?): ")
_LIMIT_RANGE = re.compile(r"(?:\[)?(?:minimum|maximum) \S+ usage per |(?:\[)?\S+ max limit to request ratio per ")
_WEBHOOK_SILENT = re.compile(r'(?:Internal error occurred: )?failed calling webhook "(?P<webhook>[^"]*)"')
# The answer of a moment: the next attempt may well be accepted.
_PASSING = re.compile(
    r"Internal error occurred: |Timeout: |etcdserver: |Operation cannot be fulfilled on |status unknown for quota: "
    r"|the server (?:was unable to return|is currently unable|rejected our request|has received too many)"
    r"|(?:\S+ )?Too many requests|(?:Get|Post|Put|Patch) \"|rpc error: |context deadline exceeded|http2: "
    r"|object is being deleted: |(?:pods|Pod) \"[^\"]*\" already exists|timed out "
)


@dataclass(frozen=True)
class QuotaRefusal:
    """An exceeded quota; amounts are the server's texts by resource."""

    quota: str
    requested: Mapping[str, str]
    used: Mapping[str, str]
    limited: Mapping[str, str]


def parse_quota_refusal(message: str) -> QuotaRefusal | None:
    """The parts of “exceeded quota: q, requested: …, used: …, limited: …”, or None when it says something else."""
    found = _EXCEEDED.search(message)
    if found is None:
        return None
    return QuotaRefusal(
        found["quota"], _amounts(found["requested"]), _amounts(found["used"]), _amounts(found["limited"])
    )


def _amounts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip(): value.strip() for name, _, value in pairs if value}


def _listed(amounts: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in amounts.items())


def diagnose_refusal(message: str) -> Diagnosis:
    """The cause behind a FailedCreate message, by how the message begins."""
    short = _PREFIX.sub("", message)
    evidence = (message,)
    if short.startswith("exceeded quota: ") and (quota := parse_quota_refusal(short)):
        values = {
            "quota": quota.quota,
            "requested": _listed(quota.requested),
            "used": _listed(quota.used),
            "limited": _listed(quota.limited),
        }
        return Diagnosis("quota_exceeded", values, evidence=evidence)
    if found := _FAILED_QUOTA.match(short):
        values = {"quota": found["quota"], "message": found["message"]}
        return Diagnosis("quota_needs_resources", values, evidence=evidence)
    if found := _WEBHOOK_SILENT.match(short):
        return Diagnosis("webhook_silent", {"webhook": found["webhook"], "message": short}, evidence=evidence)
    return Diagnosis(_code(short), {"message": short}, evidence=evidence)


def _code(short: str) -> str:
    if short.startswith("violates PodSecurity"):
        return "pod_security"
    if _NO_ACCOUNT.match(short):
        return "service_account_missing"
    if _LIMIT_RANGE.match(short):
        return "limit_range"
    return "pod_delayed" if _PASSING.match(short) else "pod_refused"


def refusal_finding(workload: Workload, now: datetime) -> Finding | None:
    """From a condition of the new ReplicaSet, copied to the Deployment; or of the Deployment, where there is no set."""
    failure = _failure(workload)
    if not failure:
        return None
    diagnosis = diagnose_refusal(str(failure.get("message") or failure.get("reason") or ""))
    waited = seconds_since(failure.get("lastTransitionTime"), now)
    return Finding(diagnosis, waited >= PATIENCE_SECONDS or not _may_pass(workload, diagnosis))


def _failure(workload: Workload) -> Mapping[str, object]:
    holder = workload.new_set if workload.new_set is not None else workload.deployment
    failure = condition(holder, "ReplicaFailure")
    if failure.get("status") == "True":
        return failure
    progressing = condition(workload.deployment, "Progressing")
    if progressing.get("status") == "False" and progressing.get("reason") == "ReplicaSetCreateError":
        return progressing
    return {}


def _may_pass(workload: Workload, diagnosis: Diagnosis) -> bool:
    if diagnosis.code == "quota_exceeded":
        return _may_free_quota(workload)
    if diagnosis.code in ("webhook_silent", "pod_delayed"):
        return True
    if diagnosis.code == "service_account_missing":
        # A namespace that was just made gets its account "default" a moment later.
        found = _NO_ACCOUNT.search(diagnosis.evidence[0])
        if found is not None and found["account"].endswith("/default"):
            return True
    # Pods of this very template were accepted: what refuses the next one is not the template.
    return bool(workload.new_pods)


def _may_free_quota(workload: Workload) -> bool:
    """True when old pods are still to leave on their own account, or did, so that a full quota may empty itself.

    Between the end of the last old pod and the controller's next attempt the refusal still stands, for as long as the
    back-off has grown while that pod left.
    """
    if not workload.old_pods:
        return workload.has_old_set
    try:
        plan = rolling_plan(workload.wanted, (workload.deployment.get("spec") or {}).get("strategy"))
    except QuantityError:
        return False
    is_leaving = any(metadata(pod).get("deletionTimestamp") for pod in workload.old_pods)
    available = int(status(workload.deployment).get("availableReplicas") or 0)
    return plan.stops_old_first or is_leaving or available > workload.wanted
