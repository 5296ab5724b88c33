"""``python -m sandbox.registry --host 127.0.0.1 --port 5000 --state var/registry [--username U --password P]``."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
from pathlib import Path

import uvicorn

from sandbox.registry.app import create_app
from sandbox.registry.notices import FORMS, Notices, Tell
from sandbox.registry.seed import seed
from sandbox.registry.store import Store
from sandbox.single import lock_folder


def main() -> int:
    """Serve until SIGTERM or SIGINT; 2 for arguments or a port or folder that cannot be had."""
    options = _parser().parse_args()
    password = options.password or os.environ.get("REGISTRY_PASSWORD", "")
    if bool(options.username) != bool(password):
        return _fail("--username and a password (--password or REGISTRY_PASSWORD) belong together")
    if not options.username and not _is_loopback(options.host):
        return _fail(f"{options.host} can be reached from other machines: give --username and a password")
    if options.notify and not os.environ.get("REGISTRY_NOTIFY_SECRET"):
        return _fail("--notify needs a secret: REGISTRY_NOTIFY_SECRET in the environment")
    # Tags are guarded by a lock in memory.
    lock = lock_folder(options.state)
    if lock is None:
        return _fail(f"another registry is using {options.state}")
    try:
        listener = socket.create_server((options.host, options.port), family=_family(options.host))
    except OSError as exc:
        return _fail(f"port {options.port} of {options.host} cannot be had: {exc.strerror}; choose another --port")
    with lock, listener:
        store = Store(options.state)
        for name in seed(store):
            _say(f"seeded {name}")
        host, port = listener.getsockname()[:2]
        _say(f"registry on http://{f'[{host}]' if ':' in host else host}:{port}, state in {options.state}")
        app = create_app(store, options.username, password, _tell(options))
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="off")
        # asyncio does this for sockets of its own only; without it every kept-alive answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.registry", description="A small OCI image registry.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps blobs and tags")
    parser.add_argument("--username", default="")
    parser.add_argument("--password", default="", help="better in the environment: REGISTRY_PASSWORD")
    parser.add_argument("--notify", default="", help="address to tell of pushes; its secret: REGISTRY_NOTIFY_SECRET")
    parser.add_argument("--notify-form", choices=FORMS, default="harbor")
    return parser


def _tell(options: argparse.Namespace) -> Tell | None:
    if not options.notify:
        return None
    return Notices(options.notify, os.environ["REGISTRY_NOTIFY_SECRET"], options.notify_form).tell


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
