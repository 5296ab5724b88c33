"""Private CAs: a registry and a Git server with a certificate of their own are trusted with their CA only."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployer.adapters import git, registry
from deployer.errors import NotFound, Unavailable
from deployer.interfaces import RegistryTarget, SourceTarget
from tests.certificates import make_certificate

pytestmark = pytest.mark.contract


@dataclass
class TlsServer:
    address: str
    ca_pem: str


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_registry = self.path == "/v2/"
        body = b"{}" if is_registry else b"no"
        self.send_response(200 if is_registry else 404)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    place, pem = make_certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    yield TlsServer(f"127.0.0.1:{listener.server_address[1]}", pem)
    listener.shutdown()
    listener.server_close()


def test_registry_is_trusted_with_its_ca_only(server: TlsServer) -> None:
    url = f"https://{server.address}"
    assert registry.connect(RegistryTarget("r", server.address, url, ca_pem=server.ca_pem)).describe().notes == ()
    with pytest.raises(Unavailable, match=r"certificate of the registry .* is not trusted"):
        registry.connect(RegistryTarget("r", server.address, url)).describe()


def test_git_server_is_trusted_with_its_ca_only(server: TlsServer, tmp_path: Path) -> None:
    url = f"https://{server.address}/app.git"
    with pytest.raises(NotFound, match="no such repository"):
        git.connect(SourceTarget("g", url, str(tmp_path), ca_pem=server.ca_pem)).branches()
    with pytest.raises(Unavailable, match=r"certificate of the Git server .* is not trusted"):
        git.connect(SourceTarget("g", url, str(tmp_path))).branches()
