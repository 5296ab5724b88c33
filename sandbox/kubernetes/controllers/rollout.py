"""The rollout of a Deployment: the arithmetic of a rolling update, revisions of ReplicaSets, progress and conditions.

After kubernetes/pkg/controller/deployment: rolling.go and util, sync.go, progress.go.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from typing import Any
from uuid import uuid4

from sandbox.kubernetes import clock
from sandbox.kubernetes.controllers.family import (
    DESIRED,
    HASH_LABEL,
    HISTORY,
    MOST,
    REVISION,
    annotations_of,
    condition,
    owner_reference,
    revision_of,
    with_annotations,
)
from sandbox.kubernetes.kinds import REPLICA_SET
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]


def _share(value: int | str, of: int, *, is_up: bool) -> int:
    if isinstance(value, int):
        return value
    exact = int(value.removesuffix("%")) * of / 100
    return math.ceil(exact) if is_up else math.floor(exact)


def fence_posts(deployment: Obj) -> tuple[int, int]:
    """``(surge, unavailable)`` pods; percentages of surge round up, of unavailable down, both 0 means 1 unavailable."""
    spec = deployment["spec"]
    if spec["strategy"]["type"] != "RollingUpdate":
        return 0, 0
    rolling = spec["strategy"]["rollingUpdate"]
    surge = _share(rolling["maxSurge"], spec["replicas"], is_up=True)
    unavailable = _share(rolling["maxUnavailable"], spec["replicas"], is_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, spec["replicas"])


def size(sets: list[Obj]) -> int:
    """Wanted replicas of several sets together."""
    return sum(int(entry["spec"]["replicas"]) for entry in sets)


def available(sets: list[Obj]) -> int:
    """Available replicas of several sets together."""
    return sum(int(entry.get("status", {}).get("availableReplicas", 0)) for entry in sets)


def new_size(deployment: Obj, new: Obj, everything: list[Obj]) -> int:
    """How many replicas the new set may have now."""
    wanted: int = deployment["spec"]["replicas"]
    current: int = new["spec"]["replicas"]
    if current > wanted:
        return wanted
    if deployment["spec"]["strategy"]["type"] != "RollingUpdate":
        return wanted
    surge, _ = fence_posts(deployment)
    free_pods = wanted + surge - size(everything)
    return current + max(0, min(free_pods, wanted - current))


def shrink(deployment: Obj, new: Obj, old: list[Obj]) -> dict[str, int]:
    """New sizes of the old sets that may shrink now, by name: unhealthy pods first, then what availability allows."""
    wanted: int = deployment["spec"]["replicas"]
    _, unavailable = fence_posts(deployment)
    least = wanted - unavailable
    sizes = {entry["metadata"]["name"]: int(entry["spec"]["replicas"]) for entry in old}
    new_unavailable = new["spec"]["replicas"] - available([new])
    budget = size([*old, new]) - least - new_unavailable
    if budget <= 0 or not size(old):
        return {}
    before = dict(sizes)
    for entry in old:
        name = entry["metadata"]["name"]
        sick = sizes[name] - available([entry])
        step = max(0, min(budget, sick))
        sizes[name] -= step
        budget -= step
    spare = available([*old, new]) - least
    for entry in old:
        name = entry["metadata"]["name"]
        step = max(0, min(spare, sizes[name]))
        sizes[name] -= step
        spare -= step
    return {name: count for name, count in sizes.items() if count != before[name]}


def proportional(deployment: Obj, active: list[Obj], most_before: int) -> dict[str, int]:
    """Sizes of the active sets when a Deployment is scaled in the middle of a rollout, by name."""
    wanted: int = deployment["spec"]["replicas"]
    allowed = wanted + fence_posts(deployment)[0] if wanted else 0
    left = allowed - size(active)
    ordered = sorted(active, key=lambda entry: (-entry["spec"]["replicas"], entry["metadata"]["name"]))
    sizes: dict[str, int] = {}
    for entry in ordered:
        current = entry["spec"]["replicas"]
        share = 0 if not allowed else round(current * allowed / max(1, most_before)) - current
        share = min(share, max(left, 0)) if left >= 0 else max(share, left)
        target = max(0, current + (share if allowed else -current))
        left -= target - current
        sizes[entry["metadata"]["name"]] = target
    if ordered and left and allowed:
        first = ordered[0]["metadata"]["name"]
        sizes[first] = max(0, sizes[first] + left)
    return sizes


_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_NOT_COPIED = {REVISION, HISTORY, DESIRED, MOST, "kubectl.kubernetes.io/last-applied-configuration"}


def template_hash(template: Obj) -> str:
    """Ten characters that stand for a pod template."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])


def _bare_template(replica_set: Obj) -> Obj:
    template: Obj = copy.deepcopy(replica_set["spec"]["template"])
    template["metadata"]["labels"].pop(HASH_LABEL, None)
    return template


def find_new(deployment: Obj, sets: list[Obj]) -> Obj | None:
    """The oldest set that has the Deployment's template."""
    return next((entry for entry in sets if _bare_template(entry) == deployment["spec"]["template"]), None)


def replica_annotations(deployment: Obj) -> dict[str, str]:
    """What a set remembers of the size it was scaled for."""
    wanted = deployment["spec"]["replicas"]
    return {DESIRED: str(wanted), MOST: str(wanted + fence_posts(deployment)[0])}


def _copied(deployment: Obj) -> dict[str, str]:
    return {name: value for name, value in annotations_of(deployment).items() if name not in _NOT_COPIED}


def renewed(store: Store, deployment: Obj, found: Obj, old: list[Obj]) -> Obj:
    """An existing set as the newest revision, its annotations brought up to date."""
    revision = max((revision_of(entry) for entry in old), default=0) + 1
    values = _copied(deployment)
    before = revision_of(found)
    if before < revision:
        values[REVISION] = str(revision)
        history = annotations_of(found).get(HISTORY)
        values[HISTORY] = f"{history},{before}" if history else str(before)
    changed = with_annotations(found, values)
    least = deployment["spec"].get("minReadySeconds") or 0
    if (found["spec"].get("minReadySeconds") or 0) != least:
        changed = {**changed, "spec": {**changed["spec"], "minReadySeconds": least}}
    return store.put(REPLICA_SET, changed) if changed != found else found


def created(store: Store, deployment: Obj, old: list[Obj], replicas: int) -> Obj:
    """A new set for the Deployment's template, of the next revision."""
    template = copy.deepcopy(deployment["spec"]["template"])
    mark = template_hash(template)
    labels = template["metadata"].setdefault("labels", {})
    labels[HASH_LABEL] = mark
    selector = copy.deepcopy(deployment["spec"]["selector"])
    selector.setdefault("matchLabels", {})[HASH_LABEL] = mark
    revision = max((revision_of(entry) for entry in old), default=0) + 1
    meta = deployment["metadata"]
    spec: Obj = {"replicas": replicas, "selector": selector, "template": template}
    if deployment["spec"].get("minReadySeconds"):
        spec["minReadySeconds"] = deployment["spec"]["minReadySeconds"]
    replica_set = {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": f"{meta['name']}-{mark}",
            "namespace": meta["namespace"],
            "uid": str(uuid4()),
            "creationTimestamp": clock.stamp(),
            "generation": 1,
            "labels": dict(labels),
            "annotations": {**_copied(deployment), **replica_annotations(deployment), REVISION: str(revision)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": spec,
        "status": {"replicas": 0},
    }
    return store.put(REPLICA_SET, replica_set)


NEVER = 2**31 - 1
"""``progressDeadlineSeconds`` of this value means no deadline."""


def _actual(sets: list[Obj], field: str) -> int:
    return sum(int(entry.get("status", {}).get(field, 0)) for entry in sets)


def counts(deployment: Obj, new: Obj | None, everything: list[Obj]) -> Obj:
    """Status without conditions; zero counts are left out as the real server does."""
    newest = [new] if new is not None else []
    values = {
        "replicas": _actual(everything, "replicas"),
        "updatedReplicas": _actual(newest, "replicas"),
        "readyReplicas": _actual(everything, "readyReplicas"),
        "availableReplicas": available(everything),
        "unavailableReplicas": max(0, size(everything) - available(everything)),
        "terminatingReplicas": _actual(everything, "terminatingReplicas"),
    }
    kept = {name: value for name, value in values.items() if value or name == "terminatingReplicas"}
    return {"observedGeneration": deployment["metadata"]["generation"], **kept}


def new_condition(kind: str, status: str, reason: str, message: str) -> Obj:
    """A condition that begins now."""
    now = clock.stamp()
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def set_condition(conditions: list[Obj], new: Obj) -> list[Obj]:
    """The list with ``new`` in its place: unchanged when status and reason are the same, and with the time of the old
    transition when only the reason differs."""
    old = next((entry for entry in conditions if entry["type"] == new["type"]), None)
    if old is not None:
        if (old["status"], old["reason"]) == (new["status"], new["reason"]):
            return conditions
        if old["status"] == new["status"]:
            new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*(entry for entry in conditions if entry["type"] != new["type"]), new]


def without(conditions: list[Obj], kind: str) -> list[Obj]:
    return [entry for entry in conditions if entry["type"] != kind]


def availability(deployment: Obj, status: Obj) -> Obj:
    """The Available condition that the counts give."""
    least = deployment["spec"]["replicas"] - fence_posts(deployment)[1]
    if status.get("availableReplicas", 0) >= least:
        return new_condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    why = "Deployment does not have minimum availability."
    return new_condition("Available", "False", "MinimumReplicasUnavailable", why)


def has_deadline(deployment: Obj) -> bool:
    """Whether progress is watched at all."""
    return bool(deployment["spec"]["progressDeadlineSeconds"] != NEVER)


def is_complete(deployment: Obj, status: Obj) -> bool:
    """All replicas are of the new template and available, and nothing else runs."""
    wanted = deployment["spec"]["replicas"]
    names = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(name, 0) == wanted for name in names)


def _has_progressed(old: Obj, new: Obj) -> bool:
    def left(status: Obj) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return left(new) < left(old) or any(new.get(name, 0) > old.get(name, 0) for name in grown)


def seconds_left(deployment: Obj) -> float | None:
    """Seconds until the deadline strikes; None when no clock runs."""
    found = condition(deployment, "Progressing")
    if not has_deadline(deployment) or found is None or deployment["spec"].get("paused"):
        return None
    if found["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    return float(deployment["spec"]["progressDeadlineSeconds"]) - clock.seconds_since(found["lastUpdateTime"])


def progressed(deployment: Obj, status: Obj, new: Obj | None) -> list[Obj]:
    """Conditions after comparing the new counts with the stored status: complete, progressing or timed out."""
    conditions: list[Obj] = list(deployment.get("status", {}).get("conditions") or [])
    conditions = set_condition(conditions, availability(deployment, status))
    if not has_deadline(deployment):
        return without(conditions, "Progressing")
    current = condition(deployment, "Progressing")
    is_done = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if is_done and current is not None and current["reason"] == "NewReplicaSetAvailable":
        return conditions
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        text = f"{name} has successfully progressed."
        return set_condition(conditions, new_condition("Progressing", "True", "NewReplicaSetAvailable", text))
    if _has_progressed(deployment.get("status", {}), status):
        fresh = new_condition("Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.")
        if current is not None and current["status"] == "True":
            fresh["lastTransitionTime"] = current["lastTransitionTime"]
        return [*without(conditions, "Progressing"), fresh]
    left = seconds_left(deployment)
    if left is not None and left < 0:
        text = f"{name} has timed out progressing."
        return set_condition(conditions, new_condition("Progressing", "False", "ProgressDeadlineExceeded", text))
    return conditions


def failures(conditions: list[Obj], new: Obj | None, everything: list[Obj]) -> list[Obj]:
    """Conditions with the ReplicaFailure of the new set (or of any), or without one."""
    for entry in ([new] if new else []) + everything:
        failed = condition(entry, "ReplicaFailure")
        if failed is not None:
            copied = new_condition("ReplicaFailure", failed["status"], failed["reason"], failed["message"])
            copied["lastTransitionTime"] = failed["lastTransitionTime"]
            return set_condition(conditions, copied)
    return without(conditions, "ReplicaFailure")
