"""What prepared manifests become on a cluster, and the change of strategy that defaults stand against."""

from __future__ import annotations

import copy

import pytest

from deployer.errors import Rejected
from deployer.interfaces import Manifest
from deployer.manifests import Identity, prepare
from tests.contract.cluster_stand_in import Bench, workload
from tests.deployer.test_manifest_rules import budget, claim

pytestmark = pytest.mark.contract


def prepared(bench: Bench, *manifests: Manifest) -> tuple[Manifest, ...]:
    identity = Identity("K8S20261120101500AB", "c" * 40, "omm", "web", "fat", bench.namespace)
    return prepare(copy.deepcopy(manifests), identity)


def test_recreate_takes_the_place_of_a_strategy_that_was_written_out(bench: Bench) -> None:
    (rolling,) = prepared(bench, workload(replicas=0))
    bench.apply(rolling)
    wanted = workload(replicas=0)
    wanted["spec"]["strategy"] = {"type": "Recreate"}
    (recreate,) = prepared(bench, wanted)
    assert bench.apply(recreate).manifest["spec"]["strategy"] == {"type": "Recreate"}


def test_recreate_beside_defaults_that_belong_to_nobody_is_refused_with_the_way_out(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    wanted = workload(replicas=0)
    wanted["spec"]["strategy"] = {"type": "Recreate"}
    with pytest.raises(Rejected) as refusal:
        bench.apply(wanted)
    assert "Deploy once with the strategy RollingUpdate" in str(refusal.value.problems[0].message)
    rolling = workload(replicas=0)
    rolling["spec"]["strategy"] = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    bench.apply(rolling)
    assert bench.apply(wanted).manifest["spec"]["strategy"] == {"type": "Recreate"}


def test_budgets_and_claims_are_applied(bench: Bench) -> None:
    volume, disruption = prepared(bench, claim("web-data"), budget())
    assert bench.apply(volume).created
    made = bench.apply(disruption)
    assert made.created
    assert made.manifest["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == "web"
    assert not bench.apply(disruption).created
