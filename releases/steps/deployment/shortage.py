"""Whether a quota allows a scale or a restart, asked before anything is touched: no review has asked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests import find_workload, ref_of
from deployer.quantities import rolling_plan
from deployer.quota import load_of, quota_effect
from foundation.messages import Message, join_messages
from releases import quota
from releases.choices import DeploymentKind
from releases.models import Deployment


def shortage_of(
    cluster: KubernetesCluster,
    deployment: Deployment,
    manifests: Sequence[Manifest],
    there: Mapping[ObjectRef, Manifest | None],
) -> Message | str:
    """What is short, empty when it fits. Fewer pods always fit; a roll back is never stopped by a quota.

    ``there``: the set's objects as they were read a moment ago.
    """
    if deployment.kind not in (DeploymentKind.SCALE, DeploymentKind.RESTART):
        return ""
    namespace = deployment.space.namespace
    lines = cluster.quota(namespace)
    if not lines:
        return ""
    workload = find_workload(manifests)
    ranges = cluster.limit_ranges(namespace)
    live = there[ref_of(workload)]
    scaler = next((one for one in manifests if one["kind"] == "HorizontalPodAutoscaler"), None)
    after = load_of(workload["spec"]["template"]["spec"], quota.pods_wanted(workload, live, scaler), ranges)
    is_replaced = deployment.kind == DeploymentKind.RESTART
    plan = rolling_plan(after.pods, workload["spec"].get("strategy")) if is_replaced else None
    before = quota.load_now(live, ranges)
    return join_messages(*(quota.shortage(one) for one in quota_effect(lines, before, after, plan) if one.short_by))
