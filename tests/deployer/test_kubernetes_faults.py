"""The cluster adapter against a server that misbehaves on purpose: every answer finds its word."""

import contextlib
import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from deployer.adapters.kubernetes import KubernetesCluster, connect, disconnect
from deployer.entry import Expectation
from deployer.errors import (
    Conflict,
    DeployerError,
    FieldConflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Problem,
    QuotaExceeded,
    Rejected,
    TooLate,
    Unavailable,
)
from deployer.interfaces import ClusterTarget, ObjectRef
from tests.contract.cluster_stand_in import workload

WEB = ObjectRef("apps/v1", "Deployment", "web")


@dataclass
class Script:
    """What the server does with the next requests, and what it saw."""

    answers: list[Callable[[http.server.BaseHTTPRequestHandler], None]] = field(default_factory=list)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


def status(
    code: int, message: str = "", reason: str = "", details: Any = None, headers: dict[str, str] | None = None
) -> Any:
    body = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code}
    return reply(code, json.dumps(body | {"details": details or {}}).encode(), headers)


def reply(code: int, body: bytes, headers: dict[str, str] | None = None) -> Any:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def half(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"kind":')
    hang_up(handler)


def trickle(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Twenty bytes a second, until the other side hangs up."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nAudit-Id: a\r\nContent-Length: 9000\r\n\r\n")
    handler.close_connection = True
    with contextlib.suppress(OSError):
        for _times in range(9000):
            handler.wfile.write(b".")
            time.sleep(0.05)  # slow is what this server is


@pytest.fixture
def script() -> Iterator[Script]:
    yield Script()


@pytest.fixture
def client(script: Script) -> Iterator[KubernetesCluster]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.seen.append((self.command, self.path, dict(self.headers), body))
            (script.answers.pop(0) if script.answers else reply(200, b"{}"))(self)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    key = f"cluster:{server.server_address[1]}"
    yield connect(ClusterTarget(key=key, url=f"http://127.0.0.1:{server.server_address[1]}", token="s3cret"))
    disconnect(key)
    server.shutdown()
    server.server_close()
    thread.join()


def apply(client: KubernetesCluster) -> Any:
    return client.apply("ns", workload(), force=False, deadline=time.monotonic() + 10)


def refusal(call: Callable[[], Any], kind: type[DeployerError]) -> DeployerError:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_an_apply_is_one_patch_with_manager_and_strictness(client: KubernetesCluster, script: Script) -> None:
    script.answers = [reply(201, b'{"kind":"Deployment"}', {"Warning": '299 - "old \\"api\\""'})]
    applied = client.apply("ns", workload(), force=True, deadline=time.monotonic() + 10)
    assert (applied.created, applied.warnings) == (True, ('old "api"',))
    (method, path, headers, body) = script.seen[0]
    assert method == "PATCH"
    assert path == (
        "/apis/apps/v1/namespaces/ns/deployments/web?fieldManager=prism4k&fieldValidation=Strict&force=true"
    )
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert headers["authorization"] == "Bearer s3cret"
    assert json.loads(body) == workload()


def test_a_dry_run_says_so_and_never_forces_on_its_own(client: KubernetesCluster, script: Script) -> None:
    client.dry_run("ns", workload())
    assert script.seen[0][1].endswith("?fieldManager=prism4k&fieldValidation=Strict&dryRun=All")


FIELD_CONFLICT = {
    "causes": [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl" using apps/v1',
            "field": ".spec.replicas",
        },
        {"reason": "FieldManagerConflict", "message": 'conflict with "hpa" with subresource "scale" using apps/v1'},
    ]
}
TYPED = "failed to create typed patch object (/web; apps/v1, Kind=Deployment): "


NO_RIGHT = 'deployments.apps "web" is forbidden: User "u" cannot patch resource "deployments" in API group "apps"'
NO_QUOTA = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
NO_QUANTITY = (
    "failed to convert new object (ns/web; apps/v1, Kind=Deployment) to proper version (apps/v1): "
    "unable to parse quantity's suffix"
)
WEBHOOK = "Internal error occurred: failed calling webhook x"
MODIFIED = status(409, "the object has been modified", "Conflict", {"name": "web", "kind": "deployments"})
BUSY = status(429, "slow down", "TooManyRequests", headers={"Retry-After": "7"})

ANSWERS: dict[str, tuple[Any, type[DeployerError] | None, type[DeployerError]]] = {
    "401": (status(401, "Unauthorized", "Unauthorized"), Forbidden, Forbidden),
    "403 right": (status(403, NO_RIGHT, "Forbidden"), Forbidden, Forbidden),
    "403 quota": (status(403, NO_QUOTA, "Forbidden"), QuotaExceeded, QuotaExceeded),
    "403 by a proxy": (reply(403, b"<html>no</html>"), Forbidden, Forbidden),
    "404": (status(404, 'namespaces "ns" not found', "NotFound"), None, NotFound),
    "404 by a proxy": (reply(404, b"404 page not found"), Unavailable, Unavailable),
    "409 fields": (status(409, "conflict", "Conflict", FIELD_CONFLICT), Conflict, Conflict),
    "409 stale": (MODIFIED, Conflict, Conflict),
    "422": (status(422, "invalid", "Invalid"), Rejected, Rejected),
    "400": (status(400, "bad", "BadRequest"), Rejected, Rejected),
    "413": (status(413, "too large"), Rejected, Rejected),
    "415": (status(415, "wrong type"), Rejected, Rejected),
    "429": (BUSY, Unavailable, Unavailable),
    "503": (status(503, "not ready", "", {"retryAfterSeconds": 3}), Unavailable, Unavailable),
    "500 typed": (status(500, TYPED + ".spec.replicaz: field not declared in schema"), Rejected, Rejected),
    "500 quantity": (status(500, NO_QUANTITY), Rejected, Rejected),
    "500 store": (status(500, "etcdserver: request timed out"), Unavailable, OutcomeUnknown),
    "500 webhook": (status(500, WEBHOOK), Unavailable, Unavailable),
    "504": (status(504, "Timeout: request did not complete", "Timeout"), Unavailable, OutcomeUnknown),
    "502": (reply(502, b"bad gateway"), Unavailable, OutcomeUnknown),
    "redirect": (reply(302, b"", {"Location": "http://127.0.0.1:1/"}), Unavailable, Unavailable),
    "cut": (half, Unavailable, OutcomeUnknown),
    "hung up": (hang_up, Unavailable, OutcomeUnknown),
    "not json": (reply(200, b"<html>"), Unavailable, OutcomeUnknown),
}


@pytest.mark.parametrize("case", sorted(ANSWERS))
def test_every_answer_has_its_word(client: KubernetesCluster, script: Script, case: str) -> None:
    answer, on_read, on_write = ANSWERS[case]
    script.answers = [answer, answer]
    if on_read is None:
        assert client.read("ns", WEB) is None
    else:
        assert str(refusal(lambda: client.read("ns", WEB), on_read))
    script.answers, script.seen = [answer], []
    assert str(refusal(lambda: apply(client), on_write))
    assert len(script.seen) == 1


def test_details_reach_the_reader(client: KubernetesCluster, script: Script) -> None:
    script.answers = [status(409, "c", "Conflict", FIELD_CONFLICT)]
    conflict = refusal(lambda: apply(client), Conflict)
    assert isinstance(conflict, Conflict)
    assert conflict.causes == (FieldConflict("kubectl", ".spec.replicas"), FieldConflict("hpa (scale)", ""))
    assert not conflict.is_stale
    script.answers = [status(422, "x", "Invalid", {"causes": [{"field": "spec.selector", "message": "immutable"}]})]
    rejected = refusal(lambda: apply(client), Rejected)
    assert isinstance(rejected, Rejected)
    assert rejected.problems == (Problem("spec.selector", "immutable"),)
    two = TYPED + "errors:\n  .spec.a: field not declared in schema\n  .spec.b: expected string, got 1"
    script.answers = [status(500, two)]
    rejected = refusal(lambda: apply(client), Rejected)
    assert isinstance(rejected, Rejected)
    assert [problem.path for problem in rejected.problems] == [".spec.a", ".spec.b"]
    script.answers = [status(429, "x", headers={"Retry-After": "7"})]
    busy = refusal(lambda: apply(client), Unavailable)
    assert isinstance(busy, Unavailable)
    assert busy.retry_after_seconds == 7
    text = 'pods "p" is forbidden: violates PodSecurity "restricted:latest": privileged'
    script.answers = [status(403, text, "Forbidden")]
    rejected = refusal(lambda: client.dry_run_pod("ns", {}), Rejected)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "pod_security"


def test_a_read_is_asked_again_once_after_a_broken_connection(client: KubernetesCluster, script: Script) -> None:
    script.answers = [hang_up, reply(200, b'{"kind":"Deployment"}')]
    assert client.read("ns", WEB) == {"kind": "Deployment"}
    assert len(script.seen) == 2


def test_an_unreachable_server_certainly_did_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = ClusterTarget(key="cluster:closed", url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        told = refusal(lambda: apply(connect(target)), Unavailable)
        assert str(told) == "The cluster cannot be reached."
    disconnect("cluster:closed")


def test_a_body_that_trickles_through_the_server_ends_as_a_time_out(
    client: KubernetesCluster, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployer.adapters.kubernetes.proxy.ASK_SECONDS", 0.5)
    script.answers = [trickle]
    assert client.ask_service("ns", "web", "http", "/", Expectation()).code == "entry_timeout"


def test_a_late_write_is_not_sent(client: KubernetesCluster, script: Script) -> None:
    with pytest.raises(TooLate):
        client.apply("ns", workload(), force=False, deadline=time.monotonic())
    with pytest.raises(TooLate):
        client.remove("ns", WEB, uid="u", deadline=time.monotonic())
    assert script.seen == []


def test_names_cannot_leave_their_path(client: KubernetesCluster, script: Script) -> None:
    script.answers = [status(404, "no", "NotFound")]
    client.read("../kube-system", ObjectRef("apps/v1", "Deployment", "a/../b?x"))
    assert script.seen[0][1] == "/apis/apps/v1/namespaces/..%2Fkube-system/deployments/a%2F..%2Fb%3Fx"


def test_lists_are_read_page_by_page(client: KubernetesCluster, script: Script) -> None:
    def page(names: list[str], token: str) -> Any:
        items = [{"metadata": {"name": name, "managedFields": []}} for name in names]
        return reply(
            200, json.dumps({"metadata": {"continue": token, "resourceVersion": "5"}, "items": items}).encode()
        )

    empty = page([], "")
    script.answers = [empty, empty, page(["a"], "more"), page(["b"], "")]
    seen = client.observe("ns", "app in (a,b)")
    assert [pod["metadata"] for pod in seen.pods] == [{"name": "a"}, {"name": "b"}]
    assert "continue=more" in script.seen[3][1]
    assert "labelSelector=app%20in%20%28a%2Cb%29" in script.seen[0][1]


def stream(*lines: bytes) -> Any:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for line in lines:
            handler.wfile.write(line)
            handler.wfile.flush()
        handler.close_connection = True

    return answer


def watched(kind: str, name: str) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}}}).encode() + b"\n"


def test_proxies_of_the_environment_are_not_used(
    script: Script, monkeypatch: pytest.MonkeyPatch, client: KubernetesCluster
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    url = client._session.target.url
    other = connect(ClusterTarget(key="cluster:proxied", url=url, token="x"))
    assert other.read("ns", WEB) == {}
    disconnect("cluster:proxied")


def test_there_is_one_client_per_target_until_it_changes() -> None:
    target = ClusterTarget(key="cluster:one", url="http://127.0.0.1:1", token="a")
    first = connect(target)
    assert connect(ClusterTarget(key="cluster:one", url="http://127.0.0.1:1", token="a")) is first
    assert connect(ClusterTarget(key="cluster:one", url="http://127.0.0.1:1", token="b")) is not first
    disconnect("cluster:one")


def test_a_forked_process_makes_clients_of_its_own(client: KubernetesCluster, script: Script) -> None:
    target = client._session.target
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, b"same" if connect(target) is client else b"own")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"own"
    assert connect(target) is client
    os.close(reader)
    os.close(writer)


def test_key_files_are_private_and_go_with_the_client() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    target = ClusterTarget(key="cluster:cert", url="https://127.0.0.1:1", client_cert_pem=pem, client_key_pem=pem)
    folder = connect(target)._session._folder
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    disconnect("cluster:cert")
    assert not folder.exists()


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_write_that_may_have_been_done_keeps_to_the_time_that_was_asked_for(
    client: KubernetesCluster, script: Script, code: int
) -> None:
    script.answers = [status(code, "x", headers={"Retry-After": "7"})]
    unknown = refusal(lambda: apply(client), OutcomeUnknown)
    assert isinstance(unknown, OutcomeUnknown) and unknown.retry_after_seconds == 7
