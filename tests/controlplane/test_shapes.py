"""What the check of manifests passes, the real server takes: a preview, which asks no server, says no less than it.

Each field of a full set is given values of other shapes, in turn. What passes goes to the server as a dry run. Some 500
cases by chance, all with ``FULL=1``.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deployer.errors import DeployerError
from deployer.interfaces import Manifest
from deployer.manifests import Policy, check, preflight_pod, prepare
from tests.contract.cluster_stand_in import Bench
from tests.controlplane.full_set import every_field
from tests.deployer.manifest_samples import IDENTITY
from tests.deployer.test_manifest_rules import WITH_INGRESS

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(600)]

GONE = object()
SHAPES: list[Any] = [
    *(GONE, 1, 0, -1, 1.5, 99_999, True, "", "x", "A b", "X_y", "100%", "1Gi", "/x", "x:y", "a" * 70, "a" * 300),
    *([], {}, [{}], ["x"], [1], {"x": "y"}, {"x": 1}),
]
CASES = 500
Path = tuple[Any, ...]
Case = tuple[Path, Any]


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


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place below the objects' own heads."""
    if len(path) > 2:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def changed(manifests: list[Manifest], path: Path, value: Any) -> list[Manifest] | None:
    """A copy with the value there; None where nothing can be taken away."""
    found: Any = copy.deepcopy(manifests)
    target = found
    for part in path[:-1]:
        target = target[part]
    if value is not GONE:
        target[path[-1]] = copy.deepcopy(value)
    elif isinstance(target, dict):
        del target[path[-1]]
    else:
        return None
    return list(found)


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
    cases: list[Case] = [(path, shape) for path in paths(manifests) for shape in SHAPES]
    chosen = cases if os.environ.get("FULL") else random.Random(8).sample(cases, CASES)
    gaps: list[str] = []
    for path, shape in chosen:
        made = changed(manifests, path, shape)
        if made and not check(made, policy) and (said := refusal(bench, made, known)):
            gaps.append(f"{path} = {'nothing' if shape is GONE else repr(shape)}: {said}")
    assert gaps == []
