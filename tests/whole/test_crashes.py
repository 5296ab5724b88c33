"""Workers and watchers killed with SIGKILL: another goes on, and nothing outside is done twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.patience import at_most, wait_for
from tests.whole import outside
from tests.whole.conftest import SHORT_LEASE
from tests.whole.halves import IS_FULL, IS_POSTGRESQL, on_postgresql, on_sqlite
from tests.whole.holding import Door, Hold, door_to
from tests.whole.people import Carried, Crew
from tests.whole.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HANDS = 3
MOST_KILLS = 8
"""A supervisor waits longer and longer before it starts a child that keeps dying: without an end to the killing the
test would be about that."""
SEEDS = [1, 2, 3] if IS_FULL else [2, 3] if IS_POSTGRESQL else [1]


class Hands:
    """Who does the work at a bare product: a worker and two watchers, by the name under which they hold leases."""

    def __init__(self, product: Product) -> None:
        self._product, self._made = product, 0
        self._at_work: dict[str, subprocess.Popen[bytes]] = {}

    def fill_up(self) -> None:
        """A worker and two watchers, all alive."""
        kinds = [name.partition("-")[0] for name in self._at_work]
        for kind in ["worker"] * (1 - kinds.count("worker")) + ["watcher"] * (HANDS - 1 - kinds.count("watcher")):
            self._made += 1
            name = f"{kind}-{self._made}"
            self._at_work[name] = getattr(self._product, kind)(name)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self._at_work.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def jenkins(bare_product: Product) -> Iterator[Door]:
    """What the product takes for its Jenkins."""
    with door_to(bare_product.stand_in("jenkins")) as door:
        bare_product.rows().change("UPDATE components_jenkinsserver SET url = %s", door.url)
        yield door


@pytest.fixture(scope="module")
def cluster(bare_product: Product) -> Iterator[Door]:
    """What the product takes for its cluster."""
    with door_to(bare_product.stand_in("kubernetes")) as door:
        bare_product.rows().change("UPDATE environments_cluster SET url = %s WHERE slug = 'test'", door.url)
        yield door


@pytest.fixture(scope="module")
def hands(bare_product: Product, jenkins: Door, cluster: Door) -> Hands:
    return Hands(bare_product)


def kill_who_waits(product: Product, hands: Hands, hold: Hold, table: str, pk: int) -> None:
    """SIGKILL the process whose request is held, and see another take its run within lease + 2 s."""
    assert hold.reached.wait(30), "the request came"
    rows = product.rows()
    ((owner, fence),) = rows.all(f"SELECT owner, fence FROM {table} WHERE id = %s", pk)
    hands.kill(owner.partition("/")[0])
    hold.released.set()
    fence_now = f"SELECT fence FROM {table} WHERE id = %s"
    wait_for(lambda: rows.one(fence_now, pk) > fence, "another takes it", SHORT_LEASE + at_most(2))


def assert_built_once(product: Product, build: dict[str, object]) -> None:
    """Jenkins has exactly the build that the platform shows."""
    found = outside.builds_with_trigger(product, str(build["job"]), str(build["trigger_id"]))
    assert found == [build["build_number"]]


def assert_deployed_once(product: Product, order: Carried, environment: str) -> None:
    """One deployment in the platform; in the cluster its image, rolled out once."""
    mine = order.crew.operator.get(f"orders/{order.number}/deployments/")["items"]
    assert [row["state"] for row in mine if row["environment"] == environment] == ["succeeded"]
    digest = order.overview()["image_digest"]
    project = order.component.partition("/")[0]
    sets = [s for s in outside.objects(product, project, environment, "replicasets") if digest in str(s["spec"])]
    assert len(sets) == 1
    assert sets[0]["status"]["readyReplicas"] == sets[0]["spec"]["replicas"] > 0


@on_postgresql
def test_killed_just_after_jenkins_took_the_build(bare_product: Product, hands: Hands, jenkins: Door) -> None:
    hands.fill_up()
    order = Crew(bare_product).create()
    hold = jenkins.hold("POST", r"/buildWithParameters")
    order.start_build()
    pk = order.overview()["builds"][0]["id"]
    kill_who_waits(bare_product, hands, hold, "releases_build", pk)
    build = order.built()
    assert build["attempt"] == 1
    assert_built_once(bare_product, build)


@on_sqlite
def test_killed_just_after_the_cluster_took_the_deployment(bare_product: Product, hands: Hands, cluster: Door) -> None:
    hands.fill_up()
    order = Crew(bare_product).create()
    order.build()
    order.promote("fat")
    order.reviewed("fat")
    # A dry run has a query of its own; this one is meant.
    hold = cluster.hold("PATCH", r"/deployments/[^?]*\?(?!.*dryRun)")
    order.start_deployment("fat")
    pk = wait_for(lambda: order.at("fat")["deployment"], "the deployment is there")["id"]
    kill_who_waits(bare_product, hands, hold, "releases_deployment", pk)
    order.deployed("fat")
    assert_deployed_once(bare_product, order, "fat")


@pytest.mark.parametrize("is_first", [pytest.param(False, marks=on_sqlite), pytest.param(True, marks=on_postgresql)])
def test_a_late_request_never_puts_an_older_order_over_a_newer(
    bare_product: Product, hands: Hands, cluster: Door, is_first: bool
) -> None:
    """A worker has read the object, or that there is none, and its request waits; others go on in the meantime."""
    hands.fill_up()
    crew = Crew(bare_product)
    old, newer = crew.create(), crew.create()
    project = old.component.partition("/")[0]
    for order in (old, newer):
        order.build()
    if is_first:
        outside.remove_all(bare_product, project, "fat", "deployments")
    else:
        before = crew.create()
        before.build()
        before.to_fat()
    old.promote("fat")
    old.reviewed("fat")
    hold = cluster.hold("PATCH", r"/deployments/[^?]*\?(?!.*dryRun)", is_before=True)
    old.start_deployment("fat")
    pk = wait_for(lambda: old.at("fat")["deployment"], "the deployment is there")["id"]
    assert hold.reached.wait(30), "the request came"
    ((owner,),) = bare_product.rows().all("SELECT owner FROM releases_deployment WHERE id = %s", pk)
    hands.kill(owner.partition("/")[0])
    hands.fill_up()
    old.deployed("fat")
    newer.to_fat()
    hold.released.set()
    assert wait_for(lambda: hold.status, "the late request is answered") == 409
    (live,) = outside.objects(bare_product, project, "fat", "deployments")
    assert newer.overview()["image_digest"] in str(live["spec"])


class Killer(threading.Thread):
    """Kills workers and watchers of a supervised product at random moments until it is told to end."""

    def __init__(self, product: Product, seed: int) -> None:
        super().__init__(daemon=True)
        self._product, self._chance = product, random.Random(seed)
        self.over, self.killed = threading.Event(), list[str]()

    def run(self) -> None:
        while len(self.killed) < MOST_KILLS and not self.over.wait(self._chance.uniform(0.3, 2.5)):
            pids = self._product.pids()
            name = self._chance.choice(sorted(name for name in pids if name.startswith(("worker-", "watcher-"))))
            try:
                os.kill(pids[name], signal.SIGKILL)
                self.killed.append(name)
            except ProcessLookupError:
                continue


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments(full_product: Product, seed: int) -> None:
    order = Crew(full_product).create()
    killer = Killer(full_product, seed)
    killer.start()
    try:
        order.start_build()
        build = order.built(120)
        order.promote("fat")
        order.start_deployment("fat")
        order.deployed("fat", 120)
        order.settled("fat", 120)
        order.promote("uat")
        wait_for(lambda: (order.at("uat")["review"] or {}).get("state") == "succeeded", "the review of uat", 120)
        order.start_deployment("uat")
        order.deployed("uat", 120)
    finally:
        killer.over.set()
        killer.join()
    assert len(killer.killed) >= 3, killer.killed
    assert_built_once(full_product, build)
    for environment in ("fat", "uat"):
        assert_deployed_once(full_product, order, environment)
    numbers = [event["seq"] for event in order.events()]
    assert numbers == list(range(1, len(numbers) + 1))
