"""What the bars of a cluster have in common: a real control plane, the product's processes, and kubectl.

Import this after ``bench.services`` and before anything of the product.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import frame
from sandbox.controlplane.binary import NoToolchain, built
from sandbox.ports import reserve
from tests.controlplane.plane import running_plane

PEER_NAMESPACE = "bench-peer"
STARTS = 5


@dataclass
class Kubectl:
    """The quickest to start of those that are here; it acts with the administrator's rights."""

    command: tuple[str, ...]
    kubeconfig: Path
    environment: dict[str, str]

    def line(self, *arguments: str) -> list[str]:
        """A command line."""
        return [*self.command, "--kubeconfig", str(self.kubeconfig), *arguments]

    def run(self, *arguments: str, given: str = "", codes: Sequence[int] = (0,)) -> str:
        """What it prints; raises RuntimeError for another exit code."""
        done = subprocess.run(
            self.line(*arguments), input=given, capture_output=True, text=True, env=self.environment, check=False
        )
        if done.returncode not in codes:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def apply(self, manifests: Sequence[dict[str, Any]], namespace: str = "") -> None:
        """Objects, by server-side apply."""
        where = ["-n", namespace] if namespace else []
        self.run("apply", "--server-side", "-f", "-", *where, given=as_file(manifests))

    def quiet(self, namespace: str, pods: int) -> bool:
        """Whether so many pods are there and none is on its way out."""
        found = json.loads(self.run("get", "pods", "-n", namespace, "-o", "json"))["items"]
        return len(found) == pods and not any("deletionTimestamp" in pod["metadata"] for pod in found)


def as_file(manifests: Sequence[dict[str, Any]]) -> str:
    """One file of them all."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


def in_namespace(manifests: Sequence[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    """The same objects elsewhere."""
    return [{**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}} for manifest in manifests]


def quickest_kubectl(program: Path, kubeconfig: Path) -> Kubectl:
    """The control plane's program is one of 130 MB that is kubectl too; a plain one starts sooner."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(kubeconfig.parent), "KUBECTL_KUBERC": "false"}
    commands = [(str(program), "kubectl"), *([(found,)] if (found := shutil.which("kubectl")) else [])]

    def start_seconds(command: tuple[str, ...]) -> float:
        times = []
        for _ in range(STARTS):
            began = time.perf_counter()
            subprocess.run([*command, "version", "--client"], env=environment, capture_output=True, check=True)
            times.append(time.perf_counter() - began)
        return min(times)

    return Kubectl(min(commands, key=start_seconds), kubeconfig, environment)


@dataclass
class Scene:
    """Everything of a bar. ``port`` is the web process's."""

    kubectl: Kubectl
    url: str
    token: str = field(repr=False)
    ca_file: Path
    ca_pem: str
    port: int = 0

    @contextlib.contextmanager
    def node(self, seconds: float) -> Iterator[None]:
        """A node whose pods are ready so many seconds after they appear."""
        environment = {**os.environ, "KUBERNETES_TOKEN": self.token}
        command = ("-m", "bench.kubelet", self.url, str(self.ca_file), str(seconds))
        with frame.running(*command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("The node did not start.")
            yield


@contextlib.contextmanager
def scene() -> Iterator[Scene]:
    """A control plane without a node; the bar is skipped, and says so, where it cannot be built."""
    try:
        program = built(lambda text: sys.stderr.write(f"{text}\n"))
    except NoToolchain as error:
        sys.stderr.write(f"Skipped: {error}\n")
        sys.exit(1 if os.environ.get("CI") else 0)
    with running_plane("--no-node") as plane:
        ca_file = plane.folder / "pki" / "apiserver.crt"
        kubectl = quickest_kubectl(program, plane.folder / "kubeconfig")
        yield Scene(kubectl, plane.url, plane.token, ca_file, ca_file.read_text(), reserve())


@contextlib.contextmanager
def product(port: int) -> Iterator[dict[str, int]]:
    """``manage.py up``: one web process, one worker, one watcher; their process ids by name."""
    status = frame.FOLDER / "data" / "run" / "up.json"
    with (frame.FOLDER / "up.log").open("w") as log:
        command = ("manage.py", "up", "--port", str(port), "--parent", str(os.getpid()))
        with frame.running(*command, stdout=log, stderr=log):
            frame.wait_until(status.exists)
            pids: dict[str, int] = json.loads(status.read_text())["processes"]
            yield pids
