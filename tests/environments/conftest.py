"""A cluster's stand-in for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.cluster_stand_in import stand_in


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it serves."""
    with stand_in(tmp_path_factory.mktemp("cluster")) as target:
        yield target.url
