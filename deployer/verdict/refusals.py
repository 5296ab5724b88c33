"""Why a ReplicaSet may not make pods: the API server's words, taken apart.

Texts: ``resourcequota/controller.go``, ``limitranger/admission.go``, ``pod-security-admission`` and
``serviceaccount/admission.go`` of Kubernetes 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.interfaces import Diagnosis

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<quota>[^,\s]+), requested: (?P<requested>.+?), used: (?P<used>.+?), limited: (?P<limited>.+)"
)
_FAILED_QUOTA = re.compile(r"failed quota: (?P<quota>[^:\s]+): (?P<message>must specify .+)")
_NEITHER_PREFIX = re.compile(r'^(?:pods|Pod) "[^"]*" is forbidden: ')


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
    """The cause behind a FailedCreate message."""
    short = _NEITHER_PREFIX.sub("", message)
    evidence = (message,)
    if quota := parse_quota_refusal(message):
        values = {
            "quota": quota.quota,
            "requested": _listed(quota.requested),
            "used": _listed(quota.used),
            "limited": _listed(quota.limited),
        }
        return Diagnosis("quota_exceeded", values, evidence=evidence)
    if found := _FAILED_QUOTA.search(message):
        return Diagnosis(
            "quota_needs_resources", {"quota": found["quota"], "message": found["message"]}, evidence=evidence
        )
    if "violates PodSecurity" in message:
        code = "pod_security"
    elif "error looking up service account" in message or "serviceaccount" in message.lower():
        code = "service_account_missing"
    elif re.search(r"(minimum|maximum) \S+ usage per|limit to request ratio", message):
        code = "limit_range"
    else:
        code = "pod_refused"
    return Diagnosis(code, {"message": short}, evidence=evidence)
