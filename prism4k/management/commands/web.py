"""``manage.py web``: one web process, pages, API and websockets."""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandError

from foundation.pulse import start_pulse
from prism4k.proxies import add_proxy_option, checked_proxies

GRACE_SECONDS = 2
"""How long requests under way may still take after SIGTERM; websockets are closed with 1012 at once."""
PING_SECONDS = 20.0
KEEP_ALIVE_SECONDS = 75
"""Longer than a proxy (nginx: 60 s) or a program keeps an idle connection: who closes first must be the one that asks.
Otherwise a request meets the end of its connection, and nobody knows whether it was served."""


class Command(BaseCommand):
    """Serves ``prism4k.asgi`` on an address of its own, or on a socket that a supervisor opened and shares."""

    help = "Serve pages, API and websockets."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--fd", type=int, help="an open listening socket, shared by several web processes")
        add_proxy_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        proxies = checked_proxies(options["proxy"])
        listener = self._listener(options["host"], options["port"], options["fd"])
        config = uvicorn.Config(
            "prism4k.asgi:application",
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws_ping_interval=PING_SECONDS,
            ws_max_size=64 * 1024,
            # Most frames are a few hundred bytes and are sent as they are to many: docs/decisions/live-pages.md.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies or None,
            server_header=False,
        )
        start_pulse()
        with listener:
            # asyncio does this for sockets of its own only; without it every kept-alive answer waits 40 ms for an ACK.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            uvicorn.Server(config).run(sockets=[listener])

    def _listener(self, host: str, port: int, fd: int | None) -> socket.socket:
        if fd is not None:
            # Family and type are read from the socket itself; asyncio sets TCP_NODELAY by them.
            return socket.socket(fileno=fd)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, port), family=family, backlog=512)
        except OSError as error:
            raise CommandError(f"Port {port} of {host} cannot be had: {error.strerror}. Give another --port.") from None
