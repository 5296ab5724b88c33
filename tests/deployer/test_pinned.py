"""A name that leads elsewhere a moment after it was checked: each client connects to what was checked, or to nobody."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from audit import steps as audit_steps
from audit.heads import START, Head
from deployer import dialing
from deployer.adapters import git, jenkins, kubernetes
from deployer.adapters.git.session import check_url as check_git_url
from deployer.adapters.git.session import online_environment
from deployer.adapters.kubernetes import facts
from deployer.adapters.kubernetes.streams import Streams
from deployer.adapters.registry.transport import Transport
from deployer.errors import DeployerError, NotFound, Unavailable
from deployer.interfaces import BuildServerTarget, ClusterTarget, RegistryTarget, SourceTarget, ignore_answer
from environments.models import Cluster
from environments.targets import cluster_target
from foundation.clock import db_now
from sandbox.ports import reserve

pytestmark = pytest.mark.security("requests-to-inner-hosts")

NAME, STORE = "tools.corp.example", "store.corp.example"
RIGHT, WRONG = "127.0.0.1", "127.0.0.2"
BARRED = "leads to 127.0.0.2, an internal address"


@dataclass
class Names:
    """What the name server says of each name, answer by answer; the last one stays."""

    answers: dict[str, list[str]] = field(default_factory=dict)

    def next_of(self, name: str) -> str:
        left = self.answers[name]
        return left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Names:
    settings.OUTBOUND_ALLOW = [f"{RIGHT}/32", "http"]
    known, real = Names(), socket.getaddrinfo

    def look_up(host: Any, *more: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real(known.next_of(name) if name in known.answers else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@dataclass
class Place:
    """A web server at one address: what it was asked."""

    port: int
    asked: list[str] = field(default_factory=list)
    leads_to: str = ""


@contextmanager
def serving(address: str, port: int) -> Iterator[Place]:
    place = Place(port)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place.asked.append(self.path)
            self.send_response(307 if place.leads_to else 200)
            if place.leads_to:
                self.send_header("Location", place.leads_to)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((address, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Both:
    """The server that the name meant when it was checked, and the one that it must never lead to."""

    right: Place
    wrong: Place

    @property
    def url(self) -> str:
        return f"http://{NAME}:{self.right.port}"


@pytest.fixture
def both(names: Names) -> Iterator[Both]:
    port = reserve(RIGHT, WRONG)
    with serving(RIGHT, port) as right, serving(WRONG, port) as wrong:
        yield Both(right, wrong)


def ask_cluster(both: Both, folder: Path) -> None:
    client = kubernetes.connect(ClusterTarget(f"cluster:{folder.name}", both.url, "t"))
    client.ping(seconds=3)


def ask_streams(both: Both, folder: Path) -> None:
    async def get() -> None:
        async with Streams(ClusterTarget("streams", both.url, "t")) as streams:
            await streams.get("/api/v1/pods", {})

    try:
        asyncio.run(get())
    except httpx.ConnectError as error:
        message = dialing.barred_in(error)
        assert message is not None
        raise Unavailable(message) from error


def ask_jenkins(both: Both, folder: Path) -> None:
    jenkins.connect(BuildServerTarget("jenkins:1", both.url, "bot", folder.name)).describe()


def ask_registry(both: Both, folder: Path) -> None:
    target = RegistryTarget("registry:1", f"{NAME}:1", both.url)
    Transport(target, ignore_answer).get("/v2/", scope="", most=1000)


CLIENTS = [ask_cluster, ask_streams, ask_jenkins, ask_registry]


@pytest.mark.parametrize("ask", CLIENTS)
def test_the_checked_address_is_the_one_connected_to(names: Names, both: Both, ask: Any, tmp_path: Path) -> None:
    names.answers[NAME] = [RIGHT, WRONG]
    with suppress(NotFound):
        ask(both, tmp_path)
    assert both.right.asked and not both.wrong.asked
    assert names.answers[NAME] == [WRONG], "asked once"


@pytest.mark.parametrize("ask", CLIENTS)
def test_a_name_that_leads_elsewhere_by_then_reaches_nobody(names: Names, both: Both, ask: Any, tmp_path: Path) -> None:
    names.answers[NAME] = [WRONG]
    with pytest.raises(DeployerError) as refusal:
        ask(both, tmp_path)
    assert BARRED in str(refusal.value)
    assert not both.wrong.asked


def test_a_cluster_checked_a_moment_ago_is_checked_at_each_connection(names: Names, both: Both) -> None:
    names.answers[NAME] = [RIGHT, WRONG]
    target = cluster_target(Cluster(pk=4712, slug="moving", url=both.url, token="t"))
    assert target.addresses == (RIGHT,)
    with pytest.raises(Unavailable, match=BARRED):
        kubernetes.connect(target).ping(seconds=3)
    assert not both.wrong.asked


def test_the_cluster_of_the_platform_is_where_kubernetes_says(names: Names, both: Both, tmp_path: Path) -> None:
    names.answers[NAME] = [WRONG]
    kubernetes.connect(ClusterTarget("cluster:own", both.url, "t", is_own=True)).ping(seconds=3)
    assert both.wrong.asked


def test_a_certificate_is_looked_at_where_it_was_checked(names: Names) -> None:
    names.answers[NAME] = [WRONG]
    with socket.socket() as trap:
        trap.bind((WRONG, 0))
        trap.listen()
        trap.settimeout(0.2)
        port = trap.getsockname()[1]
        assert facts._certificate_end(ClusterTarget("cluster:1", f"https://{NAME}:{port}"), NAME, port) is None
        with pytest.raises(TimeoutError):
            trap.accept()


def test_a_redirect_is_checked_like_any_connection(names: Names, both: Both) -> None:
    names.answers |= {NAME: [RIGHT], STORE: ["93.184.216.34", WRONG]}
    both.right.leads_to = f"http://{STORE}:{both.right.port}/blob"
    transport = Transport(RegistryTarget("registry:2", f"{NAME}:1", both.url), ignore_answer)
    with pytest.raises(Unavailable, match=BARRED):
        transport.get("/v2/app/blobs/x", scope="", most=1000, follow=True)
    assert both.right.asked == ["/v2/app/blobs/x"] and not both.wrong.asked


def test_git_connects_where_it_is_told(names: Names, both: Both, tmp_path: Path) -> None:
    """The name leads somewhere in this process alone: a git that asked for it anew would find nothing."""
    names.answers[NAME] = [RIGHT, WRONG]
    target = SourceTarget("git:1", f"{both.url}/team/app.git", str(tmp_path))
    with pytest.raises(DeployerError):
        git.connect(target).branches()
    assert any(path.startswith("/team/app.git/info/refs") for path in both.right.asked) and not both.wrong.asked
    names.answers[NAME] = [WRONG]
    with pytest.raises(Unavailable, match=BARRED):
        git.connect(target).branches()
    assert not both.wrong.asked


def test_so_does_git_over_ssh_and_the_key_stays_the_names(names: Names, tmp_path: Path) -> None:
    names.answers[NAME] = [RIGHT]
    target = SourceTarget("git:2", f"ssh://{NAME}/team/app.git", str(tmp_path))
    with online_environment(target, check_git_url(target.url)) as environment:
        command = environment["GIT_SSH_COMMAND"]
    assert f"HostName={RIGHT}" in command and f"HostKeyAlias={NAME}" in command


@pytest.mark.django_db
def test_the_webhook_of_audit_heads_goes_where_it_was_checked(
    names: Names, both: Both, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIT_HEADS_WEBHOOK = f"{both.url}/heads"
    head = Head(1, START) if not isinstance(START, Head) else START
    names.answers[NAME] = [RIGHT]
    audit_steps._post(head, db_now())
    assert both.right.asked == ["/heads"]
    names.answers[NAME] = [RIGHT, WRONG]
    audit_steps._post(head, db_now())
    assert not both.wrong.asked


def test_a_name_that_leads_nowhere_is_silence(names: Names) -> None:
    names.answers[NAME] = ["none.invalid"]
    with pytest.raises(OSError) as nowhere:
        dialing.addresses_of(NAME, 80)
    assert not isinstance(nowhere.value, dialing.Barred)
