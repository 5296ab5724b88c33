"""Two clusters for the cases, and a namespace of its own for each case.

Where the stand-in is known to differ, ``sandbox/kubernetes/differences.csv`` says so: the case must fail there, and a
row whose case passes is to go.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.interfaces import ClusterTarget
from tests.contract.cluster_stand_in import Bench, bench_on, real_cluster, stand_in
from tests.contract.wire import Wire

DIFFERENCES = Path(__file__).parents[2] / "sandbox" / "kubernetes" / "differences.csv"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A known difference is expected to fail on the stand-in, and only there."""
    with DIFFERENCES.open(newline="", encoding="utf-8") as file:
        known = {row["case"]: row["reason"] for row in csv.DictReader(file)}
    for item in items:
        name = getattr(item, "originalname", "")
        if name in known and "[stand-in" in item.name:
            item.add_marker(pytest.mark.xfail(strict=True, reason=known[name]))


@pytest.fixture(scope="session")
def stand_in_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterTarget]:
    with stand_in(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture(scope="session")
def real_target() -> Iterator[ClusterTarget]:
    with real_cluster() as found:
        yield found


@pytest.fixture(scope="session", params=["stand-in", pytest.param("real", marks=pytest.mark.controlplane)])
def target(request: pytest.FixtureRequest) -> ClusterTarget:
    name = "real_target" if request.param == "real" else "stand_in_target"
    found: ClusterTarget = request.getfixturevalue(name)
    return found


@pytest.fixture
def bench(target: ClusterTarget) -> Iterator[Bench]:
    with bench_on(target) as made:
        yield made


@pytest.fixture
def wire(target: ClusterTarget) -> Iterator[Wire]:
    wire = Wire(target)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wire.namespace}}
    assert wire.call("POST", "/api/v1/namespaces", body).status == 201
    yield wire
    wire.http.close()
