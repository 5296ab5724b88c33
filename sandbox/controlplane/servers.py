"""etcd, kube-apiserver and kube-controller-manager on loopback, each a process that ends with ours.

Flags: kubernetes 1.36, ``cmd/kube-apiserver`` and ``cmd/kube-controller-manager``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sandbox.controlplane.certificate import certificate_pem, key_pem, new_key
from sandbox.ports import reserve

READY_SECONDS = 60.0
_SOCKET_PATH_LIMIT = 100
CONTROLLERS = (
    "deployment-controller,replicaset-controller,garbage-collector-controller,resourcequota-controller,"
    "namespace-controller,serviceaccount-controller,root-ca-certificate-publisher-controller,endpoints-controller,"
    "endpointslice-controller,horizontal-pod-autoscaler-controller,pod-garbage-collector-controller,"
    "disruption-controller"
)
# Without these the third and later rollouts at a time wait for the client's own limit of 20 requests a second.
_QUICK = ("--kube-api-qps=500", "--kube-api-burst=1000")
_NAMES = ("etcd", "kube-apiserver", "kube-controller-manager")


class NotReady(Exception):
    """A part ended or did not become ready; ``str()`` says which, with the end of its log."""


@dataclass(frozen=True)
class Place:
    """Where the control plane is. ``token`` is an administrator's; ``more_tokens`` are lines of tokens.csv."""

    program: Path
    folder: Path
    port: int
    token: str = field(repr=False)
    host: str = "127.0.0.1"
    more_tokens: Sequence[str] = field(default=(), repr=False)
    autoscaler_seconds: float = 15.0
    """How often the autoscaler's controller looks at the metrics; 15 is its default."""

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://{self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The API server's certificate; it is its own authority."""
        return self.folder / "pki" / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, for kubectl and the controllers."""
        return self.folder / "kubeconfig"

    @property
    def egress_socket(self) -> Path:
        """Where the API server asks for a way to nodes, pods and services."""
        path = self.folder / "egress.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"prism4k-{digest}.sock"

    def trust(self) -> ssl.SSLContext:
        """For a client of this API server."""
        return ssl.create_default_context(cafile=str(self.ca_file))


class Servers:
    """The three parts. ``start`` may be called again for one that was stopped."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._ports = [reserve(), reserve()]
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> None:
        """Keys, tokens and configuration, in a folder that only we can read; what is there stays."""
        folder = self.place.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "etcd").mkdir(mode=0o700, exist_ok=True)
        (folder / "pki").mkdir(mode=0o700, exist_ok=True)
        if not (folder / "sa.key").exists():
            _write(folder / "sa.key", key_pem(new_key()))
        if not self.place.ca_file.exists():
            key = new_key()
            _write(folder / "pki" / "apiserver.key", key_pem(key))
            _write(self.place.ca_file, certificate_pem(key))
        tokens = [f'{self.place.token},prism4k-admin,admin,"system:masters"', *self.place.more_tokens]
        _write(folder / "tokens.csv", "\n".join(tokens) + "\n")
        _write(self.place.kubeconfig, kubeconfig(self.place))
        _write(folder / "egress.yaml", _egress(self.place.egress_socket))

    async def start(self) -> None:
        """Start what does not run; returns when the API server is ready. Raises NotReady."""
        self._start("etcd", self._etcd())
        self._start("kube-apiserver", self._apiserver())
        await self._until_ready()
        self._start("kube-controller-manager", self._controllers())
        self._note()

    def ended(self) -> list[str]:
        """Parts that are not running any more."""
        return [name for name in _NAMES if (child := self._running.get(name)) is None or child.poll() is not None]

    def close(self) -> None:
        """End all of them. A kill: an orderly end waits up to a minute for open watches."""
        for name in reversed(_NAMES):
            if child := self._running.pop(name, None):
                child.kill()
                child.wait()

    def log(self, name: str, most: int = 3000) -> str:
        """The end of a part's log."""
        path = self.place.folder / f"{name}.log"
        return path.read_text(errors="replace")[-most:] if path.exists() else ""

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        if name in self._running and self._running[name].poll() is None:
            return
        with (self.place.folder / f"{name}.log").open("ab") as log:
            # It reads its standard input to the end: also when we are killed, it ends with us.
            self._running[name] = subprocess.Popen(
                [str(self.place.program), *arguments],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.place.folder), "EXIT_WITH_STDIN": "1"},
            )  # fmt: skip

    def _note(self) -> None:
        pids = {name: child.pid for name, child in self._running.items()}
        _write(self.place.folder / "pids.json", json.dumps(pids))

    async def _until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while True:
            if gone := [name for name in self.ended() if name != "kube-controller-manager"]:
                raise NotReady(f"{gone[0]} ended while it started:\n{self.log(gone[0])}")
            if await self._is_ready():
                return
            if asyncio.get_running_loop().time() > deadline:
                raise NotReady(f"kube-apiserver was not ready in {READY_SECONDS:g} s:\n{self.log('kube-apiserver')}")
            await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        try:
            async with httpx.AsyncClient(verify=self.place.trust(), trust_env=False, timeout=2) as client:
                answer = await client.get(f"{self.place.url}/readyz")
        except (httpx.HTTPError, ssl.SSLError):
            return False
        return answer.status_code == 200

    def _etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in self._ports)
        return ["etcd", str(self.place.folder / "etcd"), client, peer]

    def _apiserver(self) -> list[str]:
        folder = self.place.folder
        return [
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._ports[0]}",
            f"--secure-port={self.place.port}",
            f"--bind-address={self.place.host}",
            f"--cert-dir={folder / 'pki'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={folder / 'sa.key'}",
            f"--service-account-key-file={folder / 'sa.key'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--egress-selector-config-file={folder / 'egress.yaml'}",
        ]

    def _controllers(self) -> list[str]:
        folder = self.place.folder
        return [
            "kube-controller-manager",
            f"--kubeconfig={self.place.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            "--use-service-account-credentials=false",
            f"--service-account-private-key-file={folder / 'sa.key'}",
            f"--root-ca-file={self.place.ca_file}",
            f"--controllers={CONTROLLERS}",
            f"--horizontal-pod-autoscaler-sync-period={self.place.autoscaler_seconds:g}s",
            *_QUICK,
        ]


def kubeconfig(place: Place) -> str:
    """The administrator's kubeconfig, as JSON, which is YAML."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "real", "cluster": {"server": place.url, "certificate-authority": str(place.ca_file)}}],
        "users": [{"name": "admin", "user": {"token": place.token}}],
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": "admin"}}],
        "current-context": "real",
    }
    return json.dumps(content)


def _egress(path: Path) -> str:
    """Everything on the cluster's side is reached through our socket: the node and its pods have invented addresses."""
    connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(path)}}}
    content = {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }
    return json.dumps(content)


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
