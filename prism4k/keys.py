"""The installation's keys: given by the environment and strong, or made once and kept in the demo's data directory."""

from __future__ import annotations

import base64
import binascii
import os
import time
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

LEAST_CHARACTERS = 32
LEAST_DIFFERENT = 10
KEY_BYTES = 32
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.02
HOW_TO_MAKE = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"


def require_strong_text(variable: str, value: str) -> str:
    """The value. Raises ImproperlyConfigured for one that can be guessed, or that documentation shows."""
    if len(value) < LEAST_CHARACTERS or len(set(value)) < LEAST_DIFFERENT:
        raise ImproperlyConfigured(
            f"{variable} is too weak: give at least {LEAST_CHARACTERS} random characters, e.g. from {HOW_TO_MAKE}"
        )
    if value.startswith("django-insecure-"):
        raise ImproperlyConfigured(f"{variable} is one of Django's examples: give random text, e.g. from {HOW_TO_MAKE}")
    return value


def require_encryption_keys(variable: str, value: str) -> list[str]:
    """``id:base64`` entries, each of 32 random bytes. Raises ImproperlyConfigured."""
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    for entry in entries:
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id or len(key) != KEY_BYTES or len(set(key)) < LEAST_DIFFERENT:
            raise ImproperlyConfigured(
                f"Each entry of {variable} must be <id>:<base64 of {KEY_BYTES} random bytes>, "
                "e.g. k1:$(openssl rand -base64 32)"
            )
    if not entries:
        raise ImproperlyConfigured(f"{variable} has no entry. {_how(variable)}")
    return entries


def given_or_kept(variable: str, *, folder: Path | None, may_make: bool, make: Callable[[], str]) -> str:
    """The variable's value; else the one kept in ``folder`` (None: nothing is kept), made there if ``may_make``.

    Raises ImproperlyConfigured when there is none.
    """
    if value := os.environ.get(variable, ""):
        return value
    if folder is not None and (may_make or (folder / variable.lower()).exists()):
        return _kept(folder / variable.lower(), make)
    raise ImproperlyConfigured(f"{variable} is not set. {_how(variable)} Keep it: every process needs the same.")


def _how(variable: str) -> str:
    if variable == "ENCRYPTION_KEYS":
        return "Give k1:$(openssl rand -base64 32)."
    return f"Give long random text, e.g. from {HOW_TO_MAKE}."


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Made by the first process that asks, readable by its owner only (0600)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return _written(path)
    with os.fdopen(descriptor, "w") as file:
        value = make()
        file.write(value)
    return value


def _written(path: Path) -> str:
    """The file's content; another process may have made it a moment ago and not written it yet."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (value := path.read_text().strip()):
        if time.monotonic() > until:
            raise ImproperlyConfigured(f"{path} is empty: remove it and start again.")
        time.sleep(PAUSE_SECONDS)
    return value
