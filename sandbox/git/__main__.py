"""``python -m sandbox.git``: the stand-in Git server as a process."""

from __future__ import annotations

import argparse
import logging
import socket
import sys
from pathlib import Path

import uvicorn

from .app import NoBackend, create_app, find_backend

logger = logging.getLogger("sandbox.git")


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; exit code 2 with a message when it cannot."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(prog="python -m sandbox.git", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one; it is printed at start")
    parser.add_argument("--root", type=Path, required=True, help="folder of bare repositories <name>.git")
    chosen = parser.parse_args(argv)
    try:
        program = find_backend()
        chosen.root.mkdir(parents=True, exist_ok=True)
        listener = socket.create_server((chosen.host, chosen.port), family=_family(chosen.host))
    except NoBackend as exc:
        logger.error("Stand-in Git: %s", exc)
        return 2
    except OSError as exc:
        logger.error("Stand-in Git: cannot serve %s on %s:%d: %s", chosen.root, chosen.host, chosen.port, exc.strerror)
        return 2
    port = listener.getsockname()[1]
    logger.info("Stand-in Git at http://%s:%d/, read-only, repositories of %s", chosen.host, port, chosen.root)
    config = uvicorn.Config(
        create_app(chosen.root, program), log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    # asyncio does this for sockets of its own only; without it every kept-alive answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


if __name__ == "__main__":
    sys.exit(main())
