"""The grammar of repository names, tags and digests (distribution specification, "Pulling manifests")."""

from __future__ import annotations

import re

from sandbox.registry.errors import RegistryError

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ORDER_TAG = re.compile(r"K8S\d{14}[A-Z]{2}", re.ASCII)


def check_repository(name: str) -> str:
    """The name; raises RegistryError NAME_INVALID."""
    if len(name) > 255 or not _REPOSITORY.fullmatch(name):
        raise RegistryError(400, "NAME_INVALID", "a repository name is lower case words joined by . _ - and /")
    return name


def check_digest(digest: str) -> str:
    """The digest; raises RegistryError DIGEST_INVALID."""
    if not _DIGEST.fullmatch(digest):
        raise RegistryError(400, "DIGEST_INVALID", "a digest is sha256: and 64 lower case hex digits")
    return digest


def is_digest(reference: str) -> bool:
    """True for ``sha256:<64 hex>``."""
    return _DIGEST.fullmatch(reference) is not None


def check_tag(tag: str) -> str:
    """The tag; raises RegistryError TAG_INVALID."""
    if not _TAG.fullmatch(tag):
        raise RegistryError(400, "TAG_INVALID", "a tag is up to 128 letters, digits, _ . - and starts with no . or -")
    return tag


def is_immutable(tag: str) -> bool:
    """True for a release order's number: such a tag is written once, as by an immutable tag rule in Harbor."""
    return _ORDER_TAG.fullmatch(tag) is not None
