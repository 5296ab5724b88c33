"""The entry check's judgement, and a URL asked over real HTTP and TLS: bounded, and never led away from its host."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.adapters.entry import connect
from deployer.entry import Expectation, judge_answer, split_header, status_ranges
from deployer.interfaces import MOST_BODY_BYTES, EntryAnswer, EntryTarget
from tests.certificates import make_certificate

ANY = Expectation()
Talk = Callable[[socket.socket, bytes], None]


@contextmanager
def server(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Speaks to each connection after it has read a request's head; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _peer = listening.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(plain,), daemon=True).start()

    def one(plain: socket.socket) -> None:
        try:
            with context.wrap_socket(plain, server_side=True) if context else plain as connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    if not (piece := connection.recv(65536)):
                        return
                    head += piece
                talk(connection, head)
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def says(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {text}" for name, text in headers.items()), "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(url: str, wanted: Expectation = ANY, addresses: tuple[str, ...] = ("127.0.0.1",)) -> EntryAnswer:
    return connect(EntryTarget(url, addresses)).ask(wanted)


def judged(wanted: Expectation, answer: EntryAnswer) -> str:
    found = judge_answer(wanted, answer, where="web:http/")
    return found.diagnosis.code if found.diagnosis else found.outcome


@pytest.mark.parametrize(
    ("wanted", "answer", "code"),
    [
        (ANY, EntryAnswer(status=200), "passed"),
        (ANY, EntryAnswer(status=399), "passed"),
        (ANY, EntryAnswer(status=302, leads_to="https://x.example/"), "passed"),
        (ANY, EntryAnswer(status=400), "entry_status"),
        (ANY, EntryAnswer(status=503), "entry_status"),
        (Expectation("200, 401-403"), EntryAnswer(status=403), "passed"),
        (Expectation("200, 401-403"), EntryAnswer(status=204), "entry_status"),
        (Expectation("200"), EntryAnswer(status=302, leads_to="https://x.example/"), "entry_redirect"),
        (Expectation(text="ready"), EntryAnswer(status=200, body=b"all ready"), "passed"),
        (Expectation(text="就绪"), EntryAnswer(status=200, body="已就绪".encode()), "passed"),
        (Expectation(text="ready"), EntryAnswer(status=200, body=b"\xff\xfe Ready"), "entry_text"),
        (Expectation(text="ready"), EntryAnswer(status=302, leads_to="https://x.example/"), "entry_redirect"),
        (Expectation(header="X-A"), EntryAnswer(status=200, headers={"x-a": ""}), "passed"),
        (Expectation(header="X-A: B"), EntryAnswer(status=200, headers={"x-a": "abc"}), "passed"),
        (Expectation(header="X-A: d"), EntryAnswer(status=200, headers={"x-a": "abc"}), "entry_header"),
        (Expectation(header="X-B"), EntryAnswer(status=200, headers={"x-a": "abc"}), "entry_header"),
        (ANY, EntryAnswer("entry_refused"), "entry_refused"),
    ],
)
def test_an_answer_is_judged_by_what_was_expected(wanted: Expectation, answer: EntryAnswer, code: str) -> None:
    assert judged(wanted, answer) == code


def test_what_was_never_asked_is_no_failure() -> None:
    assert judge_answer(ANY, EntryAnswer("entry_unasked", is_asked=False), where="x").outcome == "unasked"


@pytest.mark.parametrize(
    "text", ["", "abc", "99", "600", "299-200", "200,", "２００", "200 204", "-200", ",".join(["200"] * 21)]
)
def test_only_statuses_are_statuses(text: str) -> None:
    with pytest.raises(ValueError, match=text or "^$"):
        status_ranges(text)


def test_a_header_is_a_name_and_a_part_of_its_value() -> None:
    assert split_header("X-Ready") == ("x-ready", "")
    assert split_header("Content-Type: json") == ("content-type", "json")
    for text in ("", "a b", ": x", "x: a\r\nHost: y"):
        with pytest.raises(ValueError) as refused:
            split_header(text)
        assert str(refused.value) == text


def test_a_long_body_is_cut_and_a_text_beyond_it_is_not_found() -> None:
    body = b"x" * MOST_BODY_BYTES + b"needle" * 1000
    with server(lambda connection, _head: connection.sendall(says(200, body))) as port:
        answer = ask(f"http://127.0.0.1:{port}/")
    assert len(answer.body) == MOST_BODY_BYTES and judged(Expectation(text="needle"), answer) == "entry_text"


def test_a_body_that_trickles_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.adapters.entry.client.ASK_SECONDS", 0.5)
    stop = threading.Event()

    def trickle(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(says(200))
        while not stop.wait(0.05):
            connection.sendall(b".")

    with server(trickle) as port:
        began = time.monotonic()
        answer = ask(f"http://127.0.0.1:{port}/")
        stop.set()
    assert answer.code == "entry_timeout" and time.monotonic() - began < 10


def test_no_answer_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.adapters.entry.client.ASK_SECONDS", 0.3)
    stop = threading.Event()

    def hang(_connection: socket.socket, _head: bytes) -> None:
        stop.wait(30)

    with server(hang) as port:
        answer = ask(f"http://127.0.0.1:{port}/")
        stop.set()
    assert answer.code == "entry_timeout"


def test_a_connection_that_is_cut_or_speaks_something_else_is_broken() -> None:
    with server(lambda connection, _head: connection.close()) as port:
        assert ask(f"http://127.0.0.1:{port}/").code == "entry_broken"
    with server(lambda connection, _head: connection.sendall(b"SSH-2.0-x\r\n")) as port:
        assert ask(f"http://127.0.0.1:{port}/").code == "entry_broken"


def test_nothing_listens() -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    assert ask(f"http://127.0.0.1:{port}/").code == "entry_refused"


def test_a_redirect_on_the_same_host_is_followed_and_one_that_was_expected_is_not() -> None:
    asked: list[bytes] = []

    def talk(connection: socket.socket, head: bytes) -> None:
        asked.append(head.split(b" ")[1])
        connection.sendall(says(200, b"home") if asked[-1] == b"/home" else says(301, Location="/home"))

    with server(talk) as port:
        assert ask(f"http://127.0.0.1:{port}/").body == b"home"
        assert ask(f"http://127.0.0.1:{port}/", Expectation("301")).status == 301
    assert asked == [b"/", b"/home", b"/"]


@pytest.mark.security("requests-to-inner-hosts")
def test_a_redirect_to_another_host_or_port_is_never_followed() -> None:
    asked: list[bytes] = []
    leads_to = ""

    def inner_talk(connection: socket.socket, head: bytes) -> None:
        asked.append(head)
        connection.sendall(says(200))

    def lead(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(says(302, Location=leads_to))

    with server(inner_talk) as inner, server(lead) as port:
        for location in (
            f"http://127.0.0.1:{inner}/", f"http://localhost:{inner}/", f"//127.0.0.1:{inner}/x",
            "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", f"http://a@127.0.0.1:{inner}/",
        ):  # fmt: skip
            leads_to = location
            answer = ask(f"http://127.0.0.1:{port}/")
            assert answer.status == 302 and answer.leads_to.endswith(location.lstrip("/")), location
    assert not asked


def test_a_circle_of_redirects_ends() -> None:
    with server(lambda connection, _head: connection.sendall(says(302, Location="/again"))) as port:
        assert ask(f"http://127.0.0.1:{port}/").code == "entry_redirects"


@pytest.mark.security("requests-to-inner-hosts")
def test_only_the_addresses_that_were_checked_are_connected_to() -> None:
    heads: list[bytes] = []

    def talk(connection: socket.socket, head: bytes) -> None:
        heads.append(head)
        connection.sendall(says(200))

    with server(talk) as port:
        url = f"http://entry.invalid:{port}/healthz"
        assert ask(url).status == 200, "its name is asked of nobody any more"
        assert ask(url, addresses=("127.0.0.2", "127.0.0.1")).status == 200, "the next address where one refuses"
    assert all(f"host: entry.invalid:{port}".encode() in head.lower() for head in heads)
    assert not any(name in heads[0].lower() for name in (b"authorization", b"cookie"))


def test_a_certificate_that_nobody_signed_is_named(tmp_path: Path) -> None:
    file, _pem = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    with server(lambda connection, _head: connection.sendall(says(200)), context) as port:
        answer = ask(f"https://127.0.0.1:{port}/")
    assert answer.code == "entry_tls" and "signed by nobody" in str(answer.words)
