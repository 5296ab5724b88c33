"""The process: its one line, its saved state, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import wait_for

from .conftest import Kube, Obj, StandIn

Web = Callable[..., Obj]


def saved(folder: Path) -> Obj:
    """The state on disk, as the next process will find it."""
    file = folder / "cluster.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"version": 0, "objects": {}}


def prepared(stand_in: StandIn, web: Web) -> Kube:
    kube = Kube(stand_in.url, "kept")
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}})
    kube.apply(web(replicas=2))
    kube.complete()
    return kube


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_two_seconds_with_a_watch_open(tmp_path: Path, how: int) -> None:
    stand_in = StandIn(tmp_path)
    kube = Kube(stand_in.url, "default")
    stream = kube.core.list_namespaced_pod("default", watch=True, _preload_content=False, _request_timeout=(5, 30))
    reader = threading.Thread(target=lambda: stream.data)
    reader.start()
    assert stand_in.stop(how) < 2
    reader.join(2)
    assert not reader.is_alive()


def test_it_says_where_it_is(tmp_path: Path) -> None:
    stand_in = StandIn(tmp_path)
    try:
        assert stand_in.line == f"kubernetes stand-in ready at {stand_in.url}\n"
        with socket.create_connection(("127.0.0.1", stand_in.port), 1):
            pass
    finally:
        stand_in.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_shows_what_was_deployed(tmp_path: Path, web: Web, how: int) -> None:
    first = StandIn(tmp_path)
    kube = prepared(first, web)
    before, pods = kube.deployment(), kube.pods()
    newest = max(int(one["metadata"]["resourceVersion"]) for one in (before, *pods))
    wait_for(lambda: saved(tmp_path)["version"] >= newest, "all of it is saved")
    first.stop(how)
    second = StandIn(tmp_path, port=first.port)
    try:
        kube = Kube(second.url, "kept")
        assert kube.deployment()["metadata"] == before["metadata"]
        assert kube.deployment()["status"] == before["status"]
        assert [pod["status"] for pod in kube.pods()] == [pod["status"] for pod in pods]
        assert kube.log(pods[0]["metadata"]["name"])[1].startswith("INFO app starting")
        # positions from before the restart are forgotten, as on a real server
        stream = kube.core.list_namespaced_pod(
            "kept",
            watch=True,
            resource_version=before["metadata"]["resourceVersion"],
            timeout_seconds=2,
            _preload_content=False,
        )
        assert json.loads(stream.data.splitlines()[0])["object"]["code"] == 410
        # and no version is given twice
        kube.apply(web(replicas=3))
        assert int(kube.complete()["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"]) + 1000
    finally:
        second.stop()


def test_a_rollout_that_was_under_way_goes_on(tmp_path: Path, web: Web) -> None:
    first = StandIn(tmp_path)
    kube = Kube(first.url, "kept")
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}})
    kube.apply(web(replicas=2, annotations={"prism4k.io/scenario": "slow 2"}))
    kube.until(lambda: len(kube.pods()) == 2)
    wait_for(lambda: len(saved(tmp_path)["objects"].get("pods", [])) == 2, "both pods are saved")
    first.stop(signal.SIGKILL)
    second = StandIn(tmp_path)
    try:
        Kube(second.url, "kept").complete()
    finally:
        second.stop()


def test_kills_at_any_moment_leave_a_readable_state(tmp_path: Path) -> None:
    safe = count = 0
    for length in (0.9, 1.1, 1.3):
        stand_in = StandIn(tmp_path)
        kube = Kube(stand_in.url, "default")
        kept = kube.call(kube.core.list_namespaced_config_map, "default")[1]["items"]
        # all but the writes of the last moment, which were being saved when it was killed
        assert len(kept) >= safe
        start, count = time.monotonic(), len(kept)
        while (age := time.monotonic() - start) < length:
            if age < length - 0.8:
                safe = count
            count += 1
            meta = {"name": f"m{count}"}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "x" * 2000}}
            assert kube.apply(body)[0] == 201
        stand_in.stop(signal.SIGKILL)
    assert safe > 10


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_text("{")
    with pytest.raises(AssertionError):
        StandIn(tmp_path)
