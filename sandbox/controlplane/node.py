"""The node's own server (logs, by TLS), what its pods answer, and the way from the API server to both.

The node and its pods have invented addresses. The API server reaches them through an egress selector: it sends
``CONNECT host:port`` into our socket. Source: ``k8s.io/apiserver/pkg/server/egressselector``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.controlplane.metrics import metrics_routes
from sandbox.controlplane.objects import RemoteObjects
from sandbox.kubernetes.entry import answer_of, entry_of, listens
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.http.logs import log_of
from sandbox.kubernetes.images import Puller
from sandbox.kubernetes.kinds import POD
from sandbox.kubernetes.kubelet.node import KUBELET_PORT, node, node_status
from sandbox.kubernetes.kubelet.statuses import NODE, NODE_ADDRESS

Obj = dict[str, Any]

_log = logging.getLogger(__name__)
_HEAD_LIMIT = 64 * 1024
_PHRASE = "as the scenario says"


async def register(client: httpx.AsyncClient) -> None:
    """The Node with its capacity and the port of its server; the one that is there is brought up to date."""
    answer = await client.post("/api/v1/nodes", json=node())
    if answer.status_code not in (201, 409):
        answer.raise_for_status()
    headers = {"Content-Type": "application/merge-patch+json"}
    status = await client.patch(f"/api/v1/nodes/{NODE}/status", content=json.dumps(node_status()), headers=headers)
    status.raise_for_status()


class NodeServer:
    """Serves logs as a kubelet does and metrics as metrics-server, by TLS on a port of loopback."""

    def __init__(self, objects: RemoteObjects, folder: Path) -> None:
        self._objects = objects
        app = Starlette(
            routes=[Route("/containerLogs/{namespace}/{pod}/{container}", self._log), *metrics_routes(objects)],
            exception_handlers={ApiError: _refused},
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="warning", access_log=False, ws="none", lifespan="off",
            ssl_certfile=str(folder / "pki" / "apiserver.crt"), ssl_keyfile=str(folder / "pki" / "apiserver.key"),
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = _Quiet(config)
        self.port = 0

    async def _log(self, request: Request) -> Response:
        namespace, name = request.path_params["namespace"], request.path_params["pod"]
        pod = self._objects.get(POD, namespace, name)
        if pod is None:
            return PlainTextResponse(f'pods "{name}" not found', status_code=404)
        return log_of(request, self._objects, pod, request.path_params["container"])

    async def run(self) -> None:
        """Serve until ``stop``."""
        await self._server.serve()

    async def until_ready(self) -> None:
        """Returns when ``port`` is known."""
        while not self._server.started:
            await asyncio.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        """End ``run``."""
        self._server.should_exit = True


class _Quiet(uvicorn.Server):
    """Leaves the signals to the program that it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return PlainTextResponse(error.message, status_code=error.code)


class Egress:
    """Answers ``CONNECT``: the node's address leads to its server, a pod's to what the pod answers."""

    def __init__(self, objects: RemoteObjects, puller: Puller, path: Path, node_port: int) -> None:
        self._objects, self._puller, self._path, self._node_port = objects, puller, path, node_port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on the socket."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            head = await reader.readuntil(b"\r\n\r\n")
            host, _colon, port = head.split(b" ", 2)[1].decode().rpartition(":")
            await self._connect(host.strip("[]"), int(port), reader, writer)
        writer.close()

    async def _connect(self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if host in (NODE, NODE_ADDRESS, "127.0.0.1"):
            there = await asyncio.open_connection("127.0.0.1", self._node_port if port == KUBELET_PORT else port)
            await _accept(writer)
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
            return
        pod = next((one for one in self._objects.all(POD) if one.get("status", {}).get("podIP") == host), None)
        entry = await entry_of(pod, self._puller) if pod and listens(pod, port) else "refused"
        if pod is None or entry == "refused":
            # The server keeps only the phrase, and says it to who asked.
            writer.write(f"HTTP/1.1 502 dial tcp {host}:{port}: connect: connection refused\r\n\r\n".encode())
            await writer.drain()
            return
        await _accept(writer)
        await _answer_for(pod, entry, reader, writer)


async def _accept(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_HEAD_LIMIT):
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof() if writer.can_write_eof() else writer.close()


async def _answer_for(pod: Obj, entry: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One HTTP answer, or what the pod does instead of it. ``entry``: its scenario."""
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ", 2)[1].decode("ascii", "replace")
    answer = answer_of(pod, path, entry)
    if answer.silence == "hangs":
        await reader.read()
    if answer.silence:
        return
    lines = [f"HTTP/1.1 {answer.status} {_PHRASE}", *(f"{name}: {text}" for name, text in answer.headers.items())]
    lines += [f"Content-Length: {len(answer.body)}", "Connection: close"]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body)
    await writer.drain()
