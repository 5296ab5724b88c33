"""Checks of a container: which one ended it, which one it does not pass.

The kubelet kills for a failed start-up or liveness check and writes ``Killing`` (“Container web failed startup probe,
will be restarted”) after the ``Unhealthy`` events with the check's own words. The container then ends by SIGTERM or
SIGKILL (143, 137), or with any code that the program gives when it is asked to stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.interfaces import EventFacts
from deployer.messages import Message
from deployer.messages import message as _
from deployer.verdict.cases import Case, Finding
from deployer.verdict.objects import time_of

LEAST_SECONDS = 10
_SIGNALS = (137, 143)
_KINDS = (("startup_failed", "startup", "startupProbe"), ("liveness_failed", "liveness", "livenessProbe"))


def killed_by_probe(case: Case, terminated: Mapping[str, Any], *, is_fatal: bool) -> Finding | None:
    """The check that ended the container; None when it ended by itself or nobody told."""
    for code, word, field in _KINDS:
        unhealthy = case.event("Unhealthy", text=f"{word.capitalize()} probe")
        killing = case.event("Killing", text=f"failed {word} probe")
        is_killed = killing is not None and _is_of_this_run(killing, terminated)
        if is_killed or (unhealthy is not None and terminated.get("exitCode") in _SIGNALS):
            told = unhealthy or killing
            assert told is not None
            return case.found(
                code,
                is_fatal=is_fatal,
                check=described(case.spec.get(field)),
                seconds=int(_seconds(case.spec.get(field))),
                message=told.message,
            )
    return None


def _is_of_this_run(event: EventFacts, terminated: Mapping[str, Any]) -> bool:
    """False for a kill of an earlier run: the events of a pod stay for an hour."""
    at, started = time_of(event.at), time_of(terminated.get("startedAt"))
    return at is None or started is None or at >= started


def not_ready(case: Case, lasted: float) -> Finding | None:
    """It runs and is not ready: a suspicion once its checks had their time, however long it stays so.

    Only the rollout's deadline makes it certain: an application that takes long to start looks the same.
    """
    if lasted < max(probe_seconds(case), LEAST_SECONDS):
        return None
    is_starting = case.container.get("started") is False and isinstance(case.spec.get("startupProbe"), dict)
    word, field = ("Startup", "startupProbe") if is_starting else ("Readiness", "readinessProbe")
    event = case.event("Unhealthy", text=f"{word} probe")
    message = event.message if event else _("not ready after %(seconds)s seconds", seconds=int(lasted))
    code = "starting" if is_starting else "not_ready"
    return case.found(code, is_fatal=False, check=described(case.spec.get(field)), message=message)


def probe_seconds(case: Case) -> float:
    """What the container's own checks allow it until it is ready."""
    return _seconds(case.spec.get("readinessProbe")) + _seconds(case.spec.get("startupProbe"))


def _seconds(probe: Any) -> float:
    if not isinstance(probe, dict):
        return 0.0
    delay, period = probe.get("initialDelaySeconds") or 0, probe.get("periodSeconds") or 10
    return float(delay + period * (probe.get("failureThreshold") or 3))


def described(probe: Any) -> Message | str:
    """``GET /healthz on port 8080``."""
    if not isinstance(probe, dict):
        return _("(none)")
    if request := probe.get("httpGet"):
        return _("GET %(path)s on port %(port)s", path=str(request.get("path") or "/"), port=str(request.get("port")))
    if socket := probe.get("tcpSocket"):
        return _("port %(port)s", port=str(socket.get("port")))
    if command := probe.get("exec"):
        return " ".join(str(word) for word in command.get("command") or ())[:200]
    return "grpc" if "grpc" in probe else _("(none)")
