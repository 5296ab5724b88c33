"""A stand-in cluster in its own process, a small registry in a thread, and the official client between."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.patience import wait_for

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "token-of-the-stand-in"
APPLY = {"field_manager": "prism4k", "field_validation": "Strict", "_content_type": "application/apply-patch+yaml"}
Obj = dict[str, Any]


class Registry:
    """Serves manifests and blobs; ``push`` makes an image of some files and returns its name with digest."""

    def __init__(self) -> None:
        self.content: dict[str, tuple[str, bytes]] = {}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = registry.content.get(self.path)
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", found[0] if found else "application/json")
                body = found[1] if found else b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _add(self, repository: str, part: str, content: bytes, media: str, names: tuple[str, ...] = ()) -> str:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        for name in (digest, *names):
            self.content[f"/v2/{repository}/{part}/{name}"] = (media, content)
        return digest

    def push(
        self, repository: str, tag: str, *layers: dict[str, bytes], index: bool = False, zipped: bool = True
    ) -> str:
        """Store an image with one layer for each dict of files."""
        entries = []
        for files in layers:
            raw = layer(files)
            media = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if zipped else "")
            blob = gzip.compress(raw, mtime=0) if zipped else raw
            entries.append(
                {"mediaType": media, "digest": self._add(repository, "blobs", blob, media), "size": len(blob)}
            )
        media = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "layers": entries}).encode()
        names = () if index else (tag,)
        digest = self._add(repository, "manifests", manifest, media, names)
        if index:
            media = "application/vnd.oci.image.index.v1+json"
            other = {"digest": "sha256:" + "0" * 64, "platform": {"os": "linux", "architecture": "arm64"}}
            mine = {"digest": digest, "platform": {"os": "linux", "architecture": "amd64"}}
            listing = json.dumps({"schemaVersion": 2, "mediaType": media, "manifests": [other, mine]}).encode()
            digest = self._add(repository, "manifests", listing, media, (tag,))
        return f"{self.address}/{repository}@{digest}"


def layer(files: dict[str, bytes]) -> bytes:
    """A tar of some files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class StandIn:
    """The process and its address."""

    def __init__(self, folder: Path, *extra: str, port: int = 0) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "sandbox.kubernetes", "--port", str(port), "--state", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--token", TOKEN, *extra], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = re.search(r"http://[\d.]+:(\d+)", self.line)
        assert found, self.line
        self.url, self.port = found[0], int(found[1])

    def stop(self, sig: int = signal.SIGTERM) -> float:
        """Seconds that it took to end."""
        start = time.monotonic()
        self.process.send_signal(sig)
        self.process.wait(timeout=10)
        return time.monotonic() - start


class Kube:
    """The official client, raw JSON in and out, in one namespace."""

    def __init__(self, url: str, namespace: str, token: str = TOKEN) -> None:
        configuration = client.Configuration()
        configuration.host = url
        configuration.api_key = {"authorization": f"Bearer {token}"}
        configuration.retries = False
        self.api = client.ApiClient(configuration)
        self.core, self.apps = client.CoreV1Api(self.api), client.AppsV1Api(self.api)
        self.namespace = namespace

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> tuple[int, Any]:
        """``(status, body)``, refusals too."""
        try:
            answer = function(*args, _preload_content=False, _request_timeout=(5, 30), **options)
        except client.ApiException as refusal:
            return refusal.status, json.loads(refusal.body)
        return answer.status, json.loads(answer.data) if answer.data else None

    def apply(self, body: Obj, **options: Any) -> tuple[int, Any]:
        """Server-side apply of one object."""
        word = re.sub(r"(?<!^)(?=[A-Z])", "_", body["kind"]).lower()
        name = body["metadata"]["name"]
        if word == "namespace":
            return self.call(self.core.patch_namespace, name, body, **{**APPLY, **options})
        owner = {
            "deployment": self.apps,
            "horizontal_pod_autoscaler": client.AutoscalingV2Api(self.api),
            "ingress": client.NetworkingV1Api(self.api),
            "pod_disruption_budget": client.PolicyV1Api(self.api),
        }.get(word, self.core)
        return self.call(getattr(owner, f"patch_namespaced_{word}"), name, self.namespace, body, **{**APPLY, **options})

    def deployment(self, name: str = "web") -> Obj:
        """The live Deployment."""
        return self.call(self.apps.read_namespaced_deployment, name, self.namespace)[1]

    def pods(self, selector: str = "") -> list[Obj]:
        """The live pods."""
        return self.call(self.core.list_namespaced_pod, self.namespace, label_selector=selector)[1]["items"]

    def sets(self) -> list[Obj]:
        """The live ReplicaSets."""
        return self.call(self.apps.list_namespaced_replica_set, self.namespace)[1]["items"]

    def events(self, reason: str = "") -> list[Obj]:
        """Events, of one reason if it is given."""
        items = self.call(self.core.list_namespaced_event, self.namespace)[1]["items"]
        return [event for event in items if reason in ("", event["reason"])]

    def log(self, pod: str, **options: Any) -> tuple[int, str]:
        """``(status, text)`` of a log."""
        try:
            answer = self.core.read_namespaced_pod_log(
                pod, self.namespace, _preload_content=False, _request_timeout=(5, 30), **options
            )
        except client.ApiException as refusal:
            return refusal.status, json.loads(refusal.body)["message"]
        return answer.status, answer.data.decode()

    def until(self, test: Callable[[], Any], seconds: float = 15, what: str = "") -> Any:
        """The first true value of ``test``."""
        try:
            return wait_for(test, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error} {json.dumps(self.deployment().get('status'))}") from error

    def complete(self, name: str = "web", seconds: float = 15) -> Obj:
        """The Deployment once its rollout is complete."""

        def test() -> Obj | None:
            found = self.deployment(name)
            status, wanted = found.get("status", {}), found.get("spec", {}).get("replicas")
            counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
            is_seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return found if is_seen and counts == [wanted] * 3 else None

        return self.until(test, seconds, "complete")


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    made = StandIn(tmp_path_factory.mktemp("cluster"), "--speed", "2", "--history", "300")
    yield made
    made.stop()


@pytest.fixture
def kube(stand_in: StandIn, request: pytest.FixtureRequest) -> Kube:
    """A client in a namespace of this test's own."""
    words = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")
    name = f"{words}-{hashlib.sha256(request.node.name.encode()).hexdigest()[:8]}"
    made = Kube(stand_in.url, name)
    status, _ = made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert status == 201
    return made


@pytest.fixture(scope="session")
def image(registry: Registry) -> str:
    """An image whose pods come up."""
    return registry.push("site/web", "1", {"app/main.py": b"print()"})


@pytest.fixture
def web(image: str) -> Callable[..., Obj]:
    """Makes a Deployment: ``web(replicas=3, image=…, annotations=…, spec=…, container=…)``."""

    def make(name: str = "web", **parts: Any) -> Obj:
        container = {"name": "app", "image": parts.get("image", image), "ports": [{"containerPort": 8080}]}
        template: Obj = {
            "metadata": {"labels": {"app": name}, "annotations": parts.get("annotations", {})},
            "spec": {"containers": [{**container, **parts.get("container", {})}]},
        }
        spec = {
            "replicas": parts.get("replicas", 1),
            "selector": {"matchLabels": {"app": name}},
            "template": template,
            **parts.get("spec", {}),
        }
        meta = {"name": name, "labels": {"app": name}}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}

    return make
