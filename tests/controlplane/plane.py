"""A real Kubernetes control plane for tests: etcd, kube-apiserver and controllers, with a node that runs nothing."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer.interfaces import ClusterTarget
from sandbox.controlplane.binary import NoToolchain, built
from sandbox.ports import reserve
from tests.patience import wait_for

ROOT = Path(__file__).parents[2]
PRESENT = "registry.example.com/present/"
"""Images that the node has already."""
SPEED = 10
"""Pods live so many times as quick as on the demo's node."""


@dataclass
class Plane:
    """A running control plane; ``kubectl`` is the real one, out of the same program."""

    program: Path
    folder: Path
    port: int
    token: str = field(repr=False)
    keeper: subprocess.Popen[str] | None = field(default=None, repr=False)
    """The process that starts its parts again when they end."""

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://127.0.0.1:{self.port}"

    def target(self, token: str = "") -> ClusterTarget:
        """For a client of its own: the administrator's, or that of ``token``."""
        ca_pem = (self.folder / "pki" / "apiserver.crt").read_text()
        return ClusterTarget(f"cluster:{uuid.uuid4().hex}", self.url, token or self.token, ca_pem)

    def kubeconfig(self) -> str:
        """The administrator's, with everything in it, as one uploads it."""
        content = json.loads((self.folder / "kubeconfig").read_text())
        ca = (self.folder / "pki" / "apiserver.crt").read_bytes()
        content["clusters"][0]["cluster"] = {
            "server": self.url,
            "certificate-authority-data": base64.b64encode(ca).decode(),
        }
        return json.dumps(content)

    def kubectl(self, *arguments: str, given: str = "", token: str = "", check: bool = True) -> str:
        """What it prints; fails with its error when ``check``, else returns output and error together."""
        command = [str(self.program), "kubectl", "--kubeconfig", str(self.folder / "kubeconfig")]
        command += ["--token", token] if token else []
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECTL_KUBERC": "false"}
        done = subprocess.run(
            [*command, *arguments], input=given, capture_output=True, text=True, env=environment, check=False
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout if check else done.stdout + done.stderr

    def read(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """One object, by kubectl."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def pid(self, part: str) -> int:
        """Of ``etcd``, ``kube-apiserver`` or ``kube-controller-manager``."""
        return int(json.loads((self.folder / "pids.json").read_text())[part])

    def kill(self, part: str) -> None:
        """SIGKILL; it is started again at once, on the same port."""
        before = self.pid(part)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.pid(part) != before, f"{part} runs again", 60)

    def destroy(self) -> None:
        """SIGKILL, for all of it at once: nothing starts again."""
        assert self.keeper is not None
        parts = [self.pid(part) for part in json.loads((self.folder / "pids.json").read_text())]
        for pid in (self.keeper.pid, *parts):
            os.kill(pid, signal.SIGKILL)
        self.keeper.wait()

    @contextmanager
    def stopped(self, part: str) -> Iterator[None]:
        """SIGSTOP for the length of the block."""
        pid = self.pid(part)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def require_program() -> Path:
    """The built program; without a Go toolchain the test is skipped, but in CI it fails."""
    try:
        return built(lambda text: sys.stderr.write(f"{text}\n"))
    except NoToolchain as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@contextmanager
def running_plane(*options: str, tokens: Sequence[str] = (), speed: float = SPEED) -> Iterator[Plane]:
    """One, from start to end. ``tokens``: more lines of tokens.csv. ``options``: of ``sandbox.controlplane``."""
    program = require_program()
    folder = Path(tempfile.mkdtemp(prefix="prism4k-plane-"))
    plane = Plane(program, folder / "state", reserve(), secrets.token_urlsafe(24))
    (folder / "tokens").write_text("\n".join(tokens))
    command = [sys.executable, "-m", "sandbox.controlplane", "--state", str(plane.folder), "--port", str(plane.port)]
    command += ["--program", str(program), "--tokens", str(folder / "tokens"), "--speed", str(speed)]
    command += ["--present", PRESENT, *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, "KUBERNETES_TOKEN": plane.token},
        )  # fmt: skip
    plane.keeper = process
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " ready at " in line, line + (folder / "log").read_text()[-4000:]
        yield plane
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
