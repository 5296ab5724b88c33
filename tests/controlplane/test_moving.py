"""A real control plane behind a name: it moves, is away for long, is impersonated, throttles, and its watches break.

The product runs in a mount namespace of its own, where ``/etc/hosts`` is a file of ours; the name is one that the API
server's certificate bears. Two loopback addresses with the API server's port lead there.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.controlplane.certificate import certificate_pem, key_pem, new_key
from tests.controlplane.stage import SLOW_BRANCH, Stage, staged
from tests.controlplane.ways import Way, throttle_at
from tests.patience import at_most, wait_for
from tests.whole.people import Carried

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(300)]

NAME = "kubernetes.default.svc"
FIRST, SECOND, STRANGE = "127.0.0.2", "127.0.0.3", "127.0.0.4"
WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'
CONTACT = """
    SELECT k.phase FROM environments_clustercontact k JOIN environments_cluster c ON c.id = k.cluster_id
    WHERE c.slug = 'test'
"""
full = pytest.mark.skipif(not os.environ.get("FULL"), reason="takes long: FULL=1 runs it")


class Behind:
    """The product, the ways to its cluster, and where the name leads."""

    def __init__(self, stage: Stage, hosts: Path, port: int) -> None:
        self.stage, self.hosts, self.port = stage, hosts, port
        self.first, self.second = (Way(address, port, ("127.0.0.1", port)) for address in (FIRST, SECOND))

    def lead(self, address: str) -> None:
        """In place: a mounted file stays the one that it was."""
        line = f"{address} {NAME}\n" if address else ""
        with self.hosts.open("r+") as file:
            file.write("127.0.0.1 localhost\n" + line)
            file.truncate()

    def contact(self) -> str:
        return str(self.stage.product.rows().one(CONTACT))

    def start_slow(self) -> Carried:
        order = self.stage.order(SLOW_BRANCH)
        order.promote("fat")
        order.start_deployment("fat")
        digest = order.overview()["image_digest"]
        wait_for(lambda: self.stage.image() == digest, "it is applied", 60)
        return order

    def ended_well(self, order: Carried) -> None:
        ended = self.stage.wait_ended(order)
        assert ended["state"] == "succeeded", ended
        wait_for(self.stage.is_sure, "the page is sure of it", 30)
        assert self.stage.told()["digest"] == self.stage.image() == order.overview()["image_digest"]


def within_namespace(hosts: Path) -> list[str]:
    """The words that run a command where ``/etc/hosts`` is this file; skips where the machine does not allow it."""
    prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", WITH_HOSTS, str(hosts)]
    if os.geteuid() != 0:
        prefix.insert(1, "--map-root-user")
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("This machine allows no mount namespace: no /etc/hosts of our own for the product.")
    return prefix


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("moving")
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    with staged(folder, within_namespace(hosts)) as stage:
        rows = stage.product.rows()
        port = int(str(rows.one("SELECT url FROM environments_cluster WHERE slug = 'test'")).rpartition(":")[2])
        made = Behind(stage, hosts, port)
        made.lead(FIRST)
        rows.change("UPDATE environments_cluster SET url = %s WHERE slug = 'test'", f"https://{NAME}:{port}")
        order = stage.order()
        order.to_fat()
        yield made
        made.first.close()
        made.second.close()


@pytest.fixture
def at_first(behind: Behind) -> Behind:
    """Both ways are open, the name leads to the first, and the product is connected there."""
    for way in (behind.first, behind.second):
        way.reopen()
    behind.lead(FIRST)
    wait_for(lambda: behind.first.count() and behind.contact() == "heard", "it is connected at the first address", 60)
    return behind


def test_a_name_that_moves_is_followed_though_the_old_address_still_answers(at_first: Behind) -> None:
    order = at_first.start_slow()
    at_first.lead(SECOND)
    # Who uses it asks each 2 s; what only lies idle is thrown away at its next use.
    wait_for(lambda: at_first.first.is_quiet(4), "nobody uses the old address", at_most(15))
    assert at_first.second.count() > 0 and not at_first.second.is_quiet(4)
    at_first.ended_well(order)


def test_an_address_that_is_gone_for_long_is_waited_for_and_found_elsewhere(at_first: Behind) -> None:
    order = at_first.start_slow()
    at_first.first.freeze()
    wait_for(lambda: at_first.contact() == "lost", "the silence is known", at_most(5))
    wait_for(lambda: not at_first.stage.is_sure(), "the page has its doubts", at_most(5))
    at_first.first.close()
    at_first.lead("")
    wait_for(lambda: order.at("fat")["deployment"]["contact_lost_since"], "the page says since when", 30)
    assert order.at("fat")["deployment"]["state"] == "running"
    at_first.lead(SECOND)
    wait_for(lambda: at_first.contact() == "heard", "it is found again", at_most(10))
    at_first.ended_well(order)


def test_who_has_no_certificate_for_the_name_is_told_nothing(at_first: Behind, tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "pair.pem").write_text(key_pem(key) + certificate_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    with Way(STRANGE, at_first.port, None, context) as strange:
        at_first.lead(STRANGE)
        wait_for(lambda: at_first.contact() == "lost", "it is no contact", at_most(8))
        wait_for(lambda: not at_first.stage.is_sure(), "the page has its doubts", at_most(5))
        assert strange.heard == b"", "no request and no token were sent"
    at_first.lead(FIRST)
    wait_for(at_first.stage.is_sure, "the page is sure again", 60)


def test_broken_connections_and_watches_cost_nothing(at_first: Behind) -> None:
    order = at_first.start_slow()
    for _time in range(3):
        at_first.first.cut()
        wait_for(at_first.first.count, "it connects again", 30)
    at_first.ended_well(order)


@pytest.mark.parametrize("status", [429, pytest.param(503, marks=full), pytest.param(500, marks=full)])
def test_a_server_that_asks_for_time_is_given_it(at_first: Behind, status: int) -> None:
    rows = at_first.stage.product.rows()
    change = "UPDATE environments_cluster SET url = %s WHERE slug = 'test'"
    with throttle_at(at_first.port, at_first.stage.authority()) as throttle:
        rows.change(change, throttle.url)
        try:
            order = at_first.stage.order()
            order.promote("fat")
            order.reviewed("fat")
            throttle.refuse(2, "PATCH", status, retry_after=3)
            order.start_deployment("fat")
            at_first.ended_well(order)
            assert throttle.refused == 2
            # Give or take what a clock of whole seconds rounds.
            assert min(throttle.pauses) > 2.5, throttle.pauses
        finally:
            rows.change(change, f"https://{NAME}:{at_first.port}")
