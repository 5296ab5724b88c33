"""The distribution specification: its error codes as refusals, its grammar of names, tags and digests."""

from __future__ import annotations

import re
from collections.abc import Mapping


class RegistryError(Exception):
    """``status`` is HTTP's, ``code`` one of the specification's (``MANIFEST_UNKNOWN``), ``message`` a message."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    @property
    def document(self) -> dict[str, object]:
        """The body that the specification prescribes."""
        return {"errors": [{"code": self.code, "message": self.message, "detail": {}}]}


_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"(?=.{{1,255}}\Z){_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ORDER_TAG = re.compile(r"K8S\d{14}[A-Z]{2}", re.ASCII)


def _fitting(pattern: re.Pattern[str], text: str, code: str, rule: str) -> str:
    if not pattern.fullmatch(text):
        raise RegistryError(400, code, rule)
    return text


def check_repository(name: str) -> str:
    """The name; raises RegistryError NAME_INVALID."""
    return _fitting(_REPOSITORY, name, "NAME_INVALID", "a repository name is lower case words joined by . _ - and /")


def check_digest(digest: str) -> str:
    """The digest; raises RegistryError DIGEST_INVALID."""
    return _fitting(_DIGEST, digest, "DIGEST_INVALID", "a digest is sha256: and 64 lower case hex digits")


def is_digest(reference: str) -> bool:
    """True for ``sha256:<64 hex>``."""
    return _DIGEST.fullmatch(reference) is not None


def check_tag(tag: str) -> str:
    """The tag; raises RegistryError TAG_INVALID."""
    return _fitting(_TAG, tag, "TAG_INVALID", "a tag is up to 128 letters, digits, _ . - and starts with no . or -")


def is_immutable(tag: str) -> bool:
    """True for a release order's number: such a tag is written once, as by an immutable tag rule in Harbor."""
    return _ORDER_TAG.fullmatch(tag) is not None
