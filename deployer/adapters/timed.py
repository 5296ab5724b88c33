"""An httpx transport whose whole exchange ends at one moment, however slowly the other side sends.

A time-out of httpx holds for each read: an answer of one byte each nine seconds would take hours.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

_PIECE = 16 * 1024
"""So much is handed to a connection at once, so that the moment holds for what is sent too."""


class _Until:
    """Seconds of ``time.monotonic()`` at which all ends."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def within(self, timeout: float | None, late: type[Exception]) -> float:
        """What is left of a time-out; raises ``late`` when nothing is."""
        left = self._moment - time.monotonic()
        if left <= 0:
            raise late("The time for the whole request is over.")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, until: _Until) -> None:
        self._real = real
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, self._until.within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), _PIECE):
            self._real.write(buffer[at : at + _PIECE], self._until.within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._until.within(timeout, httpcore.ConnectTimeout)
        return _Stream(self._real.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, real: httpcore.NetworkBackend, until: _Until) -> None:
        self._real = real
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._until.within(timeout, httpcore.ConnectTimeout)
        return _Stream(self._real.connect_tcp(host, port, left, local_address, socket_options), self._until)

    def sleep(self, seconds: float) -> None:
        self._real.sleep(seconds)


def timed(transport: httpx.HTTPTransport, moment: float) -> httpx.HTTPTransport:
    """The transport, which connects, sends and hears until ``moment`` of ``time.monotonic()`` and no longer: then it
    raises the time-outs of httpx. Pin it after this, so that the time holds for all addresses together."""
    pool = transport._pool
    pool._network_backend = _Backend(pool._network_backend, _Until(moment))
    return transport
