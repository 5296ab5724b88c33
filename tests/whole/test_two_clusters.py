"""Two clusters in one product: one that falls silent stops what is bound to it and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from demo.world import PLATFORM_ADMIN
from tests.patience import at_most, wait_for
from tests.whole.people import Crew, Person
from tests.whole.product import Product, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CONTACT = """
    SELECT k.phase FROM environments_clustercontact k JOIN environments_cluster c ON c.id = k.cluster_id
    WHERE c.slug = %s
"""


@pytest.fixture(scope="module")
def product(own_database: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(Product(tmp_path_factory.mktemp("two"), **own_database)) as made:
        yield made


def test_production_that_is_silent_stops_no_test(product: Product) -> None:
    order = Crew(product).create()
    order.build()
    rows, administrator = product.rows(), Person(product.url, PLATFORM_ADMIN)
    silent = product.pids()["kubernetes-prod"]
    os.kill(silent, signal.SIGSTOP)
    try:
        wait_for(lambda: rows.one(CONTACT, "prod") == "lost", "the silence is known", at_most(5))
        order.to("fat")
        order.to("uat")
        assert rows.one(CONTACT, "test") == "heard"
        health = administrator.http.get("/health/").text
        assert "production cluster" in health and "test cluster" in health
        clusters = {row["slug"]: row for row in administrator.get("clusters/")["items"]}
        assert set(clusters) == {"test", "prod"} and clusters["test"]["url"] != clusters["prod"]["url"]
        order.promote("prd")
        lost = "SELECT contact_lost_since FROM releases_review ORDER BY id DESC LIMIT 1"
        wait_for(lambda: rows.one(lost), f"the review of production says since when it waits: {order.at('prd')}")
        waiting = order.at("prd")["review"]
        assert waiting["state"] in ("queued", "running")
    finally:
        os.kill(silent, signal.SIGCONT)
    order.approve("prd")
    order.start_deployment("prd")
    order.deployed("prd", 90)
