"""What a deployment put there, to tell it from what others wrote, and whose hand it was where it is not ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.interfaces import Manifest, Verdict
from deployer.manifests import find_workload, overlay, ref_of
from deployer.verdict import AppliedWorkload, hand_of, is_scaler
from deployer.verdict.outside import hand_values, only_replicas
from foundation.clock import db_now
from foundation.messages import message as _
from releases.models import Deployment

OUTSIDE = ("changed", "undone")
"""Outcomes of a verdict that lie with somebody outside the platform."""


def applied_manifests(deployment: Deployment) -> tuple[Manifest, ...]:
    """The manifests as they were sent: the snapshot with the overlay."""
    assert deployment.snapshot is not None
    return overlay(
        deployment.snapshot.manifests,
        deployment_mark=str(deployment.mark),
        restarted_at=deployment.overlay.get("restarted_at"),
        replicas=deployment.overlay.get("replicas"),
    )


def applied_facts(deployment: Deployment, *, is_scaled: bool = False) -> dict[str, Any]:
    """The arguments of ``judge`` that say what is ours. ``is_scaled``: an autoscaler from elsewhere has been seen."""
    manifests = applied_manifests(deployment)
    workload = find_workload(manifests)
    row: dict[str, Any] = next((row for row in deployment.applied if row["kind"] == "Deployment"), {})
    has_scaler = is_scaled or any(manifest["kind"] == "HorizontalPodAutoscaler" for manifest in manifests)
    return {
        "name": str(workload["metadata"]["name"]),
        "applied_generation": int(row.get("generation") or 0),
        "deployment_mark": str(deployment.mark),
        "applied": AppliedWorkload(workload, row.get("spec"), has_scaler),
    }


def read_workload(cluster: KubernetesCluster, deployment: Deployment) -> Manifest | None:
    """The live workload with its ``managedFields``, which lists leave out."""
    ref = ref_of(find_workload(applied_manifests(deployment)))
    return cluster.read(deployment.space.namespace, ref)


def is_scaled_by(verdict: Verdict, live: Manifest | None) -> bool:
    """Whether the change is an autoscaler's, which the snapshot does not know of (``kubectl autoscale``)."""
    is_only = verdict.outcome == "changed" and verdict.diagnosis is not None and only_replicas(verdict.diagnosis)
    return is_only and live is not None and is_scaler(live)


def with_hand(verdict: Verdict, live: Manifest | None) -> Verdict:
    """The verdict with the name of who changed it, and when, where the API tells."""
    diagnosis = verdict.diagnosis
    if verdict.outcome not in OUTSIDE or diagnosis is None:
        return verdict
    hand = hand_of(live, diagnosis.evidence)
    if not hand.manager:
        return verdict
    values = {**diagnosis.values, **hand_values(hand)}
    if not hand.at:
        # What went through ``scale`` bears no time; it is looked at each second.
        values["at"] = _("%(time)s (noticed)", time=f"{db_now():%Y-%m-%d %H:%M:%S} UTC")
    return replace(verdict, diagnosis=replace(diagnosis, values=values))
