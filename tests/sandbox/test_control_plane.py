"""Parts of the control plane's surroundings that need no control plane: its node, and how ``make`` asks for it."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import httpx
import pytest

from sandbox.controlplane.node import Egress, register
from sandbox.controlplane.objects import RemoteObjects
from sandbox.kubernetes.images import Image, Pulled, Puller, Scenario
from sandbox.kubernetes.kinds import POD

ROOT = Path(__file__).parents[2]


def test_a_node_alone_names_no_metrics_that_nobody_serves() -> None:
    """Discovery of an API that nobody serves slows every kubectl."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(201, json={})

    async def go() -> None:
        async with httpx.AsyncClient(base_url="http://plane", transport=httpx.MockTransport(answer)) as client:
            await register(client)

    asyncio.run(go())
    assert asked and all(path.startswith("/api/v1/nodes") for path in asked)


class Counting(Puller):
    """Counts what is pulled, of a registry that needs none."""

    def __init__(self) -> None:
        super().__init__({})
        self.pulled: list[str] = []

    async def pull(self, image: Image) -> Pulled:
        self.pulled.append(image.text)
        return Pulled(f"{image.name}@sha256:0", 0, Scenario("entry", entry="204"))


def a_pod() -> dict[str, object]:
    container = {"name": "web", "image": "registry.test/web:1", "ports": [{"containerPort": 8080}]}
    status = {"name": "web", "image": "registry.test/web:1", "ready": True, "state": {"running": {}}}
    return {
        "metadata": {"namespace": "n", "name": "web-1", "uid": "u", "resourceVersion": "1"},
        "spec": {"containers": [container]},
        "status": {"podIP": "10.0.0.9", "containerStatuses": [status]},
    }


def test_one_connection_to_a_pod_pulls_its_image_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> tuple[bytes, list[str]]:
        puller, objects = Counting(), RemoteObjects(httpx.AsyncClient(base_url="http://plane"))
        monkeypatch.setattr(objects, "all", lambda kind, *_: [a_pod()] if kind is POD else [])
        egress = Egress(objects, puller, tmp_path / "egress", 1)
        await egress.start()
        reader, writer = await asyncio.open_unix_connection(tmp_path / "egress")
        writer.write(b"CONNECT 10.0.0.9:8080 HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        told = await reader.read()
        await egress.close()
        await puller.close()
        return told, puller.pulled

    told, pulled = asyncio.run(go())
    assert told.startswith(b"HTTP/1.1 204 ") and pulled == ["registry.test/web:1"]


@pytest.mark.parametrize(
    ("named", "is_built"),
    [("real", True), ("real,other.kubeconfig", True), ("a.kubeconfig, real", True), ("unreal.kubeconfig", False)],
)
def test_make_builds_the_control_plane_only_where_it_is_named(named: str, is_built: bool) -> None:
    done = subprocess.run(
        ["make", "-n", "demo", f"CLUSTER={named}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ('if [ "real" ]' in done.stdout) is is_built, done.stdout
