"""Whose pages may open a websocket: a page of another site, or of another port, would do it with our cookie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

_PORTS = {"http": 80, "https": 443}


class OwnOrigins:
    """Lets through what comes from one of our origins, compared whole: scheme, host and port.

    Over plain http a page that the very address of the socket served is ours too, where that host is allowed.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        """Denies the handshake (403) of anybody else."""
        headers = {name.lower(): value.decode("latin1") for name, value in scope.get("headers", [])}
        if is_ours(headers.get(b"origin", ""), headers.get(b"host", "")):
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)


def is_ours(origin: str, host: str) -> bool:
    """Does that ``Origin`` belong to us, for a socket at that ``Host``?"""
    found = _whole(origin)
    if found is None:
        return False
    return found in _wholes(settings.CSRF_TRUSTED_ORIGINS) or (
        not settings.IS_SECURE
        and validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
        and found == _whole(f"http://{host}")
    )


def _wholes(origins: Iterable[str]) -> set[tuple[str, str, int] | None]:
    return {_whole(one) for one in origins}


def _whole(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no origin."""
    try:
        parts = urlsplit(origin.lower())
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port
