"""``python -m sandbox.controlplane --state var/plane --port 6443``: serves until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import httpx

from sandbox.controlplane.binary import NoToolchain, built
from sandbox.controlplane.metrics import register_metrics
from sandbox.controlplane.node import Egress, NodeServer, register
from sandbox.controlplane.objects import RemoteObjects
from sandbox.controlplane.servers import NotReady, Place, Servers
from sandbox.kubernetes.__main__ import registries
from sandbox.kubernetes.images import Puller
from sandbox.kubernetes.kubelet.kubelet import Kubelet
from sandbox.kubernetes.kubelet.node import KUBELET_PORT

_CHECK_SECONDS = 0.3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox.controlplane", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the objects over restarts")
    parser.add_argument("--host", default="127.0.0.1", choices=["127.0.0.1"], help="its certificate names no other")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--program", type=Path, help="built before; else it is built now")
    parser.add_argument("--registry", action="append", default=[], metavar="[HOST=]URL", help="where images come from")
    parser.add_argument("--present", default="", metavar="PREFIX", help="images that the node has already")
    parser.add_argument("--tokens", type=Path, help="more lines of tokens.csv: token,user,uid,groups")
    parser.add_argument("--speed", type=float, default=1.0, help="2 makes pods twice as quick")
    parser.add_argument("--prepare", action="store_true", help="build, make keys and the certificate, and end")
    parser.add_argument("--no-node", action="store_true", help="no kubelet: somebody else drives the pods")
    return parser


async def _run(given: argparse.Namespace, place: Place) -> None:
    servers = Servers(place)
    servers.prepare()
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    try:
        await servers.start()
        keeping = asyncio.create_task(_keep(servers, stop))
        await _with_node(given, place, stop)
        await keeping
    finally:
        servers.close()


async def _keep(servers: Servers, stop: asyncio.Event) -> None:
    """A part that ended is started again, as the machine under a cluster would."""
    while not stop.is_set():
        if servers.ended():
            await servers.start()
        await _wait(stop.wait(), _CHECK_SECONDS)


async def _with_node(given: argparse.Namespace, place: Place, stop: asyncio.Event) -> None:
    headers = {"Authorization": f"Bearer {place.token}"}
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(
        base_url=place.url, verify=place.trust(), headers=headers, trust_env=False, timeout=10, limits=limits
    ) as client:
        if given.no_node:
            _say_ready(place)
            await stop.wait()
            return
        await _serve_node(given, place, client, stop)


async def _serve_node(given: argparse.Namespace, place: Place, client: httpx.AsyncClient, stop: asyncio.Event) -> None:
    objects = RemoteObjects(client)
    puller = Puller(registries(given.registry), given.present)
    kubelet, server = Kubelet(objects, puller, given.speed), NodeServer(objects, place.folder)
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(server.run())]
    await server.until_ready()
    egress = Egress(objects, puller, place.egress_socket, server.port)
    await egress.start()
    await register(client)
    # Here alone: a bench whose node serves no metrics must not name them, or every kubectl waits for their discovery.
    await register_metrics(client, KUBELET_PORT)
    tasks.append(asyncio.create_task(objects.follow()))
    _say_ready(place)
    await stop.wait()
    server.stop()
    await kubelet.close()
    await objects.close()
    await egress.close()
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await puller.close()


def _say_ready(place: Place) -> None:
    sys.stdout.write(f"kubernetes control plane ready at {place.url}\n")
    sys.stdout.flush()


async def _wait(what: Awaitable[Any], seconds: float) -> None:
    try:
        await asyncio.wait_for(what, seconds)
    except TimeoutError:
        return


def main() -> None:
    """Read the command line and serve."""
    given = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    token = os.environ.get("KUBERNETES_TOKEN", "")
    if not token:
        raise SystemExit("Give the administrator's token by KUBERNETES_TOKEN.")
    if given.speed <= 0:
        raise SystemExit("--speed must be above 0.")
    more = given.tokens.read_text().splitlines() if given.tokens else ()
    try:
        program = given.program or built(lambda text: sys.stderr.write(f"{text}\n"))
        place = Place(program, given.state.resolve(), given.port, token, given.host, tuple(more), 15.0 / given.speed)
        if given.prepare:
            Servers(place).prepare()
        else:
            asyncio.run(_run(given, place))
    except (NoToolchain, NotReady) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
