"""A cluster by name whose address changes: what is connected is given up, the name on the certificate still counts."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deployer.adapters import kubernetes
from deployer.errors import Unavailable
from deployer.interfaces import ClusterTarget, ObjectRef
from environments.models import Cluster
from environments.targets import cluster_target
from sandbox.ports import reserve
from tests.certificates import make_certificate

NAME = "api.cluster.example"
OLD, NEW = "127.0.0.2", "127.0.0.3"
POD = ObjectRef("v1", "Pod", "web")


@dataclass
class Names:
    """Where the name leads; everything else is looked up as ever."""

    address: str = OLD


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    known, real = Names(), socket.getaddrinfo

    def resolve(host: Any, *more: Any, **options: Any) -> Any:
        return real(known.address if host in (NAME, NAME.encode()) else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


@dataclass
class Place:
    """An API server at one address: the requests that it was sent, by connection."""

    asked: list[str] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)


@contextmanager
def serving(address: str, port: int, certificate: Path) -> Iterator[Place]:
    place = Place()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            place.asked.append(self.path)
            place.connections.add(self.client_address)
            body = json.dumps({"kind": "Pod", "metadata": {"name": "web", "uid": address}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer((address, port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Moving:
    """Both places, and the row of the cluster."""

    row: Cluster
    old: Place
    new: Place

    def read(self) -> str:
        """The uid: which place answered."""
        found = kubernetes.connect(cluster_target(self.row)).read("site", POD)
        assert found is not None
        return str(found["metadata"]["uid"])


@pytest.fixture
def moving(names: Names, tmp_path: Path, settings: Any) -> Iterator[Moving]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    file, pem = make_certificate(tmp_path, host=NAME)
    port = reserve(OLD, NEW)
    row = Cluster(pk=4711, slug="moving", url=f"https://{NAME}:{port}", ca_pem=pem, token="t")
    with serving(OLD, port, file) as old, serving(NEW, port, file) as new:
        yield Moving(row, old, new)
    kubernetes.disconnect(row.remote_key)


def test_the_old_address_is_left_though_it_still_answers(moving: Moving, names: Names) -> None:
    assert [moving.read(), moving.read()] == [OLD, OLD]
    assert len(moving.old.connections) == 1, "the connection is kept"
    names.address = NEW
    assert moving.read() == NEW
    assert len(moving.old.asked) == 2


def test_a_name_with_several_addresses_that_keeps_one_has_not_moved() -> None:
    both = ClusterTarget("k", "https://a", addresses=(OLD, NEW))
    one, other = (ClusterTarget("k", "https://a", addresses=(address,)) for address in (OLD, NEW))
    assert other.has_moved_from(one) and not one.has_moved_from(both) and not both.has_moved_from(other)
    assert not other.has_moved_from(ClusterTarget("k", "https://a")), "nobody had asked"
    assert one == other, "credentials and address are the same"


def test_another_name_on_the_certificate_there_is_no_cluster_of_ours(
    names: Names, tmp_path: Path, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    file, pem = make_certificate(tmp_path, host=NAME)
    strange, strange_pem = make_certificate(tmp_path, "strange", host="other.example")
    port = reserve(OLD, NEW)
    # Both are trusted: only the name tells them apart.
    row = Cluster(pk=4712, slug="moving", url=f"https://{NAME}:{port}", ca_pem=pem + strange_pem, token="t")
    with serving(OLD, port, file) as old, serving(NEW, port, strange) as new:
        kubernetes.connect(cluster_target(row)).read("site", POD)
        names.address = NEW
        with pytest.raises(Unavailable, match="certificate"):
            kubernetes.connect(cluster_target(row)).read("site", POD)
        names.address = OLD
        kubernetes.connect(cluster_target(row)).read("site", POD)
    kubernetes.disconnect(row.remote_key)
    assert new.asked == [], "the token went nowhere"
    assert len(old.asked) == 2


def test_a_machine_that_is_gone_is_noticed_by_its_silence(moving: Moving) -> None:
    """The kernel is asked to probe; without it a dead connection is waited for until the read's own time-out."""
    moving.read()
    session = kubernetes.connect(cluster_target(moving.row))._session
    (pool,) = (session._pool.pools[key] for key in session._pool.pools.keys())  # noqa: SIM118 (no plain mapping)
    connection = pool.pool.get(timeout=1)
    assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
