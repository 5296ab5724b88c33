"""Receivers that answer slowly, by half or not at all: no thread waits for them, and they get few copies."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone

from components.models import Component
from deployer.adapters.timed import timed
from foundation.models import Remote
from foundation.runs.choices import RunState
from foundation.runs.slots import Slots
from notifications.models import Dispatch
from notifications.steps import dispatch
from tests.cast import World
from tests.certificates import make_certificate
from tests.notifications.receiver import Receiver, receiver
from tests.notifications.test_webhooks import make, send, told

TOTAL = 0.5
EACH = 0.1
"""A byte comes well within a time-out of each read, and all of them long after the whole."""


@pytest.fixture
def box(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "http"]
    monkeypatch.setattr(dispatch, "ANSWER_SECONDS", TOTAL)
    with receiver() as found:
        yield found


@pytest.mark.parametrize(
    ("drips", "form", "status", "comes_to"),
    [
        ("headers", "signed", 200, RunState.RUNNING),
        ("body", "signed", 200, RunState.SUCCEEDED),
        ("body", "wecom", 200, RunState.RUNNING),
        ("body", "wecom", 404, RunState.FAILED),
        ("body", "signed", 503, RunState.RUNNING),
    ],
)
def test_an_answer_that_drips_is_heard_until_the_time_is_over(
    world: World, component: Component, box: Receiver, drips: str, form: str, status: int, comes_to: RunState
) -> None:
    """What a status alone says is known then; a chat's own word is not."""
    make(world, box.url, form=form)
    box.answers, box.drips, box.seconds = [(status, b'{"errcode":0,"errmsg":"' + b"x" * 100 + b'"}')], drips, EACH
    row = told(world, component)
    began = time.monotonic()
    send(row)
    assert time.monotonic() - began < TOTAL + 1.5 and row.state == comes_to and len(box.got) == 1


def test_a_packed_answer_is_not_unpacked(world: World, component: Component, box: Receiver) -> None:
    """Forty kilobytes of it would be as many megabytes."""
    make(world, box.url)
    box.answers, box.encoding = [(404, gzip.compress(bytes(40_000_000)))], "gzip"
    row = told(world, component)
    tracemalloc.start()
    try:
        send(row)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert row.state == RunState.FAILED and most < 20_000_000
    assert box.got[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("is_shaking_hands", [True, False])
def test_the_time_holds_over_tls_too(tmp_path: Path, is_shaking_hands: bool) -> None:
    """A handshake of which one byte comes at a time, and an answer that never ends."""
    file, text = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    trusting = ssl.create_default_context(cadata=text)
    with dripping(None if is_shaking_hands else context) as port:
        began = time.monotonic()
        transport = timed(httpx.HTTPTransport(verify=trusting), began + TOTAL)
        late = httpx.ConnectTimeout if is_shaking_hands else httpx.ReadTimeout
        with httpx.Client(transport=transport, timeout=30, trust_env=False) as client, pytest.raises(late):
            client.post(f"https://127.0.0.1:{port}/", content=b"x" * 40_000)
        assert time.monotonic() - began < TOTAL + 1.0


@contextmanager
def dripping(context: ssl.SSLContext | None) -> Iterator[int]:
    """A server that says one byte at a time: over TLS of headers, else of a handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip, args=(listener, context), daemon=True).start()
        yield listener.getsockname()[1]


def _drip(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        taken = listener.accept()[0]
        taken = context.wrap_socket(taken, server_side=True) if context else taken
        said = b"HTTP/1.1 200 OK\r\nX-Long: " if context else b"\x16\x03\x03\x40\x00"
        for byte in said + b"x" * 500:
            taken.sendall(bytes([byte]))
            time.sleep(EACH)  # it drips


def test_one_webhook_has_one_pass_at_a_time_in_a_process() -> None:
    found = Slots()
    with found.hold("hook:7") as first, found.hold("hook:7") as second, found.hold("hook:8") as other:
        assert (first, second, other) == (True, False, True) and found.free("hook:7") == 0
        assert found.full() == {"hook:7", "hook:8"}
    assert found.free("hook:7") == 1 and found.free("jenkins:7") > 1


def test_a_receiver_that_answers_too_late_gets_few_copies_further_and_further_apart(
    world: World, component: Component, box: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have done the work each time; attempts that reached nobody do not count."""
    # Long enough to connect on a busy machine: an attempt that did not reach it is another case.
    monkeypatch.setattr(dispatch, "ANSWER_SECONDS", 0.5)
    make(world, box.url)
    box.seconds = 1.0
    row, pauses = told(world, component), []
    Dispatch.objects.update(attempts=40)
    while send(row).state == RunState.RUNNING:
        pauses.append(round((row.next_at - timezone.now()).total_seconds(), -1))
        assert "gave no answer" in str(row.message) and len(pauses) < 20
    assert pauses == [30, 60, 120, 240, 480, 960, 1920] and row.state == RunState.FAILED
    assert len(box.got) == 8 and "sent 8 times" in str(row.message)
    assert Remote.objects.get(name=row.remote).is_open, "the others wait for a probe"
