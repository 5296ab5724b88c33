"""What the adapter says when Jenkins, or what stands before it, misbehaves. A plain TCP server plays that part."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.adapters.jenkins import JenkinsBuildServer, connect, wire
from deployer.errors import DeployerError, Forbidden, NotFound, OutcomeUnknown, Rejected, TooLate, Unavailable
from deployer.interfaces import BuildRequest, BuildServerTarget, QueueStatus
from tests.certificates import make_certificate
from tests.patience import at_most, wait_for
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
    """Answers nothing for as long as the client keeps the connection."""
    while connection.recv(4096):
        pass


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
        (respond("200 OK", b"<html>sign in</html>"), read, Forbidden),
        (respond("200 OK", b"<html>sign in</html>"), trigger, Forbidden),
        (respond("200 OK", b"<html>It works!</html>"), read, Unavailable),
        (respond("200 OK", b"<html>It works!</html>"), trigger, OutcomeUnknown),
        (respond("302 Found", Location="/login?from=%2Fjob%2FJ%2F"), trigger, Forbidden),
        (respond("302 Found", Location="https://sso.example.org/auth/realms/x"), read, Forbidden),
        (respond("302 Found", Location="/job/login/"), trigger, Rejected),
        (respond("303 See Other", Location="https://sso.example.org/oauth2/start?rd=x"), trigger, Forbidden),
        (respond("307 Temporary Redirect", Location="/login.jsp?from=x"), trigger, Forbidden),
        (respond("302 Found", Location="/cas/login;jsessionid=0A1B?service=x"), read, Forbidden),
        (respond("302 Found", Location="https://idp.example.org/passport/Logon.aspx"), read, Forbidden),
        (respond("200 OK", "<html><title>统一登录</title></html>".encode("gb18030")), read, Forbidden),
        (respond("200 OK", "<html><title>请登录</title></html>".encode()), trigger, Forbidden),
        (respond("302 Found", Location="/job/login.jsp/"), trigger, Rejected),
        (respond("303 See Other", Location="/job/J/"), trigger, OutcomeUnknown),
        (respond("403 Forbidden", b"Authentication required"), trigger, Forbidden),
        (respond("200 OK", b'{"status":"up"}'), read, Unavailable),
        (respond("301 Moved", Location="https://elsewhere.example/"), read, Rejected),
        (respond("301 Moved", Location="https://elsewhere.example/"), trigger, Rejected),
        (respond("302 Found", Location="/job/J/"), trigger, Rejected),
        (respond("400 Bad Request"), trigger, Rejected),
        (respond("404 Not Found"), trigger, Rejected),
        (respond("409 Conflict"), trigger, Rejected),
        (respond("414 URI Too Long"), trigger, Rejected),
        (respond("500 Oops"), trigger, OutcomeUnknown),
        (respond("408 Request Timeout"), trigger, OutcomeUnknown),
        (respond("425 Too Early"), read, Unavailable),
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


LOGIN = b"<html><form action=j_spring_security_check><input type=password></form></html>"
STRANGE = [
    respond("401 Unauthorized", b"Invalid password/token"),
    respond("403 Forbidden", b"Authentication required"),
    respond("404 Not Found", b"<html>Not Found</html>"),
    respond("302 Found", Location="/login?from=%2F"),
    respond("302 Found", Location="https://sso.example.org/saml2/idp"),
    respond("200 OK", LOGIN),
    respond("200 OK", LOGIN, Content_Type="text/html"),
    respond("200 OK", b"[]", Content_Type="application/json"),
    respond("200 OK", b"", Content_Type="text/html"),
    respond("200 OK", LOGIN, Content_Type="text/plain"),
    respond("200 OK", b"\xef\xbb\xbf\n <!DOCTYPE HTML>" + LOGIN, Content_Type="text/plain; charset=utf-8"),
]
READS: dict[str, Callable[[JenkinsBuildServer], object]] = {
    "builds": lambda client: client.builds("J"),
    "build": read,
    "log": lambda client: client.read_log("J", 7, 0),
    "whole log": lambda client: [*client.read_whole_log("J", 7, deadline=soon())],
    "search": lambda client: client.find("J", "t-1", since_number=1),
    "confirm": lambda client: client.confirm("J"),
    "job": lambda client: client.job("J"),
    "stop": lambda client: client.stop("J", 7, level="stop", deadline=soon()),
}


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("behave", STRANGE)
def test_what_is_not_jenkins_tells_no_fact(behave: Behaviour, call: str) -> None:
    """Each of these answers raises; none reads as "there are no builds" or as a stop that was taken."""
    if call == "stop" and behave in STRANGE[7:]:
        pytest.skip("Asking is not having stopped: the build is looked at again.")
    with server(behave) as (client, _raw), pytest.raises(DeployerError):
        READS[call](client)


@pytest.mark.parametrize("behave", [STRANGE[0], STRANGE[1], STRANGE[3], STRANGE[4], STRANGE[5], STRANGE[6]])
@pytest.mark.parametrize("call", [*READS.values(), trigger])
def test_a_login_page_is_called_so(behave: Behaviour, call: Callable[[JenkinsBuildServer], object]) -> None:
    with server(behave) as (client, _raw), pytest.raises(Forbidden, match="asks for a sign-in") as caught:
        call(client)
    assert caught.value.reason == "sign_in"


def test_a_strange_answer_about_a_queue_item_is_no_cancellation() -> None:
    for behave in STRANGE:
        with server(behave) as (client, _raw), contextlib.suppress(DeployerError):
            status = client.queue_item(4711, "t-1")
            assert status == QueueStatus(known=False)


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
            time.sleep(0.1)  # slow is what this server is

    started = time.monotonic()
    with server(trickle) as (client, _), pytest.raises(Unavailable):
        read(client)
    assert time.monotonic() - started < at_most(3)


@pytest.mark.security("requests-to-inner-hosts")
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


@pytest.mark.security("build-parameters")
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


def test_builds_are_read_once_for_all_threads_within_a_second() -> None:
    body = json.dumps({"builds": [{"number": 7, "queueId": 3, "building": True, "result": None}]}).encode()

    def slow(connection: socket.socket, request: bytes) -> None:
        time.sleep(0.2)  # all eight threads ask meanwhile
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
        wait_for(lambda: client.builds("J") and len(raw.requests) == 2, "what is older than a second is asked for anew")


def test_hung_server_holds_waiting_threads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "READ_SECONDS", 0.5)
    errors: list[DeployerError] = []
    with server(hang) as (client, raw):

        def seen() -> None:
            try:
                client.builds("J")
            except DeployerError as exc:
                errors.append(exc)

        threads = [threading.Thread(target=seen) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [type(error) for error in errors] == [Unavailable] * 4
    assert len(raw.requests) == 1


def test_client_is_one_per_target() -> None:
    one = BuildServerTarget("jenkins:9", "http://127.0.0.1:1/", "bot", "token")
    assert connect(one) is connect(BuildServerTarget("jenkins:9", "http://127.0.0.1:1/", "bot", "token"))
    assert connect(one) is not connect(BuildServerTarget("jenkins:9", "http://127.0.0.1:1/", "bot", "new-token"))
    assert "token" not in repr(one).replace("jenkins:9", "")


def test_certificate_is_checked_against_the_given_authority(tmp_path: Path) -> None:
    both, own = make_certificate(tmp_path, "own")
    _, foreign = make_certificate(tmp_path, "foreign")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
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
    good = connect(BuildServerTarget("jenkins:tls", url, "bot", "token", own))
    assert good.build("J", 7).number == 7
    for pem in (foreign, ""):
        with pytest.raises(Unavailable, match="certificate"):
            trigger(connect(BuildServerTarget("jenkins:tls", url, "bot", "token", pem)))
    listener.close()


def test_a_whole_log_is_a_stream_that_ends_at_the_deadline() -> None:
    def slow(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"a line\n")
            time.sleep(0.02)  # slow is what this server is

    with server(slow) as (client, _raw):
        pieces = client.read_whole_log("J", 7, deadline=time.monotonic() + 0.3)
        assert next(pieces) == "a line\n"
        with pytest.raises(TooLate):
            list(pieces)


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (respond("404 Not Found", b"<html>"), NotFound),
        (respond("401 Unauthorized"), Forbidden),
        (respond("200 OK", LOGIN, Content_Type="text/html"), Forbidden),
        (respond("200 OK", b"<html>Back soon</html>" * 9999, Content_Type="text/html;charset=utf-8"), Unavailable),
        (respond("503 Service Unavailable"), Unavailable),
        (half, Unavailable),
    ],
)
def test_a_whole_log_that_is_none(behave: Behaviour, error: type[DeployerError]) -> None:
    with server(behave) as (client, _raw), pytest.raises(error):
        list(client.read_whole_log("J", 7, deadline=soon()))


@pytest.mark.parametrize("status", ["404 Not Found", "500 Server Error"])
def test_a_stage_view_that_is_missing_or_fails_shows_no_stages(status: str) -> None:
    with server(respond(status, b"<html>Oops!</html>", X_Jenkins="2.568.2")) as (client, _raw):
        assert client.stages("J", 7) == ()


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_what_stands_before_a_stage_view_tells_nothing_of_stages(status: str) -> None:
    with server(respond(status)) as (client, _raw), pytest.raises(Unavailable):
        client.stages("J", 7)


def test_a_long_session_is_cut_where_it_is_read() -> None:
    """Something before Jenkins may write its own: what is kept and what is compared are the same."""
    job = b'{"_class":"WorkflowJob","name":"J","buildable":true,"nextBuildNumber":1,"property":[],"id":"bot"}'
    with server(respond("200 OK", job, X_Jenkins="2.568.2", X_Jenkins_Session="s" * 99)) as (client, _raw):
        assert client.confirm("J") == client.session == "s" * 32
