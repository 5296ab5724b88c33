"""Capacity of the nodes: who may go where, and how many, by tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployer.interfaces import NodeFacts
from deployer.nodes import Change, blocker, capacity_for, node_facts, nodes_as_data, nodes_from_data, pod_amounts
from deployer.quantities import RollingPlan

GIB = 2**30


def node(name: str = "n1", **given: Any) -> dict[str, Any]:
    """A ready node of 4 CPU, 8 GiB and 10 pods; ``ready`` is the status of that condition."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **given.get("labels", {})}},
        "spec": {name: given[name] for name in ("taints", "unschedulable") if name in given},
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10", **given.get("allocatable", {})},
            "conditions": [{"type": "Ready", "status": given.get("ready", "True")}],
        },
    }


def container(cpu: str = "1", memory: str = "1Gi", **more: Any) -> dict[str, Any]:
    return {"name": "app", "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def pod(where: str = "n1", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [container()], "nodeName": where, **spec}, "status": {"phase": phase}}


def facts(*nodes: dict[str, Any], pods: list[dict[str, Any]] | None = None) -> tuple[NodeFacts, ...]:
    return node_facts(nodes, pods or [])


TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
AFFINITY = "requiredDuringSchedulingIgnoredDuringExecution"


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {AFFINITY: {"nodeSelectorTerms": list(terms)}}}}


def term(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def tolerating(**toleration: str) -> dict[str, Any]:
    return {"tolerations": [toleration]}


@pytest.mark.parametrize(
    ("given", "spec", "is_open"),
    [
        pytest.param({}, {}, True, id="nothing asked"),
        pytest.param({"taints": [TAINT]}, {}, False, id="NoSchedule"),
        pytest.param({"taints": [TAINT | {"effect": "NoExecute"}]}, {}, False, id="NoExecute"),
        pytest.param({"taints": [TAINT | {"effect": "PreferNoSchedule"}]}, {}, True, id="PreferNoSchedule"),
        pytest.param({"taints": [TAINT]}, tolerating(key="dedicated", value="db"), True, id="Equal is the default"),
        pytest.param({"taints": [TAINT]}, tolerating(key="dedicated", operator="Equal", value="x"), False, id="other"),
        pytest.param({"taints": [TAINT]}, tolerating(key="dedicated", operator="Exists"), True, id="Exists"),
        pytest.param({"taints": [TAINT]}, tolerating(key="other", operator="Exists"), False, id="Exists of another"),
        pytest.param({"taints": [TAINT]}, tolerating(operator="Exists"), True, id="Exists of all"),
        pytest.param({"taints": [TAINT]}, tolerating(value="db"), False, id="Equal without a key"),
        pytest.param(
            {"taints": [TAINT]}, tolerating(key="dedicated", value="db", effect="NoExecute"), False, id="effect"
        ),
        pytest.param(
            {"taints": [TAINT, TAINT | {"effect": "NoExecute"}]},
            tolerating(key="dedicated", value="db", effect="NoSchedule"), False, id="one of two taints",
        ),
        pytest.param(
            {"taints": [TAINT | {"value": ""}]}, tolerating(key="dedicated", value=""), True, id="without values"
        ),
        pytest.param({"unschedulable": True}, {}, False, id="cordoned"),
        pytest.param(
            {"unschedulable": True},
            tolerating(key="node.kubernetes.io/unschedulable", operator="Exists"), True, id="cordoned, tolerated",
        ),
        pytest.param({"ready": "False"}, {}, False, id="not ready"),
        pytest.param({"ready": "Unknown"}, {}, False, id="not heard of"),
        pytest.param({"labels": {"disk": "ssd"}}, {"nodeSelector": {"disk": "ssd"}}, True, id="selector"),
        pytest.param({"labels": {"disk": "hdd"}}, {"nodeSelector": {"disk": "ssd"}}, False, id="selector, other value"),
        pytest.param({}, {"nodeSelector": {"disk": "ssd"}}, False, id="selector, no label"),
        pytest.param({"labels": {"zone": "a"}}, affinity(term("zone", "In", "a", "b")), True, id="In"),
        pytest.param({"labels": {"zone": "c"}}, affinity(term("zone", "In", "a", "b")), False, id="In, other"),
        pytest.param({"labels": {"zone": "a"}}, affinity(term("zone", "NotIn", "a")), False, id="NotIn"),
        pytest.param({}, affinity(term("zone", "NotIn", "a")), True, id="NotIn, no label"),
        pytest.param({"labels": {"gpu": ""}}, affinity(term("gpu", "Exists")), True, id="Exists of a label"),
        pytest.param({}, affinity(term("gpu", "Exists")), False, id="Exists, no label"),
        pytest.param({}, affinity(term("gpu", "DoesNotExist")), True, id="DoesNotExist"),
        pytest.param({"labels": {"cores": "16"}}, affinity(term("cores", "Gt", "8")), True, id="Gt"),
        pytest.param({"labels": {"cores": "8"}}, affinity(term("cores", "Gt", "8")), False, id="Gt, equal"),
        pytest.param({"labels": {"cores": "4"}}, affinity(term("cores", "Lt", "8")), True, id="Lt"),
        pytest.param({"labels": {"cores": "many"}}, affinity(term("cores", "Gt", "8")), False, id="Gt of a word"),
        pytest.param({}, affinity(term("cores", "Lt", "8")), False, id="Lt, no label"),
        pytest.param({}, affinity(term("cores", "Near", "8")), False, id="an operator of later"),
        pytest.param(
            {"labels": {"zone": "b"}}, affinity(term("zone", "In", "a"), term("zone", "In", "b")), True, id="any term"
        ),
        pytest.param(
            {"labels": {"zone": "a"}},
            affinity({"matchExpressions": term("zone", "In", "a")["matchExpressions"] * 1
                      + term("disk", "Exists")["matchExpressions"]}), False, id="all of a term",
        ),
        pytest.param({}, affinity({}), False, id="an empty term"),
        pytest.param({}, affinity(), False, id="no terms"),
        pytest.param(
            {}, affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}), True,
            id="by its name",
        ),
        pytest.param(
            {}, {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": term("zone", "In", "a")}]}}}, True, id="only preferred",
        ),
    ],
)  # fmt: skip
def test_which_nodes_may_take_a_pod(given: dict[str, Any], spec: dict[str, Any], is_open: bool) -> None:
    (found,) = facts(node(**given))
    assert (blocker(spec, found) is None) is is_open


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({"containers": [container(), container("500m", "1Gi")]}, (1500, 2 * GIB), id="containers"),
        pytest.param(
            {"containers": [container()], "initContainers": [container("3", "1Gi")]}, (3000, GIB), id="init container"
        ),
        pytest.param(
            {"containers": [container()], "initContainers": [container("250m", "1Gi", restartPolicy="Always")]},
            (1250, 2 * GIB), id="sidecar",
        ),
        pytest.param(
            {"containers": [container()],
             "initContainers": [container("2", "1Gi", restartPolicy="Always"), container("2", "0")]},
            (4000, 2 * GIB), id="init container beside a sidecar",
        ),
        pytest.param(
            {"containers": [container()], "overhead": {"cpu": "250m", "memory": "1Gi"}}, (1250, 2 * GIB), id="overhead"
        ),
        pytest.param(
            {"containers": [{"name": "a", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}]}, (2000, GIB),
            id="a limit is the request that was left out",
        ),
        pytest.param(
            {"containers": [container("3", "3Gi")], "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
            (1000, GIB), id="requests of the pod as a whole",
        ),
    ],
)  # fmt: skip
def test_what_a_pod_takes(spec: dict[str, Any], wanted: tuple[int, int]) -> None:
    amounts = pod_amounts(spec)
    assert (amounts["cpu"], amounts["memory"], amounts["pods"]) == (*wanted, 1)


def test_a_pod_that_asks_for_nothing_takes_its_place_only() -> None:
    assert pod_amounts({"containers": [{"name": "a"}]}) == {"pods": 1}


def test_free_is_allocatable_less_the_requests_of_the_pods_there() -> None:
    pods = [
        pod("n1"),
        pod("n1", "Pending"),
        pod("n1", "Succeeded"),
        pod("n1", "Failed"),
        pod("n2"),
        pod(""),
        pod("gone"),
        pod("n1", containers=[{"name": "x", "resources": {"requests": {"example.com/gpu": "1"}}}]),
    ]
    first, second = facts(node("n1", allocatable={"example.com/gpu": "2"}), node("n2"), pods=pods)
    assert first.free == {"cpu": 2000, "memory": 6 * GIB, "pods": 7, "example.com/gpu": 1}
    assert second.free == {"cpu": 3000, "memory": 7 * GIB, "pods": 9}


def test_what_is_stored_reads_back_the_same() -> None:
    found = facts(node("n1", taints=[TAINT], unschedulable=True), node("n2", ready="False"), pods=[pod("n2")])
    assert nodes_from_data(json.loads(json.dumps(nodes_as_data(found)))) == found


def ask(cpu: str = "1", memory: str = "1Gi", **spec: Any) -> dict[str, Any]:
    return {"containers": [container(cpu, memory)], **spec}


THREE = [node("n1"), node("n2"), node("n3")]
ONE_BY_ONE, BOTH, STOPS_FIRST = RollingPlan(1, 0), RollingPlan(2, 1), RollingPlan(0, 1)


@pytest.mark.parametrize(
    ("nodes", "pods", "change", "outcome", "words"),
    [
        pytest.param(THREE, [], Change(ask(), 12, plan=ONE_BY_ONE), "fits", "3 may take", id="exactly"),
        pytest.param(
            THREE, [], Change(ask(), 13, plan=ONE_BY_ONE), "short",
            "No capacity for 1 of 13 new pods: short by 1 CPU on the nodes", id="one too many",
        ),
        pytest.param(
            THREE, [], Change(ask("2.5", "1Gi"), 4, plan=ONE_BY_ONE), "short", "short by 1 CPU",
            id="free in sum, and on no node",
        ),
        pytest.param(
            THREE, [], Change(ask("100m", "5Gi"), 4, plan=ONE_BY_ONE), "short", "short by 2Gi of memory", id="memory"
        ),
        pytest.param(
            [node("n1", allocatable={"pods": "2"})], [pod("n1")], Change(ask("10m", "1Mi"), 2, plan=ONE_BY_ONE),
            "short", "1 of the pods that a node may have", id="pods of a node",
        ),
        pytest.param(
            THREE, [], Change({"containers": [{"name": "a", "resources": {"limits": {"example.com/gpu": "1"}}}]}, 1,
                              plan=ONE_BY_ONE), "short", "1 of example.com/gpu", id="a resource that no node has",
        ),
        pytest.param([], [], Change(ask(), 1, plan=ONE_BY_ONE), "none", "no nodes", id="no nodes"),
        pytest.param(
            [node("n1", taints=[TAINT]), node("n2", taints=[TAINT]), node("n3", ready="False")], [],
            Change(ask(), 1, plan=ONE_BY_ONE), "none",
            "No node may take such a pod: 2 with the taint dedicated=db:NoSchedule, 1 not ready.", id="reasons",
        ),
        pytest.param(
            [node("n1", unschedulable=True), node("n2")], [], Change(ask("3"), 2, plan=ONE_BY_ONE), "short", "2 CPU",
            id="a cordoned node counts for nothing",
        ),
        pytest.param(
            [node("n1")], [pod("n1", containers=[container("2")])],
            Change(ask("3"), 1, ["n1"], pod_amounts(ask("2")), ONE_BY_ONE), "short",
            "while old ones run: short by 1 CPU", id="old pods stay until a new one is ready",
        ),
        pytest.param(
            [node("n1")], [pod("n1")] * 4, Change(ask(), 4, ["n1"] * 4, pod_amounts(ask()), STOPS_FIRST), "fits", "",
            id="old pods leave first",
        ),
        pytest.param(
            [node("n1")], [pod("n1")] * 4, Change(ask(), 4, ["n1"] * 4, pod_amounts(ask()), BOTH), "slower", "wait",
            id="no capacity for the surge, but one may be missing",
        ),
        pytest.param(
            [node("n1")], [pod("n1")] * 4, Change(ask(), 4, ["n1"] * 4, pod_amounts(ask()), ONE_BY_ONE), "short",
            "while old ones run", id="no capacity for the surge, and none may be missing",
        ),
        pytest.param(
            [node("n1")], [pod("n1")] * 3, Change(ask(), 3, ["n1"] * 3, pod_amounts(ask()), ONE_BY_ONE), "fits", "",
            id="capacity for the surge",
        ),
        pytest.param(
            [node("n1")], [pod("n1")] * 3, Change(ask(), 3, ["n1"] * 3, pod_amounts(ask()), RollingPlan(3, 0)),
            "slower", "", id="capacity for one of the surge",
        ),
        pytest.param(
            [node("n1"), node("n2")], [pod("n1")] * 4 + [pod("n2")] * 4,
            Change(ask(), 8, ["n1"] * 4 + ["n2"] * 4, pod_amounts(ask()), RollingPlan(0, 8)), "fits", "", id="Recreate",
        ),
        pytest.param([node("n1")], [pod("n1")], Change(ask(), 4, ["n1"]), "fits", "", id="scale up"),
        pytest.param([node("n1")], [pod("n1")], Change(ask(), 5, ["n1"]), "short", "1 of 4 new pods", id="too far"),
        pytest.param([node("n1")], [pod("n1")] * 9, Change(ask(), 8, ["n1"] * 9), "fits", "No pod", id="scale down"),
        pytest.param(
            [node("n1", unschedulable=True)], [pod("n1")] * 2, Change(ask(), 1, ["n1"] * 2), "fits", "No pod",
            id="scale down where no pod may come",
        ),
        pytest.param(
            THREE, [], Change(ask(topologySpreadConstraints=[{"maxSkew": 1}]), 1, plan=ONE_BY_ONE), "fits",
            "not counted", id="rules between pods",
        ),
        pytest.param(
            [node("n1")], [pod("n1", containers=[container("6")])], Change(ask(), 1, plan=ONE_BY_ONE), "short", "3 CPU",
            id="more is promised than there is",
        ),
        pytest.param(
            THREE, [], Change(ask("150m", "1Gi"), 25, plan=ONE_BY_ONE), "short", "1Gi of memory", id="the scarcest part"
        ),
    ],
)  # fmt: skip
def test_is_there_capacity(nodes: Any, pods: Any, change: Change, outcome: str, words: str) -> None:
    found = capacity_for(facts(*nodes, pods=pods), change)
    assert found.outcome == outcome, str(found.message)
    assert words in str(found.message)
