"""What an autoscaler makes of the pods' CPU, and what it says of it; the same cases hold on a real API server.

The use is the scenario's (``sandbox/kubernetes/metrics.py``): on a real cluster of one's own these cases are skipped.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from deployer.autoscaling import AutoscalerView, autoscaler_view, decision
from deployer.interfaces import ObjectRef
from sandbox.kubernetes.metrics import CPU_ANNOTATION
from tests.contract.cluster_stand_in import Bench, autoscaler, soon, workload
from tests.controlplane.plane import PRESENT
from tests.patience import wait_for

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif("CONTRACT_KUBECONFIG" in os.environ, reason="its pods use what they use"),
]
REQUEST = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "400m", "memory": "128Mi"}}


def busy(
    bench: Bench, least: int, most: int, *, down_seconds: int = 0, replicas: int = 1, cpu: str = "", **changes: Any
) -> None:
    """A workload whose pods use ``cpu`` together, and its autoscaler at half of the request."""
    made = workload(replicas=replicas, image=f"{PRESENT}app:1", resources=REQUEST)
    made["spec"] |= changes
    if cpu:
        made["spec"]["template"]["metadata"]["annotations"] = {CPU_ANNOTATION: cpu}
    bench.apply(made)
    wait_for(lambda: len(running(bench)) == replicas, "its pods run")
    scaler = autoscaler(least, most)
    target = {"type": "Utilization", "averageUtilization": 50}
    scaler["spec"]["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    scaler["spec"]["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": down_seconds}}
    bench.apply(scaler)


def running(bench: Bench) -> list[str]:
    pods = bench.client.observe(bench.namespace, "app=web").pods
    return [
        pod["metadata"]["name"]
        for pod in pods
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions") or ())
    ]


def load(bench: Bench, cpu: str) -> None:
    """From now on the pods use so much together."""
    for name in running(bench):
        path = f"/api/v1/namespaces/{bench.namespace}/pods/{name}"
        body = {"metadata": {"annotations": {CPU_ANNOTATION: cpu}}}
        content = {"content_type": "application/merge-patch+json"}
        bench.client._session.write("PATCH", path, [], body, deadline=soon(), **content)


def view(bench: Bench) -> AutoscalerView:
    (found,) = bench.client.autoscalers(bench.namespace, "")
    return autoscaler_view(found)


def replicas(bench: Bench) -> int:
    found: Any = bench.client.read(bench.namespace, ObjectRef("apps/v1", "Deployment", "web"))
    return int(found["spec"]["replicas"])


def reason(bench: Bench, kind: str) -> str:
    return next((one.reason for one in view(bench).conditions if one.type == kind), "")


def test_load_scales_up_to_the_maximum_and_the_decision_is_told(bench: Bench) -> None:
    busy(bench, 1, 3)
    load(bench, "600m")
    wait_for(lambda: replicas(bench) == 3, "it scales up", 60)
    wait_for(lambda: reason(bench, "ScalingLimited") == "TooManyReplicas", "it would have more", 60)
    wait_for(lambda: (view(bench).current, view(bench).cpu_percent) == (3, 200), "all three are counted", 60)
    seen = view(bench)
    assert (seen.minimum, seen.maximum, seen.wanted, seen.target_percent) == (1, 3, 3, 50)
    assert seen.scaled_at
    assert decision(seen.conditions).state == "limited"


def test_pods_are_those_of_the_whole_selector(bench: Bench) -> None:
    """Also where it has expressions alone."""
    chosen = [{"key": "app", "operator": "In", "values": ["web"]}, {"key": "canary", "operator": "DoesNotExist"}]
    busy(bench, 1, 3, selector={"matchExpressions": chosen})
    load(bench, "600m")
    wait_for(lambda: replicas(bench) == 3, "it scales up", 60)


def test_without_load_it_scales_down_after_the_cool_down(bench: Bench) -> None:
    busy(bench, 1, 3, down_seconds=6)
    load(bench, "600m")
    wait_for(lambda: replicas(bench) == 3 and len(running(bench)) == 3, "it scales up", 60)
    load(bench, "15m")
    wait_for(lambda: reason(bench, "AbleToScale") == "ScaleDownStabilized", "it waits", 60)
    assert replicas(bench) == 3
    wait_for(lambda: replicas(bench) == 1, "the cool-down is over", 60)


def test_a_use_near_the_target_moves_nothing(bench: Bench) -> None:
    """Within a tenth of it, which is the controller's tolerance."""
    busy(bench, 1, 4, replicas=2, cpu="105m")
    wait_for(lambda: view(bench).cpu_percent is not None, "it has looked", 60)
    wait_for(lambda: reason(bench, "ScalingActive") == "ValidMetricFound", "it says so", 60)
    assert replicas(bench) == 2
    assert decision(view(bench).conditions).state == "fits"


def test_the_minimum_holds_without_load(bench: Bench) -> None:
    busy(bench, 2, 4, replicas=2, cpu="2m")
    wait_for(lambda: reason(bench, "ScalingLimited") == "TooFewReplicas", "it would have fewer", 60)
    assert replicas(bench) == 2


def test_without_metrics_it_says_so_and_moves_nothing(bench: Bench) -> None:
    busy(bench, 1, 3, cpu="none")
    wait_for(lambda: reason(bench, "ScalingActive") == "FailedGetResourceMetric", "it has no metrics", 60)
    seen = view(bench)
    assert (seen.cpu_percent, replicas(bench)) == (None, 1)
    told = decision(seen.conditions)
    assert told.state == "unknown" and "no metrics returned from resource metrics API" in told.text
