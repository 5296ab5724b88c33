"""The number of replicas after an autoscaler of ours has gone: the snapshot's again.

While the autoscaler stood beside the new workload the number was left to it, so that no pod was lost in between. Once
it is removed nobody moves the number, and the workload is applied again with the one that its manifests say.
"""

from __future__ import annotations

from django.db import transaction

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.interfaces import Manifest
from deployer.manifests import bounds_in, find_workload, ref_of
from deployer.manifests.replicas import AUTOSCALER
from foundation.runs.lease import Lease
from releases.models import Deployment, Prune
from releases.steps.applied import applied_manifests
from releases.steps.deployment.removing import Overtaken, is_overtaken
from releases.steps.deployment.send import send

PHASE = "handing-back"


def hand_back(cluster: KubernetesCluster, lease: Lease, prune: Prune) -> bool:
    """True when there is nothing (more) to wait for: the pods of the snapshot's own number are ready.

    Twice is harmless: the same manifest, fenced as in the deployment itself. Raises Overtaken, and what ``send`` does.
    """
    deployment = prune.deployment
    has_gone = any(row["kind"] == AUTOSCALER and row["state"] == "removed" for row in prune.found)
    manifests = applied_manifests(deployment)
    if not has_gone or bounds_in(manifests) is not None:
        return True
    workload = find_workload(manifests)
    if prune.phase != PHASE:
        if is_overtaken(deployment):
            raise Overtaken
        row = send(cluster, lease, deployment, workload, manifests)
        with transaction.atomic():
            _note(deployment, row)
            lease.save(phase=PHASE)
        prune.phase = PHASE
    live = cluster.read(prune.space.namespace, ref_of(workload))
    return live is None or _is_ready(live)


def _note(deployment: Deployment, row: dict[str, object]) -> None:
    """Everybody compares with what was applied last. The deployment has ended: nobody else writes this."""
    others = [one for one in deployment.applied if (one["kind"], one["name"]) != (row["kind"], row["name"])]
    Deployment.objects.filter(pk=deployment.pk).update(applied=[*others, row])


def _is_ready(live: Manifest) -> bool:
    """As ``kubectl rollout status`` has it: seen by the controller, and as many available as wanted, and no more."""
    status, wanted = live.get("status") or {}, int(live["spec"].get("replicas", 1))
    is_seen = int(status.get("observedGeneration") or 0) >= int(live["metadata"].get("generation") or 0)
    counts = (status.get("availableReplicas") or 0, status.get("replicas") or 0)
    return is_seen and counts == (wanted, wanted)
