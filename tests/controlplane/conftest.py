"""One control plane for all cases that use it, and a namespace of its own for each."""

from collections.abc import Iterator

import pytest

from tests.contract.cluster_stand_in import Bench, bench_on
from tests.controlplane.plane import Plane, running_plane
from tests.controlplane.stage import Stage, staged

LONGEST = ["test_truth", "test_scaling_rules", "test_moving", "test_entry", "test_random_hands"]
"""Who has two tests left is given the next file: that after three is for the second process."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First the files that wait for minutes: at the end one process would wait for them alone."""
    items.sort(key=lambda item: LONGEST.index(name) if (name := item.path.stem) in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def plane() -> Iterator[Plane]:
    with running_plane() as made:
        yield made


@pytest.fixture
def bench(plane: Plane) -> Iterator[Bench]:
    with bench_on(plane.target()) as made:
        yield made


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A product with a control plane of its own, for the cases of one file."""
    with staged(tmp_path_factory.mktemp("stage")) as made:
        yield made
