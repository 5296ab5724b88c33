"""Reading raw objects: owners, conditions, times. Lists of the API carry no kind, and any field may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployer.interfaces import Manifest, Observation

REVISION = "deployment.kubernetes.io/revision"


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
    )


def _new_set(deployment: Manifest, sets: list[Manifest]) -> Manifest | None:
    """The ReplicaSet with the Deployment's own revision; the number is right once the controller has caught up."""
    if int(status(deployment).get("observedGeneration") or 0) < int(metadata(deployment).get("generation") or 0):
        return None
    revision = (metadata(deployment).get("annotations") or {}).get(REVISION)
    for found in sets:
        if revision is not None and (metadata(found).get("annotations") or {}).get(REVISION) == revision:
            return found
    return None
