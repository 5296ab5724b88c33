"""What is kept with a diagnosis: the end of the log of the pod that failed, and the lines that tell of the error."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import DeployerError
from deployer.interfaces import Diagnosis
from deployer.verdict import cause_message, refine_by_log
from deployer.verdict.evidence import error_lines
from environments.models import Space
from foundation.messages import Message
from foundation.redaction import redact

LOG_LINES = 50
LONGEST_LOG = 8000
_STILL_RUNS = ("not_ready", "starting", "init_running", "readiness_gate")
"""Causes of a container that runs now: what it said before its last restart is not about them."""


def with_evidence(cluster: KubernetesCluster, space: Space, diagnosis: Diagnosis | None) -> dict[str, Any]:
    """The diagnosis to be stored; ``log`` and ``lines`` where a log can be read. Kept now: after a roll back nobody
    can read it any more."""
    if diagnosis is None:
        return {}
    log = redact(_log(cluster, space, diagnosis))[-LONGEST_LOG:] if diagnosis.pod else ""
    stored = asdict(refine_by_log(diagnosis, log))
    return stored | ({"log": log, "lines": list(error_lines(log))} if log else {})


def _log(cluster: KubernetesCluster, space: Space, diagnosis: Diagnosis) -> str:
    still_runs = diagnosis.code in _STILL_RUNS or diagnosis.code.startswith("entry_")
    for previous in (False, True) if still_runs else (True, False):
        try:
            text = cluster.pod_log(
                space.namespace, diagnosis.pod, container=diagnosis.container, previous=previous, tail_lines=LOG_LINES
            )
        except DeployerError:
            continue
        if text.strip():
            return text
    return ""


def message_for(diagnosis: dict[str, Any]) -> Message:
    """The message of a stored diagnosis; empty for an unknown code."""
    return cause_message(str(diagnosis.get("code", "")), diagnosis.get("values") or {})
