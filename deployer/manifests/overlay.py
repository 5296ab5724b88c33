"""The closed list of what may change between a snapshot and what is sent: deployment id, restart stamp, replicas."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from deployer.interfaces import Manifest

DEPLOYMENT_ANNOTATION = "prism4k.io/deployment"
RESTART_ANNOTATION = "prism4k.io/restarted-at"


def overlay(
    manifests: Sequence[Manifest], *, deployment_id: str, restarted_at: str | None = None, replicas: int | None = None
) -> tuple[Manifest, ...]:
    """Copies of the snapshot's manifests for one deployment; the snapshot itself is not touched.

    ``restarted_at``: any new text makes the pods start afresh. It sits inside the applied template under our own field
    manager, so that a later deployment without it takes it away again (kubectl's own would survive a rollback).
    ``replicas``: of the workload, until the next snapshot.
    """
    if replicas is not None and replicas < 0:
        raise ValueError("A number of replicas cannot be negative.")
    changed = copy.deepcopy(tuple(manifests))
    for manifest in changed:
        metadata = manifest["metadata"]
        metadata["annotations"] = (metadata.get("annotations") or {}) | {DEPLOYMENT_ANNOTATION: deployment_id}
        if manifest["kind"] != "Deployment":
            continue
        if replicas is not None:
            manifest["spec"]["replicas"] = replicas
        if restarted_at is not None:
            template = manifest["spec"]["template"]
            metadata = template["metadata"] = template.get("metadata") or {}
            metadata["annotations"] = (metadata.get("annotations") or {}) | {RESTART_ANNOTATION: restarted_at}
    return changed
