"""The nodes as the product reads them: capacity, taints, and who may not be told."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.errors import Rejected
from deployer.interfaces import NodeFacts
from tests.contract.cluster_stand_in import Bench, workload
from tests.contract.wire import PODS, Wire, bare_pod
from tests.controlplane.plane import PRESENT
from tests.patience import wait_for

pytestmark = pytest.mark.contract

READY = {"type": "Ready", "status": "True"}


@pytest.fixture
def spare(wire: Wire) -> Iterator[str]:
    """A node of 2 CPU that runs nothing; nobody keeps it ready."""
    name = f"spare-{uuid.uuid4().hex[:8]}"
    body: dict[str, Any] = {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"disk": "ssd"}},
        "spec": {"taints": [{"key": "dedicated", "value": "db", "effect": "NoExecute"}], "unschedulable": True},
        "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "10"}, "conditions": [READY]},
    }  # fmt: skip
    assert wire.call("POST", "/api/v1/nodes", body).status == 201
    yield name
    assert wire.call("DELETE", f"/api/v1/nodes/{name}").status == 200


def named(bench: Bench, name: str) -> NodeFacts:
    (found,) = (one for one in bench.client.nodes(most_nodes=100, most_pods=5000) if one.name == name)
    return found


def test_a_node_is_read_with_labels_taints_and_capacity(bench: Bench, wire: Wire, spare: str) -> None:
    found = named(bench, spare)
    assert found.labels["disk"] == "ssd"
    assert ("dedicated", "db", "NoExecute") in {(one.key, one.value, one.effect) for one in found.taints}
    assert ("node.kubernetes.io/unschedulable", "NoSchedule") in {(one.key, one.effect) for one in found.taints}
    assert {name: found.free[name] for name in ("cpu", "memory", "pods")} == {"cpu": 2000, "memory": 2**30, "pods": 10}


def test_what_runs_takes_capacity_and_gives_it_back(bench: Bench, wire: Wire) -> None:
    def free_cpu() -> int:
        return sum(one.free.get("cpu", 0) for one in bench.client.nodes(most_nodes=100, most_pods=5000))

    # Other cases of the session run on the same node; nothing else asks for this much.
    def is_taken() -> bool:
        pods = wire.items(PODS)
        return any(pod["spec"].get("nodeName") for pod in pods)

    before = free_cpu()
    pod = bare_pod("capacity")
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "17"}}
    assert wire.call("POST", PODS, pod).status == 201
    wait_for(is_taken, "it has a node")
    wait_for(lambda: before - free_cpu() > 15_000, "its capacity is taken")
    assert wire.call("DELETE", f"{PODS}/capacity").status == 200
    wait_for(lambda: before - free_cpu() < 15_000, "its capacity is free again", 60)


def test_a_cluster_beyond_the_bounds_is_not_counted(bench: Bench) -> None:
    bench.apply(workload(replicas=2, image=f"{PRESENT}app:1"))
    wait_for(lambda: len(bench.client.observe(bench.namespace, "app=web").pods) == 2, "both pods are there")
    with pytest.raises(Rejected) as refusal:
        bench.client.nodes(most_nodes=100, most_pods=1)
    assert refusal.value.reason == "many"
    with pytest.raises(Rejected):
        bench.client.nodes(most_nodes=0, most_pods=5000)
