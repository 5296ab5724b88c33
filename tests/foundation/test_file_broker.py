"""The broker of files loses at most a hint: no file, whole or not, ends the worker or stops it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import pytest
from django.db import transaction
from kombu import Connection

from foundation.runs.engine import hinted_at, launch_hint
from foundation.runs.wake import publisher
from prism4k.celery import app
from prism4k.file_broker import Channel
from tests.foundation.broker_child import OVER, message
from tests.foundation.conftest import Start
from tests.foundation.probe.models import ProbeRun
from tests.foundation.test_processes import reread, start_worker, wait_for
from tests.stand_ins import ROOT

WHOLE = {
    "body": "W10=",
    "content-encoding": "utf-8",
    "content-type": "application/json",
    "headers": {"task": "foundation.runs.tasks.take", "id": "1"},
    "properties": {
        "delivery_tag": "1",
        "delivery_info": {"exchange": "", "routing_key": "celery"},
        "body_encoding": "",
    },
}
RUBBISH = {
    "empty": b"",
    "half": json.dumps(WHOLE).encode()[:120],
    "bytes": os.urandom(300),
    "list": b"[1, 2, 3]",
    "null": b"null",
    "text": b'"a hint"',
    "other": b'{"some": "object"}',
    "no-tag": b'{"properties": {}, "body": "W10="}',
    "no-base64": json.dumps(
        WHOLE | {"properties": {"delivery_tag": "1", "body_encoding": "base64"}, "body": "W"}
    ).encode(),
    "no-headers": json.dumps(WHOLE | {"headers": None}).encode(),
    "no-task": json.dumps(WHOLE | {"headers": {"task": "nobody.knows", "id": "2"}}).encode(),
    "no-arguments": json.dumps(WHOLE).encode(),
}


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    folders = {name: tmp_path / name for name in ("messages", "processed", "control")}
    for folder in folders.values():
        folder.mkdir()
    options = {
        "data_folder_in": str(folders["messages"]),
        "data_folder_out": str(folders["messages"]),
        "processed_folder": str(folders["processed"]),
        "control_folder": str(folders["control"]),
    }
    with Connection("filesystem://", transport_options=options) as connection:
        yield connection.default_channel


def test_the_products_broker_of_files_is_this_one(channel: Channel) -> None:
    assert app.conf.broker_url.startswith("filesystem:") and type(channel) is Channel


def test_messages_come_whole_and_in_their_order(channel: Channel, tmp_path: Path) -> None:
    for number in range(3):
        channel._put(
            "celery", WHOLE | {"body": str(number), "properties": {**WHOLE["properties"], "body_encoding": ""}}
        )  # type: ignore[dict-item]
    channel._put("another", WHOLE)
    assert [channel._get("celery")["body"] for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(Empty):
        channel._get("celery")
    assert list((tmp_path / "processed").iterdir()) == []


def test_a_message_that_is_being_written_is_not_read(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def rename_after_a_get(part: Path, whole: Path) -> None:
        with pytest.raises(Empty):
            channel._get("celery")
        seen.append(part.read_bytes() != b"")
        os.rename(part, whole)

    monkeypatch.setattr(Path, "rename", rename_after_a_get)
    channel._put("celery", WHOLE)
    monkeypatch.undo()
    assert seen == [True] and channel._get("celery") == WHOLE


def test_a_table_of_which_half_was_written_is_made_anew(channel: Channel, tmp_path: Path) -> None:
    table = tmp_path / "control" / "celery.exchange"
    table.write_bytes(b'[["celery", "", "cel')
    assert channel.get_table("celery") == []
    channel._queue_bind("celery", "celery", "", "celery")
    assert [row.queue for row in channel.get_table("celery")] == ["celery"]


@pytest.mark.slow
def test_several_processes_put_and_take_each_message_once(tmp_path: Path) -> None:
    for name in ("messages", "processed", "control"):
        (tmp_path / name).mkdir()

    def start_child(what: str, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.foundation.broker_child", what, str(tmp_path), name, "150"]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    takers = [start_child("take", f"taker-{number}") for number in range(3)]
    putters = [start_child("put", f"putter-{number}") for number in range(3)]
    for putter in putters:
        assert putter.wait(60) == 0, putter.communicate()[1]
    # Names sort by time: these come behind all others.
    for number in range(3):
        end = {**message(f"{OVER}-{number}"), "headers": {}}
        part = tmp_path / f"{number}.part"
        part.write_text(json.dumps(end))
        part.rename(tmp_path / "messages" / f"9{number}.celery.msg")
    said = [taker.communicate(timeout=60) for taker in takers]
    assert [(taker.returncode, errors) for taker, (_taken, errors) in zip(takers, said, strict=True)] == [(0, "")] * 3
    taken = sorted(body for bodies, _errors in said for body in bodies.split())
    assert taken == sorted(f"putter-{who}-{number}" for who in range(3) for number in range(150))


@pytest.mark.security("forged-tasks")
@pytest.mark.slow
def test_rubbish_in_the_brokers_folder_neither_ends_nor_stops_a_worker(
    start: Start, shared_database: dict[str, str]
) -> None:
    data = Path(shared_database["PRISM4K_DATA_DIR"])
    messages = data / "broker" / "messages"
    worker = start_worker(start, "worker", data)
    for name, content in RUBBISH.items():
        # Names sort before those of real messages, so that the worker meets them first.
        (messages / f"0-{name}.celery.msg").write_bytes(content)
    rows = []
    for _ in range(3):
        with transaction.atomic():
            rows.append(ProbeRun.objects.create(script=["done"], next_at=hinted_at()))
            launch_hint("probe", rows[-1].pk)
    assert publisher.flush(10)
    wait_for(lambda: all(reread(row).is_terminal for row in rows))
    assert {entry["process"] for row in rows for entry in row.seen} == {"worker"}
    wait_for(lambda: not list(messages.glob("0-*")))
    assert worker.poll() is None
