"""Pods as the rollout page draws them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deployer.interfaces import Manifest, PodView
from deployer.verdict.objects import Workload, condition, metadata, status


def pod_views(workload: Workload) -> tuple[PodView, ...]:
    """New pods first, then the old ones; by name within."""
    new = sorted(workload.new_pods, key=_name)
    old = sorted(workload.old_pods, key=_name)
    return tuple([_view(pod, is_new=True) for pod in new] + [_view(pod, is_new=False) for pod in old])


def _name(pod: Manifest) -> str:
    return str(metadata(pod).get("name", ""))


def _view(pod: Manifest, *, is_new: bool) -> PodView:
    is_leaving = bool(metadata(pod).get("deletionTimestamp"))
    is_ready = condition(pod, "Ready").get("status") == "True"
    state, message = _state(pod, is_ready=is_ready, is_leaving=is_leaving)
    containers = _statuses(pod)
    return PodView(
        name=_name(pod),
        uid=str(metadata(pod).get("uid", "")),
        is_new=is_new,
        is_ready=is_ready and not is_leaving,
        is_leaving=is_leaving,
        state=state,
        message=message[:500],
        restarts=sum(int(container.get("restartCount") or 0) for container in containers),
        node=str((pod.get("spec") or {}).get("nodeName") or ""),
        started_at=str(status(pod).get("startTime") or metadata(pod).get("creationTimestamp") or ""),
    )


def _statuses(pod: Manifest) -> list[dict[str, Any]]:
    return [*(status(pod).get("initContainerStatuses") or ()), *(status(pod).get("containerStatuses") or ())]


def _state(pod: Manifest, *, is_ready: bool, is_leaving: bool) -> tuple[str, str]:
    """One of leaving, ready, ended, failing, waiting (no node yet), starting, running; and the cluster's words."""
    if is_leaving:
        return "leaving", ""
    if is_ready:
        return "ready", ""
    if status(pod).get("phase") in ("Failed", "Succeeded"):
        return "ended", str(status(pod).get("message") or status(pod).get("reason") or "")
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "True" and not (pod.get("spec") or {}).get("nodeName"):
        return "waiting", str(scheduled.get("message") or "")
    for reason, message in _troubles(_statuses(pod)):
        return "failing", f"{reason}: {message}" if message else reason
    return _started_state(pod)


def _troubles(containers: Iterable[dict[str, Any]]) -> Iterable[tuple[str, str]]:
    for container in containers:
        state = container.get("state") or {}
        if waiting := state.get("waiting"):
            reason = str(waiting.get("reason") or "")
            if reason not in ("", "ContainerCreating", "PodInitializing"):
                yield reason, str(waiting.get("message") or "")
        terminated = state.get("terminated") or {}
        if terminated and (terminated.get("exitCode") or 0) != 0:
            yield str(terminated.get("reason") or "Error"), str(terminated.get("message") or "")


def _started_state(pod: Manifest) -> tuple[str, str]:
    main = status(pod).get("containerStatuses") or ()
    if main and all("running" in (container.get("state") or {}) for container in main):
        return "running", ""
    return "starting", ""
