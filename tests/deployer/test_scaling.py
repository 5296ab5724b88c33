"""The number of replicas beside an autoscaler."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.manifests import Bounds, beside_autoscaler, bounds_in, check, is_autoscaled, wanted_replicas
from tests.deployer.manifest_samples import POLICY, autoscaler, deployment, good_set


def owner(manager: str, subresource: str = "", *fields: str) -> dict[str, Any]:
    entry = {"manager": manager, "fieldsV1": {"f:spec": {f"f:{name}": {} for name in fields or ("replicas",)}}}
    return entry | ({"subresource": subresource} if subresource else {})


def live(replicas: int, *owners: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(owners)}, "spec": {"replicas": replicas}}


KCM = owner("kube-controller-manager", "scale")
HAND = owner("kubectl", "scale")
OURS = owner("prism4k")
STATUS = owner("kube-controller-manager", "status", "paused")


@pytest.mark.parametrize(
    ("found", "is_so"),
    [
        (None, False),
        (live(3), False),
        (live(3, OURS, STATUS), False),
        (live(3, HAND), False),
        (live(3, OURS, KCM), True),
    ],
)
def test_only_the_controller_by_the_scale_subresource_is_an_autoscaler(found: Any, is_so: bool) -> None:
    assert is_autoscaled(found) is is_so


@pytest.mark.parametrize(
    ("own", "found", "sent"),
    [
        (None, None, 2),
        (3, None, 3),
        (None, live(1, OURS), 1),
        (None, live(6, OURS), 6),
        (3, live(4, OURS), 4),
        (None, live(0, OURS), 2),
        (None, live(5, KCM), None),
        (3, live(5, KCM, OURS), None),
        (3, live(5, HAND), None),
    ],
)
def test_what_is_sent_beside_an_autoscaler(own: int | None, found: Any, sent: int | None) -> None:
    workload = deployment()
    workload["spec"].pop("replicas", None)
    if own is not None:
        workload["spec"]["replicas"] = own
    before = dict(workload["spec"])
    assert beside_autoscaler(workload, found, Bounds(2, 6))["spec"].get("replicas") == sent
    assert workload["spec"] == before


@pytest.mark.parametrize(("own", "running", "wanted"), [(None, 0, 1), (None, 2, 2), (None, 9, 3), (2, 0, 2), (2, 3, 3)])
def test_how_many_pods_there_will_be(own: int | None, running: int, wanted: int) -> None:
    made = [deployment(), autoscaler()]
    made[0]["spec"].pop("replicas", None)
    if own is not None:
        made[0]["spec"]["replicas"] = own
    assert bounds_in(made) == Bounds(1, 3)
    assert wanted_replicas(made, running) == wanted


def test_two_autoscalers_are_one_too_many() -> None:
    made = [*good_set(), autoscaler(), autoscaler()]
    del made[0]["spec"]["replicas"]
    made[-1]["metadata"] = {"name": "gw-second"}
    problems = check(made, POLICY)
    assert ["undo each other's work" in str(problem.message) for problem in problems] == [True]
