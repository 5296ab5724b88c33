"""Which ReplicaSet is the new one, and the revisions they are numbered by."""

from __future__ import annotations

import copy
import hashlib
import json
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
    owner_reference,
    revision_of,
    with_annotations,
)
from sandbox.kubernetes.controllers.rolling import fence_posts
from sandbox.kubernetes.kinds import REPLICA_SET
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]

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
