"""Reading raw objects: owners, conditions, times, and pods as the rollout page draws them.

Lists of the API carry no kind, and any field may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from deployer.interfaces import Manifest, Observation, PodView, ReplicaSetView
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
    sets: tuple[Manifest, ...] = ()
    """All its ReplicaSets."""

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
        sets=tuple(sets.values()),
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
    names = {str(metadata(found).get("uid", "")): _name(found) for found in workload.sets}
    views = [_view(pod, is_new=True) for pod in new] + [_view(pod, is_new=False) for pod in old]
    owners = [names.get(owner_uid(pod), "") for pod in [*new, *old]]
    return tuple(replace(view, replica_set=owner) for view, owner in zip(views, owners, strict=True))


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
        order=_order(pod),
        ip=str(status(pod).get("podIP") or ""),
        ports=_ports(pod),
        digest=_digest(pod),
        **_last_end(containers),
    )


def _order(item: Mapping[str, Any]) -> str:
    return str((metadata(item).get("labels") or {}).get(ORDER_LABEL) or "")


def _ports(pod: Manifest) -> str:
    containers = (pod.get("spec") or {}).get("containers") or ()
    ports = [port for container in containers for port in container.get("ports") or ()]
    return ", ".join(_port(one) for one in ports)


def _port(port: Mapping[str, Any]) -> str:
    number = f"{port.get('containerPort') or '?'}/{port.get('protocol') or 'TCP'}"
    return f"{port['name']} {number}" if port.get("name") else number


def _digest(pod: Manifest) -> str:
    main = status(pod).get("containerStatuses") or ()
    own = str(((pod.get("spec") or {}).get("containers") or [{}])[0].get("name", ""))
    image = next((str(one.get("imageID") or "") for one in main if one.get("name") == own), "")
    return image.rpartition("@")[2] if "sha256:" in image else ""


def _last_end(containers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Of the container that ended last, in this life of it or in the one before."""
    ends = [
        end
        for container in containers
        for name in ("state", "lastState")
        if (end := (container.get(name) or {}).get("terminated"))
        # A container that prepares the pod ends well before it begins.
        and (name == "lastState" or end.get("exitCode"))
    ]
    if not ends:
        return {}
    last = max(ends, key=lambda end: str(end.get("finishedAt") or ""))
    code = last.get("exitCode")
    return {
        "end_reason": str(last.get("reason") or ""),
        "end_code": None if code is None else int(code),
        "end_at": str(last.get("finishedAt") or ""),
    }


def set_views(workload: Workload) -> tuple[ReplicaSetView, ...]:
    """The new ReplicaSet first, then older ones that still have pods or are to have some; by name."""
    views = [_set_view(found, is_new=found is workload.new_set) for found in workload.sets]
    shown = [one for one in views if one.is_new or one.wanted or one.pods]
    return tuple(sorted(shown, key=lambda one: (not one.is_new, one.name)))


def _set_view(found: Manifest, *, is_new: bool) -> ReplicaSetView:
    wanted = (found.get("spec") or {}).get("replicas")
    return ReplicaSetView(
        name=_name(found),
        is_new=is_new,
        wanted=1 if wanted is None else int(wanted),
        pods=int(status(found).get("replicas") or 0),
        ready=int(status(found).get("readyReplicas") or 0),
        order=_order((found.get("spec") or {}).get("template") or {}),
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
