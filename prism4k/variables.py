"""Reads settings from the environment; what cannot be read stops the start with a message that names the variable."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE = ("1", "true", "on", "yes", "y", "ok")
_FALSE = ("0", "false", "off", "no", "n", "")
_DATABASES = ("postgres", "postgresql", "pgsql", "sqlite")


class Variables(environ.Env):  # type: ignore[misc]
    """Each method raises ImproperlyConfigured. A number or switch left blank is one that is not given."""

    def switch(self, name: str, default: bool = False) -> bool:
        """On or off."""
        given = self._given(name).lower()
        if given not in (*_TRUE, *_FALSE):
            raise ImproperlyConfigured(f"{name} must be true or false, not {given[:40]!r}.")
        return given in _TRUE if given else default

    def count(self, name: str, default: int, *, least: int = 1, most: int) -> int:
        """A whole number."""
        return int(self._number(name, default, int, least, most, "a whole number"))

    def seconds(self, name: str, default: float, *, least: float = 0.1, most: float = 86_400) -> float:
        """A length of time."""
        return self._number(name, default, float, least, most, "a number of seconds")

    def zone(self, name: str, default: str) -> str:
        """The name of a time zone."""
        given = self._given(name) or default
        try:
            ZoneInfo(given)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"{name} must be a time zone such as Asia/Shanghai, not {given[:40]!r}."
            raise ImproperlyConfigured(message) from None
        return given

    def level(self, name: str, default: str) -> str:
        """The least important kind of line that is logged."""
        given = self._given(name).upper() or default
        if given not in (known := logging.getLevelNamesMapping()):
            raise ImproperlyConfigured(f"{name} must be one of {', '.join(sorted(known))}, not {given[:40]!r}.")
        return given

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Django's settings of a database. The value has a password in it: no message shows it."""
        given = self._given(name) or default
        try:
            if given.partition(":")[0] not in _DATABASES:
                raise ValueError("another database")
            found: dict[str, Any] = self.db_url_config(given)
        except (ValueError, LookupError, ImproperlyConfigured):
            example = "postgres://user:password@host:5432/name"
            raise ImproperlyConfigured(f"{name} must look like {example} or sqlite:////folder/file.") from None
        if not found.get("NAME"):
            raise ImproperlyConfigured(f"{name} names no database: its path is missing.")
        return found

    def _number(
        self, name: str, default: float, read: Callable[[str], float], least: float, most: float, what: str
    ) -> float:
        given = self._given(name)
        try:
            found = read(given) if given else default
        except ValueError:
            found = math.nan
        # nan lies between no two numbers: "nan" is refused as what cannot be read.
        if not least <= found <= most:
            raise ImproperlyConfigured(f"{name} must be {what} from {least} to {most}, not {given[:40]!r}.")
        return found

    def _given(self, name: str) -> str:
        return str(self.str(name, default="")).strip()
