"""Image references: ``host[:port]/repository[:tag][@sha256:…]``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*")


class BadReference(ValueError):
    """The text names no image."""


@dataclass(frozen=True)
class Image:
    """A parsed reference. ``host`` is empty when none was named; ``reference`` is the digest, else the tag."""

    text: str
    host: str
    repository: str
    tag: str
    digest: str

    @property
    def reference(self) -> str:
        """What to ask the registry for."""
        return self.digest or self.tag

    @property
    def name(self) -> str:
        """Host and repository without tag and digest."""
        return f"{self.host}/{self.repository}" if self.host else self.repository


def parse_image(text: str) -> Image:
    """The parts of a reference; the tag is ``latest`` when neither tag nor digest is given. Raises BadReference."""
    rest, at, digest = text.partition("@")
    if at and not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise BadReference("invalid reference format")
    first, slash, remainder = rest.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, remainder) if has_host else ("", rest)
    repository, colon, tag = path.partition(":")
    if colon and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag):
        raise BadReference("invalid reference format")
    if not _REPOSITORY.fullmatch(repository):
        is_case = _REPOSITORY.fullmatch(repository.lower()) is not None
        raise BadReference("invalid reference format" + (": repository name must be lowercase" if is_case else ""))
    return Image(text, host, repository, tag or ("" if digest else "latest"), digest)


def is_loopback(host: str) -> bool:
    """Whether ``host[:port]`` is this machine."""
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
