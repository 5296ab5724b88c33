"""Putting the parts together and running them on one event loop."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from sandbox.kubernetes.access import Account
from sandbox.kubernetes.controllers.engine import Engine
from sandbox.kubernetes.http.app import make_app
from sandbox.kubernetes.http.requests import Cluster
from sandbox.kubernetes.images import Puller
from sandbox.kubernetes.kinds import NAMESPACE, NODE
from sandbox.kubernetes.kubelet.kubelet import Kubelet
from sandbox.kubernetes.kubelet.node import node, node_status
from sandbox.kubernetes.kubelet.statuses import NODE as NODE_NAME
from sandbox.kubernetes.storage import Snapshot, Store
from sandbox.kubernetes.writes import Write, store_new

_FIRST_NAMESPACES = ("default", "kube-system")


@dataclass(frozen=True)
class Settings:
    """What the command line says. ``registries`` maps image hosts to base URLs, the empty host to the mirror."""

    host: str
    port: int
    folder: Path
    token: str = field(repr=False)
    registries: Mapping[str, str] = field(default_factory=dict)
    speed: float = 1.0
    history: int = 1000
    present: str = ""
    account: Account = field(default_factory=Account)


def _lifespan(settings: Settings, store: Store, puller: Puller) -> Callable[[Starlette], AsyncIterator[None]]:
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        snapshot = Snapshot(store, settings.folder)
        snapshot.load()
        engine, kubelet = Engine(store, settings.speed), Kubelet(store, puller, settings.speed)
        for name in _FIRST_NAMESPACES:
            if store.get(NAMESPACE, "", name) is None:
                namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
                store_new(store, Write(NAMESPACE, "", name, "stand-in"), namespace)
        if store.get(NODE, "", NODE_NAME) is None:
            store_new(store, Write(NODE, "", NODE_NAME, "kubelet"), {**node(), **node_status()})
        engine.start_over()
        kubelet.start_over()
        saving = asyncio.create_task(snapshot.keep_saving())
        tasks = [asyncio.create_task(engine.run()), asyncio.create_task(engine.sweep())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await kubelet.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            snapshot.stop()
            await saving
            await puller.close()

    return lifespan


class _Server(uvicorn.Server):
    """Ends watches as soon as a signal comes, so that stopping does not wait for them; says when it is ready."""

    def __init__(self, config: uvicorn.Config, store: Store, address: str) -> None:
        super().__init__(config)
        self._store = store
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the one line."""
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"kubernetes stand-in ready at {self._address}\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the watches, then the server."""
        self._store.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal; a second one does not make it any less orderly."""
        self.should_exit = True


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raises SystemExit when the port is taken or the saved state is unreadable."""
    # naming the protocol makes asyncio set TCP_NODELAY on what it accepts: without it small answers wait 40 ms
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise SystemExit(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another --port."
        ) from error
    address = f"http://{settings.host}:{listening.getsockname()[1]}"
    store = Store(settings.history)
    puller = Puller(settings.registries, settings.present)
    lifespan = asynccontextmanager(_lifespan(settings, store, puller))
    app = make_app(Cluster(store, settings.account, puller), settings.token, lifespan)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, access_log=False, ws="none")
    _Server(config, store, address).run(sockets=[listening])
