"""The job's nudge: signed as the platform reads it, after each node, and no failure of it is one of the build."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deployer.hooks import Delivery, NotAuthentic, read_build_nudge
from tests.jenkinsfile.conftest import Sides

pytestmark = pytest.mark.jenkinsfile
SECRET = "0123456789abcdef" * 4


class Listener(ThreadingHTTPServer):
    """Keeps what was sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[Any, bytes]] = []
        self.status = 202

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks/servers/jenkins/main"

    def deliveries(self, secret: str = SECRET) -> list[Delivery]:
        return [read_build_nudge(secret, headers, body) for headers, body in self.got]


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def nudging(sides: Sides, listener: Listener, *, secret: str = SECRET, **parameters: str) -> Any:
    known = {"platform": [listener.address, secret]}
    return sides.ran(sides.parameters(**parameters), webhookCredentials="platform", credentials=known)


@pytest.mark.parametrize("image_node", ["", "images"])
def test_the_platform_reads_what_the_job_signs(sides: Sides, listener: Listener, image_node: str) -> None:
    ran = nudging(sides, listener, IMAGE_NODE=image_node)
    assert ran.result == "SUCCESS", f"{ran.error}\n{ran.log}"
    nodes = 2 if image_node else 1
    assert len(listener.deliveries()) == nodes and ran.log.count("webhook: 202") == nodes
    body = json.loads(listener.got[0][1])
    assert body == {"trigger_id": listener.deliveries()[0].names[0], "build_number": 1}
    with pytest.raises(NotAuthentic):
        listener.deliveries("f" * 64)
    assert SECRET not in ran.log


def test_a_build_that_fails_tells_too(sides: Sides, listener: Listener) -> None:
    ran = nudging(sides, listener, BUILD_CMD="exit 7")
    assert ran.result == "FAILURE" and "exit code 7" in ran.error and len(listener.deliveries()) == 1


@pytest.mark.parametrize("secret", ["短", "a b'c\"d$e\\f%s", "k" * 64])
def test_any_secret_is_signed_with(sides: Sides, listener: Listener, secret: str) -> None:
    assert nudging(sides, listener, secret=secret).result == "SUCCESS"
    assert len(listener.deliveries(secret)) == 1


def test_nothing_that_goes_wrong_with_it_fails_a_build(sides: Sides, listener: Listener) -> None:
    listener.status = 500
    ran = nudging(sides, listener)
    assert ran.result == "SUCCESS" and "webhook: 500" in ran.log
    values = sides.parameters()
    ran = sides.ran(values, webhookCredentials="gone", credentials={})
    assert ran.result == "SUCCESS" and "no webhook: Could not find credentials" in ran.log
    nobody = {"platform": ["http://127.0.0.1:1/", SECRET]}
    ran = sides.ran(sides.parameters(), webhookCredentials="platform", credentials=nobody)
    assert ran.result == "SUCCESS" and "webhook: 000" in ran.log


def test_without_credentials_nothing_is_sent(sides: Sides, listener: Listener) -> None:
    ran = sides.ran(sides.parameters())
    assert ran.result == "SUCCESS" and ran.credentials == [] and "webhook" not in ran.log


def test_nothing_of_it_runs_on_the_controller(sides: Sides, listener: Listener) -> None:
    known = {"platform": [listener.address, SECRET]}
    ran = sides.ran(sides.parameters(), names={"python": "built-in"}, webhookCredentials="platform", credentials=known)
    assert "controller itself" in ran.error and listener.got == [] and ran.credentials == []
