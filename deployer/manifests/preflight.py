"""A pod as the workload would make it, for a dry run: quota, LimitRange and PodSecurity look at pods only."""

from __future__ import annotations

import copy

from deployer.interfaces import Manifest


def preflight_pod(workload: Manifest) -> Manifest:
    """A Pod from a Deployment's template, to be created with ``dryRun=All`` and never for real."""
    template = copy.deepcopy(workload["spec"]["template"])
    metadata = template.get("metadata") or {}
    name = workload["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{name[:40]}-preflight-",
            "labels": metadata.get("labels") or {},
            "annotations": metadata.get("annotations") or {},
        },
        "spec": template["spec"],
    }
