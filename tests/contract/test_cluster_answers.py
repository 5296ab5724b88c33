"""What the cluster says of a pod that is only tried, and warns of; the same cases hold on a real API server."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from deployer.errors import QuotaExceeded, Rejected
from deployer.interfaces import Manifest
from tests.contract.cluster_stand_in import Bench, quota, workload
from tests.patience import wait_for

pytestmark = pytest.mark.contract


def trial_pod(**spec: Any) -> Manifest:
    made = copy.deepcopy(workload()["spec"]["template"]["spec"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-preflight-"}, "spec": made | spec}


def bare(name: str) -> list[dict[str, Any]]:
    return [{"name": name, "image": "registry.example.com/site/agent:1"}]


def with_quota(bench: Bench, **hard: str) -> None:
    bench.apply(quota(**hard))
    wait_for(lambda: bench.client.quota(bench.namespace), "the quota is counted")


def refusal_of(bench: Bench, pod: Manifest) -> Rejected:
    """The refusal, once the controller has counted and admission, which hears of it later, knows the quota."""

    def told() -> Rejected | None:
        try:
            bench.client.dry_run_pod(bench.namespace, pod)
        except Rejected as refused:
            return None if "status unknown" in str(refused) else refused
        return None

    refusal = wait_for(told, "the quota refuses it")
    assert refusal is not None
    return refusal


@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_a_container_without_what_the_quota_counts_is_no_full_quota(bench: Bench, place: str) -> None:
    with_quota(bench, limits_cpu="4", pods="9")
    pod = trial_pod()
    pod["spec"][place] = [*pod["spec"].get(place, []), *bare("agent")]
    refused = refusal_of(bench, pod)
    assert refused.reason == "quota_unset" and not isinstance(refused, QuotaExceeded)
    assert "must specify limits.cpu for: agent" in str(refused)


def test_a_full_quota_names_itself_and_what_there_is_too_little_of(bench: Bench) -> None:
    with_quota(bench, limits_cpu="100m", requests_memory="1Mi", pods="9")
    refused = refusal_of(bench, trial_pod())
    assert isinstance(refused, QuotaExceeded)
    assert (refused.quota, refused.resources) == ("prism4k", {"limits.cpu", "requests.memory"})


def test_what_it_warns_of_comes_with_dry_run_and_apply(bench: Bench) -> None:
    made = workload(replicas=0)
    made["spec"]["template"]["spec"]["nodeSelector"] = {"beta.kubernetes.io/os": "linux"}
    warning = (
        'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'
    )
    assert bench.client.dry_run(bench.namespace, made).warnings == (warning,)
    assert bench.apply(made).warnings == (warning,)
