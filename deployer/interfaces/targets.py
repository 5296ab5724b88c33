"""Where to connect, with credentials in clear: never log one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")
OnAnswer = Callable[[], None]
"""Called by an adapter for each answer of the other side, refusals included; not for "I cannot now" (429, 5xx)."""


def ignore_answer() -> None:
    """The OnAnswer of a caller that does not count contact."""


@dataclass(frozen=True)
class BuildServerTarget:
    """A Jenkins controller. ``key`` names it in breakers (``jenkins:3``).

    ``quiet_period_seconds`` is how long an item waits in its queue before it may start.
    """

    key: str
    url: str
    username: str
    token: str = field(repr=False)
    ca_pem: str = ""
    quiet_period_seconds: int = 1


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
    addresses: tuple[str, ...] = field(default=(), compare=False)
    """What the name in ``url`` led to when it was last asked; empty where nobody asked."""
    is_own: bool = False
    """The cluster that the platform runs in: Kubernetes itself says where it is, and nobody typed it."""

    def has_moved_from(self, earlier: ClusterTarget) -> bool:
        """The name leads to none of the addresses that it led to then: what is still connected there is elsewhere.

        A name with several addresses tells them in turn; one that stays is no move.
        """
        return bool(self.addresses and earlier.addresses) and not set(self.addresses) & set(earlier.addresses)


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


def target_from(source: object, kind: type[T], **own: Any) -> T:
    """A target of this kind: ``own`` fields as they are given, all others from what has attributes of their names."""
    names = {each.name for each in fields(kind)} - own.keys()  # type: ignore[arg-type]  # each kind is a dataclass
    return kind(**own, **{name: getattr(source, name) for name in names})
