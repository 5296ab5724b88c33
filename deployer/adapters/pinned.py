"""The HTTP libraries, connecting to the addresses of :mod:`deployer.dialing`; the certificate is still the name's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from deployer.dialing import addresses_of


# ---------------------------------------------------------------- urllib3, and what stands on it
class _Pinned(HTTPConnection):
    """Tries each checked address; urllib3 itself would ask for the name again."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = addresses_of(name, self.port)
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error
        try:
            for number, address in enumerate(addresses, start=1):
                self._dns_host = address
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError):
                    if number == len(addresses):
                        raise
        finally:
            # What the certificate is compared with.
            self._dns_host = name
        raise AssertionError("unreachable")


class _PinnedTls(_Pinned, HTTPSConnection):
    """The same below TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Pinned


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedTls


def pin_pools(manager: urllib3.PoolManager) -> None:
    """Each pool that the manager makes from now on connects to checked addresses."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class PinnedAdapter(HTTPAdapter):
    """Of requests: as its own, with checked addresses. A proxy of the environment is the installation's own choice."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pin_pools(self.poolmanager)


# ---------------------------------------------------------------- httpx
class _Backend(httpcore.NetworkBackend):
    def __init__(self, real: httpcore.NetworkBackend) -> None:
        self._real = real

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = _addresses(host, port)
        for address in others:
            try:
                return self._real.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._real.connect_tcp(last, port, timeout, local_address, socket_options)

    def sleep(self, seconds: float) -> None:
        self._real.sleep(seconds)


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, real: httpcore.AsyncNetworkBackend) -> None:
        self._real = real

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        *others, last = await asyncio.to_thread(_addresses, host, port)
        for address in others:
            try:
                return await self._real.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._real.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._real.sleep(seconds)


def _addresses(host: str, port: int) -> list[str]:
    try:
        return list(addresses_of(host, port))
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error


def pinned(transport: httpx.HTTPTransport) -> httpx.HTTPTransport:
    """The transport, whose connections go to checked addresses."""
    pool = transport._pool
    pool._network_backend = _Backend(pool._network_backend)
    return transport


def pinned_async(transport: httpx.AsyncHTTPTransport) -> httpx.AsyncHTTPTransport:
    """The same on an event loop."""
    pool = transport._pool
    pool._network_backend = _AsyncBackend(pool._network_backend)
    return transport
