"""Where to connect, with credentials in clear: never log one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BuildServerTarget:
    """A Jenkins controller. ``key`` names it in breakers (``jenkins:3``)."""

    key: str
    url: str
    username: str
    token: str = field(repr=False)
    ca_pem: str = ""


@dataclass(frozen=True)
class ClusterTarget:
    """A cluster's API server: token or client certificate, never an exec plugin or a file path."""

    key: str
    url: str
    token: str = field(default="", repr=False)
    ca_pem: str = ""
    client_cert_pem: str = field(default="", repr=False)
    client_key_pem: str = field(default="", repr=False)
    tls_server_name: str = ""
    verify_tls: bool = True


@dataclass(frozen=True)
class RegistryTarget:
    """An OCI registry: ``address`` is the host[:port] that image names begin with, ``url`` how we reach its API."""

    key: str
    address: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_pem: str = ""


@dataclass(frozen=True)
class SourceTarget:
    """A Git repository. ``url`` carries no credentials; ``mirror_dir`` is where its bare mirror may live."""

    key: str
    url: str
    mirror_dir: str
    username: str = ""
    password: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    ca_pem: str = ""
