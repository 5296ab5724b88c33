"""Closed sets: themes, scopes of tokens, and the time zones that there are."""

from __future__ import annotations

import zoneinfo
from functools import cache

from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class Theme(models.TextChoices):
    SYSTEM = "system", _("as the system")
    LIGHT = "light", _("light")
    DARK = "dark", _("dark")


class Scope(models.TextChoices):
    """What a token may do: never more than its owner."""

    READ = "read", _("read")
    BUILD = "build", _("create and build orders")
    PROMOTE = "promote", _("promote and return")
    DEPLOY = "deploy", _("review, approve, deploy, roll back")
    ADMIN = "admin", _("settings and administration")


COOKIE = "prism4k_zone"
"""Set by the browser's script from ``Intl``: only a hint how to show times, so it needs no secrecy."""


@cache
def known_zones() -> frozenset[str]:
    """Names of the IANA database; read once: listing them reads a folder."""
    return frozenset(zoneinfo.available_timezones())


def browser_zone(request: HttpRequest) -> str:
    """The zone that the browser named, e.g. ``Asia/Shanghai``; empty when it named none that there is."""
    named = request.COOKIES.get(COOKIE, "")
    return named if named in known_zones() else ""
