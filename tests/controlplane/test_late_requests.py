"""A worker is stopped between its read, its fence and its PATCH, on the real control plane: late is refused there.

On whichever database the tests run. ``tests/whole`` has the same on the stand-in each time; here with ``FULL=1``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.controlplane.stage import Stage, staged
from tests.patience import wait_for
from tests.whole.conftest import SHORT_LEASE, own_database
from tests.whole.holding import Door, door_to
from tests.whole.people import Crew
from tests.whole.test_crashes import Hands

__all__ = ["own_database"]
full = pytest.mark.skipif(not os.environ.get("FULL"), reason="takes long: FULL=1 runs it")
pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(300), full]

SEND = r"/deployments/[^?]*\?(?!.*dryRun)"


@pytest.fixture(scope="module")
def bare(own_database: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A web process alone; workers and watchers are the test's."""
    variables = {**own_database, "RUN_LEASE_SECONDS": str(SHORT_LEASE)}
    with staged(tmp_path_factory.mktemp("late"), workers=0, watchers=0, **variables) as made:
        yield made


@pytest.fixture(scope="module")
def door(bare: Stage) -> Iterator[Door]:
    """What the product takes for its cluster."""
    rows = bare.product.rows()
    url = str(rows.one("SELECT url FROM environments_cluster WHERE slug = 'test'"))
    with door_to(url, bare.authority()) as made:
        rows.change("UPDATE environments_cluster SET url = %s WHERE slug = 'test'", made.url)
        yield made


@pytest.fixture(scope="module")
def hands(bare: Stage, door: Door) -> Hands:
    return Hands(bare.product)


@pytest.mark.parametrize("is_first", [True, False], ids=["absent", "existing"])
def test_a_late_request_is_refused_by_the_server(bare: Stage, hands: Hands, door: Door, is_first: bool) -> None:
    product = bare.product
    hands.fill_up()
    bare.crew = Crew(product)  # its connections of the case before have been idle for too long
    old, newer = bare.order(), bare.order()
    if is_first:
        bare.kubectl("delete", "deployment", bare.name, "--ignore-not-found")
    old.promote("fat")
    old.reviewed("fat")
    hold = door.hold("PATCH", SEND, is_before=True)
    old.start_deployment("fat")
    assert hold.reached.wait(60), "the request came"
    pk = old.at("fat")["deployment"]["id"]
    ((owner,),) = product.rows().all("SELECT owner FROM releases_deployment WHERE id = %s", pk)
    hands.kill(owner.partition("/")[0])
    hands.fill_up()
    assert bare.wait_ended(old)["state"] == "succeeded", "another goes on"
    newer.to_fat()
    hold.released.set()
    assert wait_for(lambda: hold.status, "the late request is answered") == 409
    digest = newer.overview()["image_digest"]
    assert bare.image() == digest
    wait_for(bare.is_sure, "the page is sure", 60)
    assert bare.told()["digest"] == digest
