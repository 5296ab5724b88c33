"""Reading raw objects: owners, conditions, times, and pods as the rollout page draws them.

Lists of the API carry no kind, and any field may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployer.interfaces import Manifest, Observation, PodView
from deployer.manifests.identity import ORDER_LABEL

REVISION = "deployment.kubernetes.io/revision"
TEMPLATE_HASH = "pod-template-hash"


def metadata(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's metadata, never None."""
    return item.get("metadata") or {}


def status(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's status, never None."""
    return item.get("status") or {}


def condition(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of a type, or an empty one."""
    for found in status(item).get("conditions") or ():
        if found.get("type") == kind:
            return dict(found)
    return {}


def time_of(text: Any) -> datetime | None:
    """An RFC 3339 time of the API with zone, or None."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def seconds_since(text: Any, now: datetime) -> float:
    """Seconds from a time of the API until now; 0 when it is missing or ahead of our clock."""
    found = time_of(text)
    return max(0.0, (now - found).total_seconds()) if found else 0.0


def owner_uid(item: Mapping[str, Any]) -> str:
    """Uid of the controlling owner, or an empty text."""
    for owner in metadata(item).get("ownerReferences") or ():
        if owner.get("controller", True):
            return str(owner.get("uid", ""))
    return ""


@dataclass(frozen=True)
class Workload:
    """A Deployment with what belongs to it. ``new_set`` None: not known (yet)."""

    deployment: Manifest
    new_set: Manifest | None
    new_pods: tuple[Manifest, ...]
    old_pods: tuple[Manifest, ...]
    has_old_set: bool
    """A ReplicaSet of another template is there, with or without pods."""

    @property
    def generation(self) -> int:
        """What was last asked for."""
        return int(metadata(self.deployment).get("generation") or 0)

    @property
    def observed(self) -> int:
        """What the controller has seen; status is meaningful only when it is not behind ``generation``."""
        return int(status(self.deployment).get("observedGeneration") or 0)

    @property
    def wanted(self) -> int:
        """Wanted number of pods."""
        replicas = self.deployment.get("spec", {}).get("replicas")
        return 1 if replicas is None else int(replicas)

    def count(self, name: str) -> int:
        """A number of the status; the API leaves zeros out."""
        return int(status(self.deployment).get(name) or 0)


def find_workload(observation: Observation, name: str) -> Workload | None:
    """The Deployment of this name with its new and old pods, or None when it is not there."""
    deployment = next((d for d in observation.deployments if metadata(d).get("name") == name), None)
    if deployment is None:
        return None
    uid = str(metadata(deployment).get("uid", ""))
    sets = {str(metadata(s).get("uid")): s for s in observation.replica_sets if owner_uid(s) == uid}
    new_set = _new_set(deployment, list(sets.values()))
    new_uid = str(metadata(new_set).get("uid")) if new_set else ""
    ours = [pod for pod in observation.pods if owner_uid(pod) in sets]
    return Workload(
        deployment=deployment,
        new_set=new_set,
        new_pods=tuple(pod for pod in ours if owner_uid(pod) == new_uid),
        old_pods=tuple(pod for pod in ours if owner_uid(pod) != new_uid),
        has_old_set=new_set is not None and len(sets) > 1,
    )


def _new_set(deployment: Manifest, sets: list[Manifest]) -> Manifest | None:
    """The oldest ReplicaSet of the Deployment's own template, as its controller finds it.

    While the Deployment is paused there may be none, and its revision is still that of the old pods. Where no template
    was read the revision decides, which is right once the controller has caught up.
    """
    if int(status(deployment).get("observedGeneration") or 0) < int(metadata(deployment).get("generation") or 0):
        return None
    template = (deployment.get("spec") or {}).get("template")
    if template is not None and any("template" in (found.get("spec") or {}) for found in sets):
        wanted = _without_hash(template)
        same = [found for found in sets if _without_hash((found.get("spec") or {}).get("template")) == wanted]
        return min(same, key=lambda found: str(metadata(found).get("creationTimestamp", "")), default=None)
    revision = (metadata(deployment).get("annotations") or {}).get(REVISION)
    for found in sets:
        if revision is not None and (metadata(found).get("annotations") or {}).get(REVISION) == revision:
            return found
    return None


def _without_hash(template: Any) -> Any:
    if not isinstance(template, dict):
        return template
    labels = {name: text for name, text in (metadata(template).get("labels") or {}).items() if name != TEMPLATE_HASH}
    return {**template, "metadata": {**metadata(template), "labels": labels}}


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
        order=str((metadata(pod).get("labels") or {}).get(ORDER_LABEL) or ""),
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
