"""Where we may go: the registry's own address, its token service, and the storage it sends blobs from."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from deployer.errors import Rejected, Unavailable
from deployer.messages import message as _

_SECOND_LEVELS = frozenset({"com", "co", "net", "org", "gov", "edu", "ac"})


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port; ``url`` without a trailing slash, with a path where the registry lives under one."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def of(cls, url: str) -> Origin:
        """Read ``http(s)://host[:port][/path]``; raises Rejected for anything else, credentials in it included."""
        # urlsplit silently drops line breaks and tabs.
        if not url.isprintable() or " " in url:
            raise Rejected(_("The registry's address holds spaces or control characters."))
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as exc:
            raise Rejected(_("The registry's address is not a URL. Write it as https://host[:port].")) from exc
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Rejected(_("The registry's address must begin with https:// or http:// and name a host."))
        if "@" in parts.netloc:
            raise Rejected(_("The registry's address holds a user or password. Enter those in their own fields."))
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    @property
    def url(self) -> str:
        """``scheme://host:port/path`` without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    def is_same_place(self, other: Origin) -> bool:
        """True for the same scheme, host and port."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)


def may_sign_in_at(registry: Origin, realm: Origin) -> bool:
    """May the password go to this token service? The same place, or HTTPS within the registry's own domain.

    A registry names its token service itself (``auth.docker.io`` for ``registry-1.docker.io``), so a registry in
    wrong hands could otherwise collect the password anywhere.
    """
    if registry.is_same_place(realm):
        return True
    if realm.scheme != "https":
        return False
    return registry.host == realm.host or _domain(registry.host) == _domain(realm.host) != ""


def _domain(host: str) -> str:
    """``docker.io`` of ``auth.docker.io``, ``a.com.cn`` of ``harbor.a.com.cn``; "" for addresses and short names."""
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit() or len(labels) < 2:
        return ""
    count = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-count:]) if len(labels) >= count else ""


def check_redirect(url: str, location: str, registry: Origin) -> str:
    """The address that a blob's redirect names; raises Rejected where we do not go.

    Not from HTTPS to HTTP, and not to this machine or a link-local address (cloud metadata) unless the registry
    itself is there.
    """
    place = Origin.of(urljoin(url, location))
    if registry.scheme == "https" and place.scheme != "https":
        raise Rejected(_("The registry redirects from HTTPS to plain HTTP for its data. Correct its storage address."))
    if place.host != registry.host and any(_is_inner(address) for address in _addresses(place)):
        raise Rejected(_("The registry redirects to an internal address for its data. Correct its storage address."))
    return urljoin(url, location)


def _addresses(place: Origin) -> list[str]:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise Unavailable(_("The registry keeps its data on a host that cannot be found.")) from exc
    return [str(entry[4][0]) for entry in found]


def _is_inner(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return bool(mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified or mapped.is_multicast)
