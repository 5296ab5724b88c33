"""What the check of manifests passes, the real server takes: a preview, which asks no server, says no less than it.

Each field of a full set is given values of other shapes, in turn. What passes goes to the server as a dry run. Some 500
cases by chance, all with ``FULL=1``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.errors import DeployerError
from deployer.interfaces import Manifest
from deployer.manifests import Policy, check, preflight_pod, prepare
from tests.contract.cluster_stand_in import Bench
from tests.controlplane.full_set import every_field
from tests.deployer.manifest_samples import IDENTITY
from tests.deployer.other_shapes import GONE, cases_of, changed
from tests.deployer.test_manifest_rules import WITH_INGRESS

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(600)]

CASES = 500


def policy_in(namespace: str) -> Policy:
    """Of a space that has been granted one of everything."""
    return replace(
        WITH_INGRESS,
        namespace=namespace,
        claims=frozenset({"gw-data"}),
        node_ports=frozenset({30080}),
        service_types=frozenset({"ClusterIP", "NodePort", "LoadBalancer"}),
        load_balancers=frozenset({"lb"}),
        secrets=frozenset({"gw-secret"}),
        pull_secrets=frozenset({"pull"}),
    )


def refusal(bench: Bench, manifests: list[Manifest], known: list[Manifest]) -> str:
    """What the server says of those that are not among the known ones; empty when it takes all."""
    try:
        for manifest in prepare(manifests, replace(IDENTITY, namespace=bench.namespace)):
            if manifest in known:
                continue
            bench.client.dry_run(bench.namespace, manifest)
            if manifest["kind"] == "Deployment":
                bench.client.dry_run_pod(bench.namespace, preflight_pod(manifest))
    except DeployerError as error:
        return str(error)
    return ""


def test_what_the_check_passes_the_server_takes(bench: Bench) -> None:
    manifests, policy = every_field(), policy_in(bench.namespace)
    known = list(prepare(manifests, replace(IDENTITY, namespace=bench.namespace)))
    assert check(manifests, policy) == () and refusal(bench, manifests, []) == ""
    gaps: list[str] = []
    for path, shape in cases_of(manifests, CASES):
        made = changed(manifests, path, shape)
        if made and not check(made, policy) and (said := refusal(bench, made, known)):
            gaps.append(f"{path} = {'nothing' if shape is GONE else repr(shape)}: {said}")
    assert gaps == []
