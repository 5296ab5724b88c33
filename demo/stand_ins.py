"""The other sides of a demo: each a stand-in, unless a real one was named. The product sees URLs and tokens."""

from __future__ import annotations

import base64
import functools
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from django.conf import settings

from demo.ports import Ports
from sandbox.ports import LOOPBACK

JENKINS_USER = "prism4k"
BUILDERS = ("packer", "buildah")
REAL = "real"
TEST, PROD = "test", "prod"
"""The clusters, as ``demo.world.CLUSTERS`` names them."""
TWO_PLANES_KIB = 4 * 1024 * 1024
"""Memory that must be free before a second control plane (half a GiB each) is started."""


class BadChoice(Exception):
    """A real side was named in a way that we cannot use; ``str()`` says which and what to give instead."""


@dataclass(frozen=True)
class ClusterSide:
    """An API server and how to sign in there."""

    url: str
    token: str = field(default="", repr=False)
    ca_pem: str = ""
    client_cert_pem: str = ""
    client_key_pem: str = field(default="", repr=False)
    tls_server_name: str = ""
    verify_tls: bool = True


@dataclass(frozen=True)
class ServerSide:
    """A Jenkins or a registry. ``address`` is what image names begin with."""

    url: str
    address: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class StandIn:
    """One stand-in to start: ``python -m sandbox.<program>`` with these arguments and variables."""

    name: str
    url: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    what: str = "stand-in"

    @property
    def program(self) -> str:
        """Of ``sandbox``: the second of two clusters is the same program under another name."""
        return self.name.removesuffix(f"-{PROD}")


@dataclass(frozen=True)
class Choices:
    """What the person named: a kubeconfig, a Jenkins URL and a registry, each with credentials; empty: stand in.

    ``cluster`` may also be ``real``: a Kubernetes control plane of our own, whose node is a stand-in. What is named
    alone is both clusters, or a control plane for each; two with a comma between are the test and the production one.
    """

    cluster: str = ""
    jenkins: str = ""
    registry: str = ""
    builder: str = "packer"

    @classmethod
    def from_environment(cls) -> Choices:
        """CLUSTER, JENKINS_URL, REGISTRY and BUILDER, as ``make demo`` and ``make up`` take them."""
        builder = os.environ.get("BUILDER") or "packer"
        if builder not in BUILDERS:
            raise BadChoice(f"BUILDER is one of {', '.join(BUILDERS)}, not {builder}.")
        cluster, jenkins, registry = (
            os.environ.get(name, "").strip() for name in ("CLUSTER", "JENKINS_URL", "REGISTRY")
        )
        if cluster.count(",") > 1:
            raise BadChoice("CLUSTER is one for both clusters, or two with a comma between: test,production.")
        return cls(cluster, jenkins, registry, builder)

    @property
    def clusters(self) -> dict[str, str]:
        """By the cluster's short name: empty for a stand-in, ``real``, or the path of a kubeconfig."""
        first, comma, second = (part.strip() for part in self.cluster.partition(","))
        return {TEST: first, PROD: second if comma else first}


class StandIns:
    """Addresses and credentials of all four sides, and the stand-ins that must run for them."""

    def __init__(self, ports: Ports, choices: Choices) -> None:
        self._ports, self._choices = ports, choices
        self._state = settings.DATA_DIR / "sandbox"
        self._secrets = kept_secrets(settings.DATA_DIR / "secrets" / "stand-ins.json")

    @property
    def git_root(self) -> Path:
        """Where the stand-in Git server has its bare repositories."""
        return Path(self._state / "git")

    @property
    def git_host(self) -> str:
        """``127.0.0.1:port`` of the stand-in Git server."""
        return f"{LOOPBACK}:{self._ports.take('git')}"

    def clusters(self) -> dict[str, ClusterSide]:
        """The clusters by short name; raises BadChoice."""
        return {slug: self._cluster(slug, given) for slug, given in self._choices.clusters.items()}

    def _cluster(self, slug: str, given: str) -> ClusterSide:
        if given == REAL:
            plane = self._control_plane(slug)
            certificate = self._state / plane.name / "pki" / "apiserver.crt"
            if not certificate.exists():
                _prepare(plane)
            return ClusterSide(url=plane.url, token=self._secrets[_secret(plane.name)], ca_pem=certificate.read_text())
        if given:
            return read_kubeconfig(Path(given).expanduser())
        name = _name("kubernetes", slug)
        return ClusterSide(url=self._url(name), token=self._secrets[name])

    def jenkins(self) -> ServerSide:
        """The Jenkins; raises BadChoice."""
        if self._choices.jenkins:
            return read_server("JENKINS_URL", self._choices.jenkins)
        url = self._url("jenkins")
        return ServerSide(url, urlsplit(url).netloc, JENKINS_USER, self._secrets["jenkins"])

    def registry(self) -> ServerSide:
        """The registry; raises BadChoice."""
        if self._choices.registry:
            given = self._choices.registry
            return read_server("REGISTRY", given if "://" in given else f"https://{given}")
        url = self._url("registry")
        return ServerSide(url, urlsplit(url).netloc)

    def wanted(self) -> list[StandIn]:
        """The stand-ins to start, in order: a server comes before its clients."""
        found = [StandIn("git", self._url("git"), ("--root", str(self.git_root)))]
        if not self._choices.registry:
            found.append(StandIn("registry", self._url("registry"), ("--state", str(self._state / "registry"))))
        if not self._choices.jenkins:
            found.append(self._jenkins_stand_in())
        for slug, given in self._choices.clusters.items():
            if not given:
                found.append(self._cluster_stand_in(slug))
            elif given == REAL and (plane := self._control_plane(slug)).name not in {one.name for one in found}:
                found.append(plane)
        return found

    @property
    def shares_a_plane(self) -> bool:
        """Both clusters are one control plane, because this machine has no memory for two."""
        if set(self._choices.clusters.values()) != {REAL} or (self._state / _name("controlplane", PROD)).exists():
            return False
        return not has_memory_for_two()

    def _jenkins_stand_in(self) -> StandIn:
        arguments = (
            "--state",
            str(self._state / "jenkins"),
            "--user",
            JENKINS_USER,
            "--builder",
            self._choices.builder,
            "--job-config",
            str(settings.BASE_DIR / "jenkins_job" / "config.xml"),
        )
        return StandIn("jenkins", self._url("jenkins"), arguments, {"JENKINS_TOKEN": self._secrets["jenkins"]})

    def _cluster_stand_in(self, slug: str) -> StandIn:
        name = _name("kubernetes", slug)
        return StandIn(name, self._url(name), *self._cluster_options(name))

    def _control_plane(self, slug: str) -> StandIn:
        name = _name("controlplane", TEST if self.shares_a_plane else slug)
        url = f"https://{LOOPBACK}:{self._ports.take(name)}"
        return StandIn(name, url, *self._cluster_options(name), "Kubernetes; its node stands in")

    def _cluster_options(self, name: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
        registry = self.registry()
        arguments = ("--state", str(self._state / name), "--registry", f"{registry.address}={registry.url}")
        return arguments, {"KUBERNETES_TOKEN": self._secrets[_secret(name)]}

    def _url(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self._ports.take(name)}"

    def hosts(self) -> list[str]:
        """Networks, hosts and schemes that the product must be allowed to call for all this (OUTBOUND_ALLOW)."""
        sides = (*(one.url for one in self.clusters().values()), self.jenkins().url, self.registry().url)
        return ["127.0.0.0/8", "http", *sorted({urlsplit(url).hostname or "" for url in sides} - {"", LOOPBACK})]


def _name(program: str, slug: str) -> str:
    return program if slug == TEST else f"{program}-{slug}"


def _secret(name: str) -> str:
    """A stand-in and the control plane in its place have one token."""
    return name.replace("controlplane", "kubernetes")


@functools.cache
def has_memory_for_two() -> bool:
    """Asked once, so that what is started and what the rows say is the same."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "0")
    return int(free) >= TWO_PLANES_KIB


def _prepare(plane: StandIn) -> None:
    """Its certificate must be known before it runs. Raises BadChoice when there is nothing to build it with."""
    command = [sys.executable, "-m", f"sandbox.{plane.program}", "--port", str(urlsplit(plane.url).port), "--prepare"]
    environment = {**os.environ, **plane.environment}
    done = subprocess.run([*command, *plane.arguments], cwd=settings.BASE_DIR, env=environment, check=False)
    if done.returncode:
        raise BadChoice("CLUSTER=real: the control plane could not be built; the lines above say why.")


def kept_secrets(path: Path) -> dict[str, str]:
    """The tokens of the stand-ins: random, made once, readable by their owner only."""
    try:
        known: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        known = {}
    if missing := {"jenkins", "kubernetes", f"kubernetes-{PROD}"} - known.keys():
        known |= {name: secrets.token_urlsafe(24) for name in missing}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            json.dump(known, file)
    return known


def read_server(variable: str, given: str) -> ServerSide:
    """``https://user:token@host`` taken apart; raises BadChoice."""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadChoice(f"{variable} must look like https://user:token@host[:port], not {parts.scheme or '…'}://….")
    address = parts.netloc.rpartition("@")[2]
    return ServerSide(f"{parts.scheme}://{address}{parts.path}", address, parts.username or "", parts.password or "")


def read_kubeconfig(path: Path) -> ClusterSide:
    """The current context of a kubeconfig: server, CA, token or client certificate. Raises BadChoice.

    ``exec`` and ``auth-provider`` entries start programs on this machine: they are refused.
    """
    try:
        content = yaml.safe_load(path.read_text())
        context = _named(content, "contexts", content["current-context"])["context"]
        cluster = _named(content, "clusters", context["cluster"])["cluster"]
        user = _named(content, "users", context["user"])["user"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise BadChoice(f"CLUSTER={path} is not a kubeconfig with a current context: {error}") from None
    if "exec" in user or "auth-provider" in user:
        raise BadChoice(f"CLUSTER={path} signs in by a program. Give one with a token or a client certificate.")
    return ClusterSide(
        url=cluster["server"],
        token=user.get("token", ""),
        ca_pem=_pem(cluster, "certificate-authority", path.parent),
        client_cert_pem=_pem(user, "client-certificate", path.parent),
        client_key_pem=_pem(user, "client-key", path.parent),
        tls_server_name=cluster.get("tls-server-name", ""),
        verify_tls=not cluster.get("insecure-skip-tls-verify", False),
    )


def _named(content: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in content[kind]:
        if entry["name"] == name:
            found: dict[str, Any] = entry
            return found
    raise KeyError(f"{kind} has no {name}")


def _pem(entry: dict[str, str], name: str, folder: Path) -> str:
    """``name-data`` decoded, or the file that ``name`` names."""
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    if file := entry.get(name):
        try:
            text: str = (folder / file).read_text()
        except OSError as error:
            raise BadChoice(f"CLUSTER names the file {file}, which cannot be read: {error.strerror}") from None
        return text
    return ""
