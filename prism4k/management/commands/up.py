"""``manage.py up``: the whole product under one supervisor."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, connections

from foundation.migration_history import history_refusal
from foundation.runs.finish import release_leases
from prism4k.processes import LOOPBACK, Counts, process_name, product
from prism4k.proxies import add_proxy_option, checked_proxies
from prism4k.supervisor import Child, StartFailed, Supervisor, die_with_parent

STATUS = Path("run") / "up.json"


class Command(BaseCommand):
    """Serves until Ctrl-C or SIGTERM. While all runs, ``run/up.json`` in the data directory says where."""

    help = "Serve web, worker and watcher under one supervisor."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=LOOPBACK)
        parser.add_argument("--port", type=int, default=os.environ.get("PORT") or "8000")
        parser.add_argument("--webs", type=int, default=1, help="web processes, sharing one port (default 1)")
        parser.add_argument("--workers", type=int, default=1, help="Celery workers (default 1)")
        parser.add_argument("--watchers", type=int, default=1, help="watchers (default 1)")
        add_proxy_option(parser)
        parser.add_argument("--started-by", default="up", help="who started it; kept in run/up.json")
        parser.add_argument("--parent", type=int, default=0, help="the process to end with, however it ends")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a message when it cannot start."""
        options["proxy"] = checked_proxies(options["proxy"])
        if options["parent"]:
            die_with_parent(options["parent"], signal.SIGTERM)()
        _refuse_foreign_database()
        lock = _lock(settings.DATA_DIR / "run" / "up.lock")
        try:
            with lock:
                self._serve(options)
        except StartFailed as error:
            raise CommandError(str(error)) from None

    def _serve(self, options: dict[str, Any]) -> None:
        url = f"http://{options['host']}:{options['port']}"
        environment = {"PLATFORM_URL": os.environ.get("PLATFORM_URL") or url}
        with _listener(options["host"], options["port"]) as listener:
            children = self.prepare(options, environment)
            counts = Counts(options["webs"], options["workers"], options["watchers"])
            environment["TRUSTED_PROXIES"] = options["proxy"]
            children += product(counts, listener=listener, url=url, environment=environment)
            status = Status(settings.DATA_DIR / STATUS, url=url, port=options["port"], started_by=options["started_by"])
            try:
                asyncio.run(_supervise(children, status))
            finally:
                status.remove()

    def prepare(self, options: dict[str, Any], environment: dict[str, str]) -> list[Child]:
        """Processes to run besides, none here; a subclass has some, and may add to the environment of all."""
        return []


class Status:
    """``up.json``: pid, address, who started it and the pids of all children. Made when everything is ready."""

    def __init__(self, path: Path, *, url: str, port: int, started_by: str) -> None:
        self._path = path
        self._content: dict[str, Any] = {"pid": os.getpid(), "url": url, "port": port, "started_by": started_by}
        self._is_ready = False

    def ready(self) -> None:
        """From now on the file exists."""
        self._is_ready = True
        self._content["ready_at"] = time.time()
        self._write()

    def changed(self, pids: dict[str, int]) -> None:
        """A child was started."""
        self._content["processes"] = pids
        if self._is_ready:
            self._write()

    def remove(self) -> None:
        """Nothing runs any more."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        partial = self._path.with_suffix(".new")
        partial.write_text(json.dumps(self._content, indent=1) + "\n")
        partial.replace(self._path)


async def _supervise(children: list[Child], status: Status) -> None:
    supervisor = Supervisor(children, died=_free_leases, changed=status.changed, ready=status.ready)
    await supervisor.run()


def _free_leases(child: str) -> None:
    """What the dead process held is due again now, not when its leases end."""
    if child.startswith(("worker-", "watcher-")):
        try:
            release_leases(process_name(child))
        except DatabaseError as error:
            print(f"The leases of {child} could not be freed and end by themselves: {error}", flush=True)
        finally:
            connections.close_all()


def _refuse_foreign_database() -> None:
    try:
        refusal = history_refusal(connection)
    except DatabaseError:
        # It does not answer yet: the processes wait for it, and /readyz asks again.
        return
    finally:
        connections.close_all()
    if refusal:
        raise CommandError(refusal.in_english)


def _lock(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CommandError(f"It is running already (see {path.parent}/up.json): stop that one with Ctrl-C.") from None
    return lock


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=512)
    except OSError as error:
        raise CommandError(
            f"Port {port} of {host} cannot be had: {error.strerror}. Take another: make up PORT={port + 1}; "
            f"or see who has it: ss -ltnp 'sport = :{port}'"
        ) from None
