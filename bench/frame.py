"""What every bar needs: a product of its own in a temporary folder, child processes, and the line that is printed.

Import this before anything of the product: settings read the variables that it sets.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]
_MARK = "PRISM4K_BENCH_FOLDER"

if _MARK not in os.environ:
    os.environ[_MARK] = tempfile.mkdtemp(prefix="prism4k-bench-")
    atexit.register(shutil.rmtree, os.environ[_MARK], True)
FOLDER = Path(os.environ[_MARK])
os.environ["PRISM4K_DATA_DIR"] = str(FOLDER / "data")
os.environ["DJANGO_SETTINGS_MODULE"] = "prism4k.settings"
os.environ["STATIC_STORAGE"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
os.environ["OUTBOUND_ALLOW"] = "127.0.0.0/8,http"
os.environ["LOG_LEVEL"] = "ERROR"
os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
os.environ.setdefault("ENCRYPTION_KEYS", "k1:" + base64.b64encode(secrets.token_bytes(32)).decode())
os.environ.setdefault("AUDIT_KEY", secrets.token_urlsafe(32))
(FOLDER / "data" / "static").mkdir(parents=True, exist_ok=True)


def set_up() -> None:
    """Django, and in the first process of a bar an empty database with all tables; SIGTERM ends what was started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    django.setup()
    if not connection.introspection.table_names():
        call_command("migrate", verbosity=0)


@contextlib.contextmanager
def running(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """``python …`` for as long as the block lasts."""
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, text=True, **options)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(read: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """The first true answer of ``read``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if value := read():
                return value
        time.sleep(0.05)
    raise TimeoutError(f"not within {seconds} s")


def listens(port: int) -> bool:
    """True when somebody accepts connections there."""
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def finish(bar: str, *, ok: bool, **figures: Any) -> None:
    """Prints the bar's one JSON line and ends the process: 0 when it was met, 1 when not."""
    line = {"bar": bar, **figures, "ok": ok, "load": round(os.getloadavg()[0], 2)}
    print(json.dumps(line, ensure_ascii=False), flush=True)
    sys.exit(0 if ok else 1)
