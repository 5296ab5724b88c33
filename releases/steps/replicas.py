"""The number of replicas where an autoscaler has a say: what is sent, what is compared, what is taken back.

An autoscaler of the snapshot, or one that somebody made in the cluster, owns the number once it has set it. Sending
another number would be a conflict or, forced, cut the pods that serve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.diff import fingerprint
from deployer.errors import Conflict
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests import Bounds, beside_autoscaler, bounds_in, bounds_of, may_be_autoscaled

REPLICAS = ".spec.replicas"
_SCALER = "kube-controller-manager (scale)"


@dataclass(frozen=True)
class Fitted:
    """A manifest as it is sent. ``bounds``: of the autoscaler beside it.

    ``is_foreign``: it is not of the same set, and not ours. ``is_leaving``: it is ours, of an earlier set, and goes
    after this one has succeeded; the number of replicas is handed back then.
    """

    manifest: Manifest
    bounds: Bounds | None = None
    is_foreign: bool = False
    is_leaving: bool = False

    def may_take(self, conflict: Conflict) -> bool:
        """True where all that is in the way is the number that an autoscaler left behind which is gone."""
        return self.bounds is None and all(
            (cause.path, cause.manager) == (REPLICAS, _SCALER) for cause in conflict.causes
        )


def fit(
    cluster: KubernetesCluster,
    namespace: str,
    manifests: Sequence[Manifest],
    manifest: Manifest,
    live: Manifest | None,
) -> Fitted:
    """``manifest``, one of ``manifests``, beside what is ``live``. Reads the autoscalers where one has been at work."""
    if manifest["kind"] != "Deployment":
        return Fitted(manifest)
    bounds = bounds_in(manifests)
    if bounds is not None:
        return Fitted(beside_autoscaler(manifest, live, bounds), bounds)
    found = cluster.autoscaler(namespace, manifest["metadata"]["name"]) if may_be_autoscaled(live) else None
    if found is None:
        return Fitted(manifest)
    bounds, is_own = bounds_of(found), _is_of(found, manifest)
    return Fitted(beside_autoscaler(manifest, live, bounds), bounds, is_foreign=not is_own, is_leaving=is_own)


def _is_of(autoscaler: Manifest, workload: Manifest) -> bool:
    """Whether the platform applied both for the same component in the same environment, by their labels."""
    names = ("app.kubernetes.io/managed-by", "app.kubernetes.io/instance")
    there = autoscaler["metadata"].get("labels") or {}
    return all(there.get(name) == workload["metadata"]["labels"][name] for name in names)


def live_fingerprint(manifests: Sequence[Manifest], live: Mapping[ObjectRef, Manifest | None]) -> str:
    """What a person decided on: without the number of replicas where an autoscaler moves it all the time."""
    is_scaled = bounds_in(manifests) is not None
    return fingerprint({ref: _still(found, is_scaled) for ref, found in live.items()})


def _still(live: Manifest | None, is_scaled: bool) -> Manifest | None:
    if live is None or live.get("kind") != "Deployment" or not (is_scaled or may_be_autoscaled(live)):
        return live
    return {**live, "spec": {name: value for name, value in live["spec"].items() if name != "replicas"}}
