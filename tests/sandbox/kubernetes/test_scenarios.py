"""Pods behave as their annotation or their package says, in the shapes that a kubelet writes."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable

import pytest

from tests.patience import at_most

from .conftest import Kube, Obj, Registry, layer

Web = Callable[..., Obj]
PROBE = {"httpGet": {"path": "/healthz", "port": 8080}}


def only(kube: Kube) -> Obj:
    """The status of the one container, {} until there is one."""
    pods = kube.pods()
    return pods[0].get("status", {}).get("containerStatuses", [{}])[0] if pods else {}


def asked(word: str) -> dict[str, str]:
    return {"prism4k.io/scenario": word}


def waiting(kube: Kube) -> str:
    return why_waiting(only(kube))


def why_waiting(status: Obj) -> str:
    """The reason in one status that was read: the next reading may find the container running again."""
    return str(status.get("state", {}).get("waiting", {}).get("reason", ""))


def zipped(word: bytes, prefix: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("app/main.py", "print()")
        package.writestr("scenario", word)
    return prefix + buffer.getvalue()


def test_a_crash_loops_with_growing_waits(kube: Kube, web: Web) -> None:
    kube.apply(web(annotations=asked("crash")))
    kube.until(lambda: waiting(kube) == "CrashLoopBackOff", 5)
    status = kube.until(lambda: (s := only(kube)) and s["restartCount"] >= 2 and why_waiting(s) and s, 10)
    assert status["state"]["waiting"]["message"].startswith("back-off ")
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (1, "Error")
    assert ended["finishedAt"] >= ended["startedAt"]
    assert not status["ready"]
    (pod,) = kube.pods()
    assert pod["status"]["phase"] == "Running"
    code, text = kube.log(pod["metadata"]["name"], previous=True)
    assert code == 200
    assert "Traceback (most recent call last):" in text
    assert kube.events("BackOff")[0]["message"].startswith("Back-off restarting failed container app in pod ")


def test_memory_runs_out(kube: Kube, web: Web) -> None:
    kube.apply(web(annotations=asked("oom")))
    status = kube.until(lambda: (s := only(kube)) and s["lastState"] and s, 5)
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert status["lastState"]["terminated"]["reason"] == "OOMKilled"


def test_a_pod_that_never_gets_ready(kube: Kube, web: Web) -> None:
    kube.apply(web(annotations=asked("never-ready"), container={"readinessProbe": PROBE}))
    kube.until(lambda: "running" in only(kube).get("state", {}))
    unhealthy = kube.until(lambda: kube.events("Unhealthy"), 5)
    assert unhealthy[0]["message"] == "Readiness probe failed: HTTP probe failed with statuscode: 503"
    (pod,) = kube.pods()
    ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert only(kube)["restartCount"] == 0


def test_a_slow_start_takes_its_time(kube: Kube, web: Web) -> None:
    start = time.monotonic()
    kube.apply(web(annotations=asked("slow 4")))
    kube.complete()
    # the cluster of these tests runs at double speed
    assert 2 <= time.monotonic() - start < at_most(5)


def test_one_restart_and_then_peace(kube: Kube, web: Web) -> None:
    kube.apply(web(annotations=asked("restart-once")))
    kube.complete()
    kube.until(lambda: only(kube)["restartCount"] == 1, 5)
    kube.complete()
    time.sleep(1.5)  # time enough for a second restart, which must not come
    assert (only(kube)["restartCount"], only(kube)["ready"]) == (1, True)


def test_an_image_that_is_not_there(kube: Kube, web: Web, registry: Registry) -> None:
    name = f"{registry.address}/site/nothing:1"
    kube.apply(web(image=name))
    kube.until(lambda: waiting(kube) == "ErrImagePull", 5)
    kube.until(lambda: waiting(kube) == "ImagePullBackOff", 5)
    message = only(kube)["state"]["waiting"]["message"]
    assert message.startswith(f'Back-off pulling image "{name}"')
    assert "not found" in message
    assert [e for e in kube.events("Failed") if "not found" in e["message"]]
    pod = kube.pods()[0]
    assert pod["status"]["phase"] == "Pending"
    code, text = kube.log(pod["metadata"]["name"])
    assert (code, "is waiting to start: trying and failing to pull image" in text) == (400, True)


def test_an_image_that_appears_later_is_pulled_then(kube: Kube, web: Web, registry: Registry) -> None:
    kube.apply(web(image=f"{registry.address}/site/late:1"))
    kube.until(lambda: waiting(kube) == "ImagePullBackOff", 5)
    registry.push("site/late", "1", {"a": b"1"})
    kube.complete()


def test_a_registry_that_is_down(kube: Kube, web: Web) -> None:
    kube.apply(web(image="127.0.0.1:1/site/web:1"))
    kube.until(lambda: waiting(kube) == "ErrImagePull", 5)
    assert "connection refused" in only(kube)["state"]["waiting"]["message"]


def test_a_name_that_is_none(kube: Kube, web: Web) -> None:
    kube.apply(web(image="127.0.0.1:1/Site/Web:1"))
    kube.until(lambda: waiting(kube) == "InvalidImageName", 5)


def test_the_annotation_can_ask_for_a_pull_failure(kube: Kube, web: Web) -> None:
    kube.apply(web(annotations=asked("pull-failure")))
    kube.until(lambda: waiting(kube) == "ImagePullBackOff", 5)
    assert "not found" in only(kube)["state"]["waiting"]["message"]


def test_a_changed_layer_is_not_taken(kube: Kube, web: Web, registry: Registry) -> None:
    name = registry.push("site/forged", "1", {"a": b"forged"})
    for path, (media, content) in list(registry.content.items()):
        if path.startswith("/v2/site/forged/blobs/"):
            registry.content[path] = (media, content + b"x")
    kube.apply(web(image=name))
    kube.until(lambda: waiting(kube) == "ErrImagePull", 5)
    assert "unexpected digest" in only(kube)["state"]["waiting"]["message"]


@pytest.mark.parametrize(
    ("label", "files"),
    [
        ("plain", {"app/scenario": b"crash\n"}),
        ("zip", {"app/package.zip": zipped(b"crash")}),
        ("pyz", {"app/package.pyz": zipped(b"crash", b"#!/usr/bin/env python3\n")}),
        ("tar", {"app/package.tar": layer({"x/scenario": b"crash"})}),
    ],
)
def test_the_package_in_a_layer_says_how_it_behaves(
    kube: Kube, web: Web, registry: Registry, label: str, files: dict[str, bytes]
) -> None:
    image = registry.push(
        f"site/{label}", "1", {"usr/bin/python": b""}, files, index=label == "zip", zipped=label != "tar"
    )
    kube.apply(web(image=image))
    status = kube.until(lambda: (s := only(kube)) and s["lastState"] and s, 5)
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert status["imageID"] == image


def test_a_file_that_only_has_the_name_does_nothing(kube: Kube, web: Web, registry: Registry) -> None:
    kube.apply(web(image=registry.push("site/play", "1", {"app/scenario": b"Act one. A castle."})))
    kube.complete()
