"""From the shipped templates to a verdict on a cluster: render, check, prepare, dry run, apply, diff, judge."""

import os

import pytest

from deployer.diff import diff_object, fingerprint
from deployer.interfaces import Manifest, RenderRequest, Verdict
from deployer.manifests import (
    Identity,
    Policy,
    check,
    find_workload,
    overlay,
    preflight_pod,
    prepare,
    ref_of,
    selector_for,
)
from deployer.quantities import pod_cost
from deployer.rendering import render
from deployer.verdict import cause_message
from tests.contract.cluster_stand_in import Bench
from tests.contract.judging import judge_now
from tests.deployer.test_shipped_templates import FOLDER, IMAGE, values
from tests.patience import wait_for

pytestmark = pytest.mark.contract


def identity(bench: Bench, number: str = "K8S20261120101500AB") -> Identity:
    return Identity(number, "c" * 40, "omm", "gw", "fat", bench.namespace)


def snapshot(bench: Bench, family: str, number: str = "K8S20261120101500AB", replicas: int = 2) -> tuple[Manifest, ...]:
    names = [f"prism-{family}-deployment.yaml", f"prism-{family}-service.yaml"]
    given = values(replicas=replicas) | {
        "environment": {"slug": "fat", "namespace": bench.namespace, "is_production": False, "pull_secrets": []}
    }
    made = render(RenderRequest({name: (FOLDER / name).read_text() for name in names}, given)).manifests
    assert check(made, Policy(bench.namespace, "gw", IMAGE, service="gateway")) == ()
    return prepare(made, identity(bench, number))


def judged(bench: Bench, generation: int, deployment_id: str, *, ahead_seconds: int = 0) -> Verdict:
    selector = ",".join(f"{name}={value}" for name, value in selector_for(identity(bench)).items())
    return judge_now(bench, selector, "gw", generation, deployment_id, ahead_seconds=ahead_seconds)


@pytest.mark.parametrize("family", ["jdk8", "python"])
def test_the_shipped_templates_are_what_the_cluster_accepts(bench: Bench, family: str) -> None:
    for manifest in overlay(snapshot(bench, family), deployment_mark="1"):
        applied = bench.client.dry_run(bench.namespace, manifest)
        assert applied.created
        assert applied.warnings == ()
    workload = find_workload(snapshot(bench, family))
    assert bench.client.dry_run_pod(bench.namespace, preflight_pod(workload)) == ()
    assert pod_cost(workload["spec"]["template"]["spec"]).cpu_request == 2000


def test_the_diff_shows_what_a_second_order_changes_and_nothing_else(bench: Bench) -> None:
    first = overlay(snapshot(bench, "python", replicas=0), deployment_mark="1")
    for manifest in first:
        bench.apply(manifest)
    live = {ref_of(m): bench.client.read(bench.namespace, ref_of(m)) for m in first}
    seen = fingerprint(live)
    for manifest in snapshot(bench, "python", replicas=0):
        wanted = bench.client.dry_run(bench.namespace, manifest).manifest
        assert diff_object(ref_of(manifest), live[ref_of(manifest)], wanted).action == "same"
    second = find_workload(snapshot(bench, "python", number="K8S20261120101600CD", replicas=0))
    wanted = bench.client.dry_run(bench.namespace, second).manifest
    result = diff_object(ref_of(second), live[ref_of(second)], wanted)
    number = "K8S20261120101600CD"
    assert {change.after for change in result.changes} == {number, f"order {number}, commit {'c' * 12}"}
    assert fingerprint({ref: bench.client.read(bench.namespace, ref) for ref in live}) == seen
    scaled = find_workload(overlay(first, deployment_mark="2", replicas=1))
    bench.apply(scaled)
    assert fingerprint({ref: bench.client.read(bench.namespace, ref) for ref in live}) != seen


@pytest.mark.skipif("CONTRACT_KUBECONFIG" in os.environ, reason="needs a kubelet: the stand-in has one")
def test_an_image_that_nobody_serves_ends_the_rollout_with_its_name(bench: Bench) -> None:
    for manifest in overlay(snapshot(bench, "python", replicas=1), deployment_mark="1"):
        applied = bench.apply(manifest).manifest
        if manifest["kind"] == "Deployment":
            generation = applied["metadata"]["generation"]

    def failed() -> Verdict | None:
        verdict = judged(bench, generation, "1", ahead_seconds=70)
        assert verdict.outcome in ("waiting", "progressing", "failed"), verdict
        return verdict if verdict.outcome == "failed" else None

    verdict = wait_for(failed)
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.code.startswith("image_")
    assert IMAGE in str(cause_message(verdict.diagnosis.code, verdict.diagnosis.values))
    (pod,) = verdict.pods
    assert (pod.is_new, pod.is_ready, pod.state) == (True, False, "failing")
