"""Time zones: which there are, and which one a browser says it is in."""

from __future__ import annotations

import zoneinfo
from functools import cache

from django.http import HttpRequest

COOKIE = "prism4k_zone"
"""Set by the browser's script from ``Intl``: only a hint how to show times, so it needs no secrecy."""


@cache
def known_zones() -> frozenset[str]:
    """Names of the IANA database; read once, for looking means walking a folder."""
    return frozenset(zoneinfo.available_timezones())


def browser_zone(request: HttpRequest) -> str:
    """The zone that the browser named, e.g. ``Asia/Shanghai``; empty when it named none that there is."""
    named = request.COOKIES.get(COOKIE, "")
    return named if named in known_zones() else ""
