"""What the adapter says when Jenkins, or what stands before it, misbehaves. A plain TCP server plays that part."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.adapters.jenkins import JenkinsBuildServer, connect, wire
from deployer.errors import DeployerError, Forbidden, NotFound, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import BuildRequest, BuildServerTarget
from tests.patience import at_most
from tests.sandbox.jenkins.parts import RawServer, respond, soon

SECRET = "secret-in-a-parameter"
REQUEST = BuildRequest("J", "t-1", {"TRIGGER_ID": "t-1", "BUILD_CMD": SECRET})
Behaviour = Callable[[socket.socket, bytes], None]


@contextmanager
def server(behave: Behaviour) -> Iterator[tuple[JenkinsBuildServer, RawServer]]:
    raw = RawServer(behave)
    try:
        yield connect(BuildServerTarget("jenkins:raw", raw.url, "bot", "token-of-bot")), raw
    finally:
        raw.close()


def trigger(client: JenkinsBuildServer) -> int:
    return client.trigger(REQUEST, deadline=soon())


def read(client: JenkinsBuildServer) -> object:
    return client.build("J", 7)


def reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang(connection: socket.socket, _: bytes) -> None:
    time.sleep(5)


def half(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    connection.close()


@pytest.mark.parametrize(
    ("behave", "call", "error"),
    [
        (reset, trigger, OutcomeUnknown),
        (reset, read, Unavailable),
        (hang, trigger, OutcomeUnknown),
        (hang, read, Unavailable),
        (half, read, Unavailable),
        (respond("503 Service Unavailable", b"Jenkins is starting"), trigger, OutcomeUnknown),
        (respond("503 Service Unavailable", b"Jenkins is starting"), read, Unavailable),
        (respond("502 Bad Gateway"), read, Unavailable),
        (respond("429 Too Many Requests", Retry_After="7"), trigger, Unavailable),
        (respond("200 OK", b"<html>sign in</html>"), read, Unavailable),
        (respond("200 OK", b'{"status":"up"}'), read, Unavailable),
        (respond("301 Moved", Location="https://elsewhere.example/"), read, Rejected),
        (respond("301 Moved", Location="https://elsewhere.example/"), trigger, Rejected),
        (respond("302 Found", Location="/job/J/"), trigger, Rejected),
        (respond("400 Bad Request"), trigger, Rejected),
        (respond("404 Not Found"), trigger, Rejected),
        (respond("409 Conflict"), trigger, Rejected),
        (respond("414 URI Too Long"), trigger, Rejected),
        (respond("500 Oops"), trigger, OutcomeUnknown),
        (respond("201 Created"), trigger, OutcomeUnknown),
        (respond("401 Unauthorized"), read, Forbidden),
        (respond("404 Not Found"), read, NotFound),
    ],
)
def test_fault_becomes_one_of_our_errors(
    behave: Behaviour,
    call: Callable[[JenkinsBuildServer], object],
    error: type[DeployerError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "READ_SECONDS", 0.3)
    with server(behave) as (client, raw), pytest.raises(error) as caught:
        call(client)
    assert type(caught.value) is error
    assert len(raw.requests) == 1, "a fault must not be answered by asking again"
    message = str(caught.value)
    assert SECRET not in message and "token-of-bot" not in message and "http" not in message.replace("https,", "")


def test_refused_connection_is_certainly_not_done() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = connect(BuildServerTarget("jenkins:gone", f"http://127.0.0.1:{port}/", "bot", "token"))
    for call in (trigger, read):
        with pytest.raises(Unavailable, match="cannot be reached"):
            call(client)


def test_unknown_host_is_certainly_not_done() -> None:
    client = connect(BuildServerTarget("jenkins:dns", "http://jenkins.invalid/", "bot", "token"))
    with pytest.raises(Unavailable):
        trigger(client)


def test_address_that_is_none_is_refused() -> None:
    client = connect(BuildServerTarget("jenkins:odd", "ftp://127.0.0.1/", "bot", "token"))
    with pytest.raises(Rejected):
        trigger(client)


def test_slow_trickle_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "WHOLE_SECONDS", 0.5)

    def trickle(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(60):
            connection.sendall(b" ")
            time.sleep(0.1)

    started = time.monotonic()
    with server(trickle) as (client, _), pytest.raises(Unavailable):
        read(client)
    assert time.monotonic() - started < at_most(3)


def test_trigger_sends_a_form_and_follows_no_redirect() -> None:
    answer = respond("303 See Other", Location="http://other.example:99/jenkins/queue/item/4711/")
    with server(answer) as (client, raw):
        assert trigger(client) == 4711
    (request,) = raw.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /job/J/buildWithParameters HTTP/1.1"
    assert SECRET.encode() in body and b"delay=1sec" in body
    assert b"crumb" not in head.lower()
    assert b"authorization: basic" in head.lower()


def test_folder_and_context_path_are_kept_and_odd_names_refused() -> None:
    with server(respond("200 OK", b'{"number":7}')) as (_, raw):
        client = connect(BuildServerTarget("jenkins:path", f"{raw.url}jenkins", "bot", "token"))
        client.build("Team One/J", 7)
        for name in ("../x", "a//b", "", "a/./b"):
            with pytest.raises(Rejected):
                client.build(name, 7)
    assert raw.requests[0].startswith(b"GET /jenkins/job/Team%20One/job/J/7/api/json?")
    assert len(raw.requests) == 1


def test_permission_that_lacks_is_named() -> None:
    with (
        server(respond("403 Forbidden", X_Required_Permission="hudson.model.Item.Cancel")) as (client, _),
        pytest.raises(Forbidden, match="Item/Cancel"),
    ):
        client.stop("J", 7, level="stop", deadline=soon())


def test_password_instead_of_token_is_told() -> None:
    body = b"HTTP ERROR 403 No valid crumb was included in the request"
    with server(respond("403 Forbidden", body)) as (client, _), pytest.raises(Forbidden, match="API token"):
        trigger(client)


def test_one_connection_serves_many_requests_of_a_thread() -> None:
    with server(respond("200 OK", b'{"number":7}')) as (client, raw):
        for _ in range(5):
            client.build("J", 7)
    assert (len(raw.requests), raw.connections) == (5, 1)


def test_builds_are_looked_at_once_for_all_threads_within_a_second() -> None:
    body = json.dumps({"builds": [{"number": 7, "queueId": 3, "building": True, "result": None}]}).encode()

    def slow(connection: socket.socket, request: bytes) -> None:
        time.sleep(0.2)
        respond("200 OK", body)(connection, request)

    with server(slow) as (client, raw):
        seen: list[int] = []
        threads = [threading.Thread(target=lambda: seen.extend(client.builds("J"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [7] * 8
        assert len(raw.requests) == 1
        time.sleep(1.05)
        client.builds("J")
        assert len(raw.requests) == 2


def test_hung_server_holds_waiting_threads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "READ_SECONDS", 0.5)
    errors: list[DeployerError] = []
    with server(hang) as (client, raw):

        def look() -> None:
            try:
                client.builds("J")
            except DeployerError as exc:
                errors.append(exc)

        threads = [threading.Thread(target=look) for _ in range(4)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One after the other they would take four times as long.
        assert time.monotonic() - started < 1.9
    assert [type(error) for error in errors] == [Unavailable] * 4
    assert len(raw.requests) == 1


def test_client_is_one_per_target() -> None:
    one = BuildServerTarget("jenkins:9", "http://127.0.0.1:1/", "bot", "token")
    assert connect(one) is connect(BuildServerTarget("jenkins:9", "http://127.0.0.1:1/", "bot", "token"))
    assert connect(one) is not connect(BuildServerTarget("jenkins:9", "http://127.0.0.1:1/", "bot", "new-token"))
    assert "token" not in repr(one).replace("jenkins:9", "")


def test_certificate_is_checked_against_the_given_authority(tmp_path: Path) -> None:
    import ssl

    def certificate(name: str) -> tuple[Path, Path]:
        cert, key = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert)]
        subprocess.run([*command, *subject], check=True, capture_output=True)
        return cert, key

    cert, key = certificate("own")
    foreign, _ = certificate("foreign")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    body = b'{"number":7}'

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except ssl.SSLError:
                continue  # a client that refused our certificate
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 12\r\n\r\n" + body)

    threading.Thread(target=serve, daemon=True).start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
    good = connect(BuildServerTarget("jenkins:tls", url, "bot", "token", cert.read_text()))
    assert good.build("J", 7).number == 7
    for pem in (foreign.read_text(), ""):
        with pytest.raises(Unavailable, match="certificate"):
            trigger(connect(BuildServerTarget("jenkins:tls", url, "bot", "token", pem)))
    listener.close()
