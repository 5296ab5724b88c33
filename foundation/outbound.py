"""Where the product may connect to: addresses that people type go through :func:`check_url` first.

Public https and ssh are open. ``settings.OUTBOUND_ALLOW`` adds networks (``10.0.0.0/8``, ``127.0.0.0/8``), hosts
(``git.corp.example``, ``*.corp.example``) and schemes (``http``). A listed host may have a private address, but a
link-local one (cloud metadata lives there) must be listed as a network.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from deployer.dialing import Barred
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from foundation.problems import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ENCRYPTED_SCHEMES = frozenset({"https", "ssh"})
_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SCP = re.compile(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/\\].*)")


_CAN_ALLOW = _("A platform administrator can add it to OUTBOUND_ALLOW.")


class HostUnknown(Refused):
    """The host has no address now: misspelt by the person who types it, and a silence where it was known before."""


_SCHEME = re.compile(r"h?t?tps?:/*", re.IGNORECASE)


@dataclass(frozen=True)
class Destination:
    """A checked address: ``addresses`` are what the host resolved to at the check."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class _Allowed:
    networks: tuple[Network, ...]
    hosts: frozenset[str]
    schemes: frozenset[str]

    def has_host(self, host: str) -> bool:
        parents = host.split(".")
        return host in self.hosts or any("*." + ".".join(parents[i:]) in self.hosts for i in range(1, len(parents)))

    def has_address(self, address: Address) -> bool:
        return any(address in network for network in self.networks if network.version == address.version)


def _allowed() -> _Allowed:
    networks: list[Network] = []
    hosts: set[str] = set()
    schemes: set[str] = set()
    for entry in (str(item).strip().lower() for item in settings.OUTBOUND_ALLOW):
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            (schemes if entry in _PORTS else hosts).add(entry)
    return _Allowed(tuple(networks), frozenset(hosts), frozenset(schemes))


def check_url(url: str, *, allowed_schemes: Iterable[str] = ("https",)) -> Destination:
    """Where the address leads, after asking DNS; raises Refused with a message when we must not go there.

    ``allowed_schemes`` are those that make sense for the caller; one without encryption must be in OUTBOUND_ALLOW
    besides. ``git@host:path`` counts as ssh.
    """
    schemes = set(allowed_schemes)
    parts = _split(url, is_ssh_possible="ssh" in schemes)
    scheme, allowed = parts.scheme.lower(), _allowed()
    if scheme not in schemes:
        raise _refuse(_("An address that begins with %(scheme)s:// is not allowed here.", scheme=scheme[:20]))
    if scheme not in ENCRYPTED_SCHEMES and scheme not in allowed.schemes:
        message = _("%(scheme)s:// is not allowed: OUTBOUND_ALLOW does not name %(scheme)s.", scheme=scheme)
        raise Refused(message, "outbound-refused", _CAN_ALLOW, status=400)
    if parts.password is not None or (parts.username is not None and scheme != "ssh"):
        raise _refuse(_("Leave user name and password out of the address: there are fields for them."))
    host = (parts.hostname or "").rstrip(".").lower()
    port = _port(parts) or _PORTS[scheme]
    return Destination(scheme=scheme, host=host, port=port, addresses=allowed_addresses(host, port))


def allowed_addresses(host: str, port: int) -> tuple[str, ...]:
    """What the host leads to now, after asking DNS; raises Refused where one of them is not allowed, HostUnknown."""
    name, allowed = host.rstrip(".").lower(), _allowed()
    addresses = _resolve(name, port)
    for address in addresses:
        _check_address(address, name, allowed)
    return tuple(str(address) for address in addresses)


def pin(host: str, port: int) -> tuple[str, ...]:
    """The same for the adapters, which connect to what is returned and to nothing else."""
    try:
        return allowed_addresses(host, port)
    except HostUnknown as unknown:
        raise socket.gaierror(socket.EAI_NONAME, str(unknown)) from unknown
    except Refused as refused:
        raise Barred(as_message(refused.message)) from refused


def check_link(url: str) -> None:
    """Is that an address that people may be given to click? Nobody connects to it. Raises Refused with a message."""
    parts = _split(url, is_ssh_possible=False)
    if parts.scheme.lower() not in ("http", "https"):
        raise _refuse(_("An address that begins with %(scheme)s:// is not allowed here.", scheme=parts.scheme[:20]))
    if parts.username is not None or parts.password is not None:
        raise _refuse(_("Leave user name and password out of the link: everybody who sees it would read them."))
    _port(parts)


def is_link(url: str) -> bool:
    """True for what a page may link to: a browser runs an address with another beginning, or stays on our own site."""
    return url.lower().startswith(("https://", "http://"))


def _split(url: str, *, is_ssh_possible: bool) -> SplitResult:
    if url != url.strip() or any(ord(letter) < 33 or ord(letter) == 127 for letter in url) or "\\" in url:
        raise _refuse(_("The address holds spaces or signs that an address cannot have."))
    match = _SCP.fullmatch(url) if "://" not in url else None
    # host:path without a user is more often a host with its port.
    if match and (match["user"] or is_ssh_possible):
        url = f"ssh://{match['user'] or 'git'}@{match['host']}/{match['path']}"
    if "://" not in url:
        raise _refuse(
            _(
                "Write the whole address: begin with https:// or http://, for example http://%(address)s.",
                address=_SCHEME.sub("", url).lstrip("/")[:200] or "host",
            )
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refuse(_("This is not a complete address: it should look like https://host/path.")) from None
    if not parts.scheme or not parts.hostname:
        raise _refuse(_("This is not a complete address: it should look like https://host/path."))
    return parts


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise _refuse(_("The port in the address is not a number from 1 to 65535.")) from None


def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        message = _("The host %(host)s is unknown: check the spelling.", host=host)
        raise HostUnknown(message, "outbound-refused", status=400) from None
    addresses = {ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found}
    return sorted((_unmapped(address) for address in addresses), key=str)


def _unmapped(address: Address) -> Address:
    """``::ffff:127.0.0.1`` is 127.0.0.1 in another coat."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _check_address(address: Address, host: str, allowed: _Allowed) -> None:
    if allowed.has_address(address):
        return
    is_special = address.is_link_local or address.is_multicast or address.is_unspecified
    if not is_special and (address.is_global or allowed.has_host(host)):
        return
    message = _(
        "%(host)s leads to %(address)s, an internal address that is not on the list of allowed networks "
        "(OUTBOUND_ALLOW).",
        host=host,
        address=str(address),
    )
    raise Refused(
        message,
        "outbound-refused",
        _CAN_ALLOW,
        status=400,
    )


def _refuse(message: MessageLike) -> Refused:
    return Refused(message, "outbound-refused", status=400)
