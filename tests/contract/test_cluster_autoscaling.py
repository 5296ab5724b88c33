"""Who owns the number of replicas beside an autoscaler; the same cases hold on a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.errors import Conflict
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests import is_autoscaled
from tests.contract.cluster_stand_in import Bench, autoscaler, soon, workload
from tests.patience import wait_for

pytestmark = pytest.mark.contract
WEB = ObjectRef("apps/v1", "Deployment", "web")


def live(bench: Bench) -> Manifest:
    found = bench.client.read(bench.namespace, WEB)
    assert found is not None
    return found


def replicas(bench: Bench) -> int:
    return int(live(bench)["spec"]["replicas"])


def scale_as(bench: Bench, manager: str, count: int) -> None:
    """What ``kubectl scale`` and autoscalers send."""
    path = f"/apis/apps/v1/namespaces/{bench.namespace}/deployments/web/scale"
    content = {"content_type": "application/merge-patch+json"}
    body = {"spec": {"replicas": count}}
    bench.client._session.write("PATCH", path, [("fieldManager", manager)], body, deadline=soon(), **content)


def without_replicas() -> Manifest:
    made = workload()
    del made["spec"]["replicas"]
    return made


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 2), (4, 4), (6, 4)])
def test_an_autoscaler_keeps_the_replicas_within_its_bounds(bench: Bench, before: int, after: int) -> None:
    bench.apply(workload(replicas=before))
    assert not is_autoscaled(live(bench))
    bench.apply(autoscaler(2, 4))
    wait_for(lambda: replicas(bench) == after, "the autoscaler moves it")
    assert is_autoscaled(live(bench)) == (before != after)


def test_what_the_autoscaler_set_is_its_field_through_the_subresource(bench: Bench) -> None:
    bench.apply(workload(replicas=1))
    bench.apply(autoscaler(3, 4))
    wait_for(lambda: replicas(bench) == 3, "the autoscaler moves it")
    (entry,) = (e for e in live(bench)["metadata"]["managedFields"] if e.get("subresource") == "scale")
    assert (entry["manager"], entry["operation"]) == ("kube-controller-manager", "Update")
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    with pytest.raises(Conflict) as conflict:
        bench.client.dry_run(bench.namespace, workload(replicas=1))
    (cause,) = conflict.value.causes
    assert (cause.manager, cause.path) == ("kube-controller-manager (scale)", ".spec.replicas")
    # Without the field nothing is in the way, and the number stays.
    assert bench.apply(without_replicas()).manifest["spec"]["replicas"] == 3


def test_a_field_that_only_we_owned_falls_back_to_one(bench: Bench) -> None:
    """Why the replicas may be left out only once the autoscaler owns them."""
    bench.apply(workload(replicas=3))
    assert bench.apply(without_replicas()).manifest["spec"]["replicas"] == 1


def test_a_disabled_autoscaler_leaves_zero_alone(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    bench.apply(autoscaler(2, 4))

    def reason() -> Any:
        ref = ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", "web")
        found: Any = bench.client.read(bench.namespace, ref)
        return [c["reason"] for c in found["status"].get("conditions") or [] if c["type"] == "ScalingActive"]

    wait_for(lambda: reason() == ["ScalingDisabled"], "the autoscaler says so")
    assert replicas(bench) == 0


def test_somebody_who_scales_by_hand_is_no_autoscaler(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    scale_as(bench, "kubectl", 1)
    assert not is_autoscaled(live(bench))
    with pytest.raises(Conflict) as conflict:
        bench.client.dry_run(bench.namespace, workload(replicas=3))
    assert conflict.value.causes[0].manager == "kubectl (scale)"


def test_the_autoscalers_of_a_workload_are_found_by_their_target(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    assert bench.client.autoscaler(bench.namespace, "web") is None
    bench.apply(autoscaler(2, 4) | {"metadata": {"name": "keda-hpa-web"}})
    found = bench.client.autoscaler(bench.namespace, "web")
    assert found is not None and found["metadata"]["name"] == "keda-hpa-web"
    assert bench.client.autoscaler(bench.namespace, "other") is None
