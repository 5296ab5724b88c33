"""Applying, fencing and removing on a cluster over HTTP; the same cases hold on a real API server."""

import copy
import time
from dataclasses import replace

import pytest

from deployer.adapters.kubernetes import connect, disconnect
from deployer.errors import Conflict, Forbidden, NotFound, Rejected, TooLate
from deployer.interfaces import ClusterTarget, Manifest, ObjectRef
from tests.contract.cluster_stand_in import Bench, quota, soon, workload
from tests.patience import wait_for

pytestmark = pytest.mark.contract
WEB = ObjectRef("apps/v1", "Deployment", "web")


def test_apply_creates_then_changes_and_a_repeat_changes_nothing(bench: Bench) -> None:
    assert bench.client.read(bench.namespace, WEB) is None
    first = bench.apply(workload())
    assert first.created
    again = bench.apply(workload())
    assert not again.created
    assert again.manifest["metadata"]["generation"] == first.manifest["metadata"]["generation"] == 1
    changed = bench.apply(workload(replicas=3))
    assert changed.manifest["metadata"]["generation"] == 2
    live = bench.client.read(bench.namespace, WEB)
    assert live is not None
    assert live["spec"]["replicas"] == 3


def test_a_dry_run_answers_like_an_apply_and_leaves_nothing(bench: Bench) -> None:
    assert bench.client.dry_run(bench.namespace, workload()).created
    assert bench.client.read(bench.namespace, WEB) is None
    bench.apply(workload())
    shown = bench.client.dry_run(bench.namespace, workload(replicas=5))
    assert shown.manifest["spec"]["replicas"] == 5
    assert shown.manifest["spec"]["progressDeadlineSeconds"] == 600
    live = bench.client.read(bench.namespace, WEB)
    assert live is not None
    assert live["spec"]["replicas"] == 2


def test_a_stale_resource_version_is_a_conflict_without_causes(bench: Bench) -> None:
    old = bench.apply(workload(replicas=0)).manifest["metadata"]["resourceVersion"]
    bench.apply(workload(replicas=1))
    late = workload(replicas=7)
    late["metadata"]["resourceVersion"] = old
    with pytest.raises(Conflict) as conflict:
        bench.apply(late)
    assert conflict.value.is_stale
    live = bench.client.read(bench.namespace, WEB)
    assert live is not None
    assert live["spec"]["replicas"] == 1


def test_the_current_resource_version_is_let_through(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    for _attempt in range(10):  # a controller's status update moves it too
        live = bench.client.read(bench.namespace, WEB)
        assert live is not None
        fenced = workload(replicas=0, image="registry.example.com/site/app:2")
        fenced["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        try:
            bench.apply(fenced)
            break
        except Conflict as conflict:
            assert conflict.is_stale
    live = bench.client.read(bench.namespace, WEB)
    assert live is not None
    assert live["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2")


def test_the_first_version_creates_what_is_absent_and_changes_nothing_that_is_there(bench: Bench) -> None:
    """What a worker sends that read "absent": another one may have created the object since."""
    fenced = workload(replicas=0)
    fenced["metadata"]["resourceVersion"] = "1"
    assert bench.client.dry_run(bench.namespace, fenced).created
    assert bench.apply(fenced).created
    fenced["spec"]["replicas"] = 7
    with pytest.raises(Conflict) as conflict:
        bench.apply(fenced)
    assert conflict.value.is_stale
    live = bench.client.read(bench.namespace, WEB)
    assert live is not None and live["spec"]["replicas"] == 0


def test_the_version_0_is_no_fence(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    unfenced = workload(replicas=1)
    unfenced["metadata"]["resourceVersion"] = "0"
    assert not bench.apply(unfenced).created
    live = bench.client.read(bench.namespace, WEB)
    assert live is not None and live["spec"]["replicas"] == 1


def test_after_the_deadline_nothing_is_sent(bench: Bench) -> None:
    with pytest.raises(TooLate):
        bench.client.apply(bench.namespace, workload(), force=False, deadline=time.monotonic() - 0.01)
    assert bench.client.read(bench.namespace, WEB) is None


def test_an_unknown_field_is_rejected_with_its_path(bench: Bench) -> None:
    wrong = workload()
    wrong["spec"]["replicaz"] = 2
    with pytest.raises(Rejected) as refusal:
        bench.client.dry_run(bench.namespace, wrong)
    assert [problem.path for problem in refusal.value.problems] == [".spec.replicaz"]


def test_a_wrong_value_is_rejected_with_its_field(bench: Bench) -> None:
    wrong = workload()
    wrong["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    with pytest.raises(Rejected) as refusal:
        bench.apply(wrong)
    assert any(problem.path.startswith("spec.template.metadata.labels") for problem in refusal.value.problems)


def test_a_selector_can_never_be_changed(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    wrong = workload(replicas=0)
    wrong["spec"]["selector"]["matchLabels"]["more"] = "x"
    wrong["spec"]["template"]["metadata"]["labels"]["more"] = "x"
    with pytest.raises(Rejected) as refusal:
        bench.apply(wrong)
    assert [problem.path for problem in refusal.value.problems] == ["spec.selector"]


def test_a_missing_namespace_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.client.dry_run("prism4k-demo-no-such", workload())


def test_quota_answers_to_a_dry_run_pod_and_not_to_the_deployment(bench: Bench) -> None:
    bench.apply(quota(pods="0"))
    wait_for(lambda: bench.client.quota(bench.namespace), "the quota is counted")
    assert bench.client.dry_run(bench.namespace, workload()).created
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "web-preflight-"},
        "spec": copy.deepcopy(workload()["spec"]["template"]["spec"]),
    }
    with pytest.raises(Rejected) as refusal:
        bench.client.dry_run_pod(bench.namespace, pod)
    assert refusal.value.reason == "quota"
    assert "exceeded quota: prism4k" in str(refusal.value)


def test_a_dry_run_pod_that_fits_reports_nothing_and_leaves_nothing(bench: Bench) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "p-"},
        "spec": workload()["spec"]["template"]["spec"],
    }
    assert bench.client.dry_run_pod(bench.namespace, pod) == ()
    assert bench.client.observe(bench.namespace, "").pods == ()


def test_quota_lines_are_exact(bench: Bench) -> None:
    bench.apply(quota(requests_cpu="1500m", requests_memory="2Gi", pods="4"))
    lines = {line.resource: line.hard for line in bench.client.quota(bench.namespace)}
    assert lines == {"requests.cpu": 1500, "requests.memory": 2 * 2**30, "pods": 4}


def test_removing_needs_the_right_uid_and_tells_when_it_was_gone(bench: Bench) -> None:
    uid = bench.apply(workload(replicas=0)).manifest["metadata"]["uid"]
    with pytest.raises(Conflict):
        bench.client.remove(bench.namespace, WEB, uid="00000000-0000-0000-0000-000000000000", deadline=soon())
    assert bench.client.remove(bench.namespace, WEB, uid=uid, deadline=soon())
    assert bench.client.read(bench.namespace, WEB) is None
    assert not bench.client.remove(bench.namespace, WEB, uid=uid, deadline=soon())


def test_a_bad_token_is_forbidden(target: ClusterTarget) -> None:
    wrong = replace(target, key="cluster:wrong", token="wrong", client_cert_pem="", client_key_pem="")
    try:
        with pytest.raises(Forbidden):
            connect(wrong).read("default", WEB)
    finally:
        disconnect("cluster:wrong")


def test_a_kind_that_the_product_does_not_use_is_rejected_before_it_is_sent(bench: Bench) -> None:
    with pytest.raises(Rejected):
        bench.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}})


def labelled(kind: str, version: str, name: str, instance: str, **body: object) -> Manifest:
    """An object with an instance's label."""
    metadata = {"name": name, "labels": {"app.kubernetes.io/instance": instance}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def test_an_inventory_has_every_kind_of_one_instance_and_says_what_each_is(bench: Bench) -> None:
    bench.apply(labelled("ConfigMap", "v1", "one", "a", data={"x": "y"}))
    bench.apply(labelled("ConfigMap", "v1", "two", "b", data={"x": "y"}))
    bench.apply(labelled("Service", "v1", "one", "a", spec={"ports": [{"port": 80}]}))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
    bench.apply(labelled("HorizontalPodAutoscaler", "autoscaling/v2", "one", "a", spec=scaler))
    found = bench.client.inventory(bench.namespace, "app.kubernetes.io/instance=a")
    assert [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in found] == [
        ("v1", "ConfigMap", "one"),
        ("v1", "Service", "one"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "one"),
    ]


def test_removing_with_a_version_that_is_stale_removes_nothing(bench: Bench) -> None:
    ref = ObjectRef("v1", "ConfigMap", "one")
    first = bench.apply(labelled("ConfigMap", "v1", "one", "a", data={"x": "1"})).manifest["metadata"]
    newer = bench.apply(labelled("ConfigMap", "v1", "one", "a", data={"x": "2"})).manifest["metadata"]
    assert first["uid"] == newer["uid"]
    with pytest.raises(Conflict) as conflict:
        bench.client.remove(
            bench.namespace, ref, uid=first["uid"], resource_version=first["resourceVersion"], deadline=soon()
        )
    assert conflict.value.is_stale and bench.client.read(bench.namespace, ref)
    assert bench.client.remove(
        bench.namespace, ref, uid=newer["uid"], resource_version=newer["resourceVersion"], deadline=soon()
    )
    assert bench.client.read(bench.namespace, ref) is None


def test_an_apply_onto_what_is_being_deleted_is_taken_and_goes_with_it(bench: Bench) -> None:
    """Why a deployment looks before it sends: the server says 200."""
    manifest = workload(replicas=0)
    held = {**manifest, "metadata": {**manifest["metadata"], "finalizers": ["example.com/held"]}}
    uid = bench.apply(held).manifest["metadata"]["uid"]
    bench.client.remove(bench.namespace, WEB, uid=uid, deadline=soon())
    later = copy.deepcopy(held)
    later["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/site/app:2"
    answer = bench.apply(later)
    assert not answer.created and answer.manifest["metadata"]["deletionTimestamp"]
    bench.apply(manifest)
    assert bench.client.read(bench.namespace, WEB) is None


def test_what_has_a_finalizer_stays_until_it_is_taken_away(bench: Bench) -> None:
    ref = ObjectRef("v1", "ConfigMap", "one")
    manifest = labelled("ConfigMap", "v1", "one", "a", data={"x": "1"})
    held = {**manifest, "metadata": {**manifest["metadata"], "finalizers": ["example.com/held"]}}
    uid = bench.apply(held).manifest["metadata"]["uid"]
    for _twice in range(2):
        assert bench.client.remove(bench.namespace, ref, uid=uid, deadline=soon())
    live = bench.client.read(bench.namespace, ref)
    assert live is not None and live["metadata"]["deletionTimestamp"] and live["metadata"]["uid"] == uid
    bench.apply(manifest)
    assert bench.client.read(bench.namespace, ref) is None
