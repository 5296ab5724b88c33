"""Speaking to a registry: image names, which scheme a host is spoken to with, answers as sentences."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from functools import cache

import httpx

from sandbox.packer.errors import PackError

_REFERENCE = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9a-fA-F:]+\](?::\d{1,5})?)/"
    r"(?P<repository>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class ImageName:
    """``host[:port]/repository[:tag][@digest]``; the tag is ``latest`` where none is written."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @property
    def reference(self) -> str:
        """What to ask the registry for: the digest where one is written, else the tag."""
        return self.digest or self.tag

    @property
    def base_url(self) -> str:
        """Plain HTTP for this machine, HTTPS for every other host."""
        return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}"


def parse_name(text: str) -> ImageName:
    """Read an image name; raises PackError for one without a registry host or with a bad spelling."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise PackError(f"{text[:200]!r} is no image name: write host[:port]/repository:tag in lower case")
    host = match["host"]
    if host != "localhost" and not re.search(r"[.:]", host):
        raise PackError(f"{text[:200]!r} names no registry: write host[:port]/repository:tag")
    return ImageName(host, match["repository"], match["tag"] or "latest", match["digest"] or "")


def is_loopback(host: str) -> bool:
    """True for localhost, 127.0.0.0/8 and ::1, with or without a port."""
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def open_client(name: ImageName, username: str, password: str) -> httpx.Client:
    """A client for the registry: 3 s to connect, 60 s between bytes, no proxies, no redirects."""
    return httpx.Client(
        base_url=name.base_url,
        auth=(username, password) if username else None,
        timeout=httpx.Timeout(60.0, connect=3.0),
        verify=_trust(),
        trust_env=False,
    )


@cache
def _trust() -> ssl.SSLContext:
    """The machine's own CAs, read once."""
    return ssl.create_default_context()


def refusal(answer: httpx.Response) -> str:
    """What a registry said, in its own words where it follows the specification's error document."""
    try:
        first = answer.json()["errors"][0]
        return f"{answer.status_code} {first.get('code', '')}: {first.get('message', '')}"[:500]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return f"{answer.status_code} {answer.reason_phrase}"
