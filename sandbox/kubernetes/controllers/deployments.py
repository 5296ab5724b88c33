"""The Deployment controller."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.controllers import rollout
from sandbox.kubernetes.controllers.family import (
    DESIRED,
    MOST,
    REVISION,
    annotations_of,
    condition,
    pods_of,
    replica_sets_of,
    revision_of,
    with_annotations,
    with_status,
)
from sandbox.kubernetes.controllers.rollout import created, find_new, renewed, replica_annotations
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.kinds import DEPLOYMENT, REPLICA_SET
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]


class DeploymentController:
    """Brings the ReplicaSets of a Deployment to what its spec says, one step at a call."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "deployment-controller")

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; seconds after which to look again, None when only a change can matter."""
        deployment = self._store.get(DEPLOYMENT, namespace, name)
        if deployment is None or deployment["metadata"].get("deletionTimestamp"):
            return None
        deployment = self._note_pause(deployment)
        sets = replica_sets_of(self._store, deployment)
        if deployment["spec"].get("paused") or self._is_resized(deployment, sets):
            self._resize(deployment, sets)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment, sets)
        else:
            self._roll(deployment, sets)
        now = self._store.get(DEPLOYMENT, namespace, name)
        left = rollout.seconds_left(now) if now else None
        return None if left is None else max(left, 0) + 0.05

    def _note_pause(self, deployment: Obj) -> Obj:
        found = condition(deployment, "Progressing")
        if not rollout.has_deadline(deployment) or (found and found["reason"] == "ProgressDeadlineExceeded"):
            return deployment
        is_paused, is_noted = (
            bool(deployment["spec"].get("paused")),
            bool(found and found["reason"] == "DeploymentPaused"),
        )
        if is_paused and not is_noted:
            note = rollout.new_condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        elif is_noted and not is_paused:
            note = rollout.new_condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
        else:
            return deployment
        return self._with_condition(deployment, note)

    def _with_condition(self, deployment: Obj, note: Obj) -> Obj:
        status = deployment.get("status", {})
        conditions = rollout.set_condition(list(status.get("conditions") or []), note)
        return self._store.put(DEPLOYMENT, with_status(deployment, {**status, "conditions": conditions}))

    # ------------------------------------------------------------ the new set
    def _newest(self, deployment: Obj, sets: list[Obj], *, may_create: bool) -> tuple[Obj, Obj | None, list[Obj]]:
        """``(deployment, new set, old sets)`` with revisions and the first conditions written."""
        found = find_new(deployment, sets)
        old = [entry for entry in sets if found is None or entry["metadata"]["uid"] != found["metadata"]["uid"]]
        if found is not None:
            new = renewed(self._store, deployment, found, old)
            text = f'Found new replica set "{new["metadata"]["name"]}"'
            return self._revised(deployment, new, "FoundNewReplicaSet", text, is_new=False), new, old
        if not may_create:
            return deployment, None, old
        empty: Obj = {"spec": {"replicas": 0}}
        size = rollout.new_size(deployment, empty, old)
        new = created(self._store, deployment, old, size)
        if size:
            self._announce(deployment, new, 0, size)
        text = f'Created new replica set "{new["metadata"]["name"]}"'
        return self._revised(deployment, new, "NewReplicaSetCreated", text, is_new=True), new, old

    def _revised(self, deployment: Obj, new: Obj, reason: str, text: str, *, is_new: bool) -> Obj:
        revision = str(revision_of(new))
        changed = deployment
        if annotations_of(deployment).get(REVISION) != revision:
            changed = with_annotations(deployment, {REVISION: revision})
        has_none = condition(deployment, "Progressing") is None
        if rollout.has_deadline(deployment) and (is_new or has_none):
            status = changed.get("status", {})
            note = rollout.new_condition("Progressing", "True", reason, text)
            conditions = rollout.set_condition(list(status.get("conditions") or []), note)
            changed = with_status(changed, {**status, "conditions": conditions})
        return self._store.put(DEPLOYMENT, changed) if changed != deployment else deployment

    # ------------------------------------------------------------ strategies
    def _roll(self, deployment: Obj, sets: list[Obj]) -> None:
        deployment, new, old = self._newest(deployment, sets, may_create=True)
        assert new is not None
        size = rollout.new_size(deployment, new, [*old, new])
        if self._scale(deployment, new, size):
            self._write_status(deployment)
            return
        by_name = {entry["metadata"]["name"]: entry for entry in old}
        smaller = rollout.shrink(deployment, new, old)
        for name, count in smaller.items():
            self._scale(deployment, by_name[name], count)
        if not smaller:
            self._forget_old(deployment, old)
        self._write_status(deployment)

    def _recreate(self, deployment: Obj, sets: list[Obj]) -> None:
        deployment, new, old = self._newest(deployment, sets, may_create=False)
        shrunk = [self._scale(deployment, entry, 0) for entry in old]
        if any(shrunk) or any(pods_of(self._store, entry) for entry in old):
            self._write_status(deployment)
            return
        deployment, new, old = self._newest(deployment, sets, may_create=True)
        assert new is not None
        if not self._scale(deployment, new, deployment["spec"]["replicas"]):
            self._forget_old(deployment, old)
        self._write_status(deployment)

    def _is_resized(self, deployment: Obj, sets: list[Obj]) -> bool:
        wanted = str(deployment["spec"]["replicas"])
        active = (entry for entry in sets if entry["spec"]["replicas"] > 0)
        return any(annotations_of(entry).get(DESIRED, wanted) != wanted for entry in active)

    def _resize(self, deployment: Obj, sets: list[Obj]) -> None:
        """Only the number changed (or the Deployment is paused): keep the proportions of the sets."""
        deployment, new, old = self._newest(deployment, sets, may_create=False)
        everything = [*old, new] if new else old
        active = [entry for entry in everything if entry["spec"]["replicas"] > 0]
        wanted = deployment["spec"]["replicas"]
        if len(active) <= 1:
            only = active[0] if active else new or (old[-1] if old else None)
            if only is not None:
                self._scale(deployment, only, wanted)
        elif new is not None and self._is_saturated(deployment, new):
            for entry in old:
                self._scale(deployment, entry, 0)
        else:
            most = max(int(annotations_of(entry).get(MOST, "0")) for entry in active)
            sizes = rollout.proportional(deployment, active, most)
            for entry in active:
                self._scale(deployment, entry, sizes[entry["metadata"]["name"]])
        self._write_status(deployment, is_plain=True)

    def _is_saturated(self, deployment: Obj, new: Obj) -> bool:
        wanted = deployment["spec"]["replicas"]
        return bool(new["spec"]["replicas"] == wanted and rollout.available([new]) == wanted)

    # ------------------------------------------------------------ writing
    def _scale(self, deployment: Obj, replica_set: Obj, size: int) -> bool:
        """Set a size; True when it changed."""
        before = replica_set["spec"]["replicas"]
        changed = with_annotations(replica_set, replica_annotations(deployment))
        if before != size:
            changed = {**changed, "spec": {**changed["spec"], "replicas": size}}
            generation = replica_set["metadata"]["generation"] + 1
            changed = {**changed, "metadata": {**changed["metadata"], "generation": generation}}
        if changed == replica_set:
            return False
        stored = self._store.put(REPLICA_SET, changed)
        if before != size:
            self._announce(deployment, stored, before, size)
        return bool(before != size)

    def _announce(self, deployment: Obj, replica_set: Obj, before: int, after: int) -> None:
        word = "up" if after > before else "down"
        text = f"Scaled {word} replica set {replica_set['metadata']['name']} from {before} to {after}"
        self._events.normal(deployment, "ScalingReplicaSet", text)

    def _forget_old(self, deployment: Obj, old: list[Obj]) -> None:
        """Keep only ``revisionHistoryLimit`` empty sets, once the rollout is complete."""
        if not rollout.is_complete(deployment, deployment.get("status", {})):
            return
        empty = [
            entry for entry in old if not entry["spec"]["replicas"] and not entry.get("status", {}).get("replicas")
        ]
        extra = len(empty) - deployment["spec"]["revisionHistoryLimit"]
        for entry in sorted(empty, key=revision_of)[: max(0, extra)]:
            self._store.drop(REPLICA_SET, entry["metadata"]["namespace"], entry["metadata"]["name"])

    def _write_status(self, deployment: Obj, *, is_plain: bool = False) -> None:
        """Store counts and conditions; ``is_plain`` leaves the Progressing condition alone, as for a mere resize."""
        sets = replica_sets_of(self._store, deployment)
        new = find_new(deployment, sets)
        status = rollout.counts(deployment, new, sets)
        if is_plain:
            conditions = list(deployment.get("status", {}).get("conditions") or [])
            conditions = rollout.set_condition(conditions, rollout.availability(deployment, status))
        else:
            conditions = rollout.progressed(deployment, status, new)
            conditions = rollout.failures(conditions, new, sets)
        status["conditions"] = conditions
        if status != deployment.get("status"):
            self._store.put(DEPLOYMENT, with_status(deployment, status))
