"""Sets the variables that settings are read from, before pytest-django reads them (loaded by ``-p`` in pyproject)."""

from __future__ import annotations

import atexit
import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path


def _own_place() -> str:
    """Tests never touch the data of a running product; what they leave behind goes with their process."""
    given = os.environ.get("PRISM4K_TEST_DATA_DIR")
    if given:
        return given
    place, owner = tempfile.mkdtemp(prefix="prism4k-test-"), os.getpid()
    # A forked child runs the same handlers: only the process that made the place takes it away.
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(place, ignore_errors=True))
    return place


def _own_redis() -> None:
    """Two workers of pytest-xdist never share a Redis: the products of one would take the hints of the other's."""
    worker, brokers = os.environ.get("PYTEST_XDIST_WORKER", ""), os.environ.get("REDIS_OF_WORKERS", "").split()
    if worker and brokers:
        mine = brokers[int(worker.removeprefix("gw"))]
        os.environ.update(BROKER_URL=f"{mine}/0", CHANNEL_URL=f"{mine}/1")


_own_redis()
os.environ["PRISM4K_DATA_DIR"] = _own_place()
os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
os.environ.setdefault("ENCRYPTION_KEYS", "k1:" + base64.b64encode(secrets.token_bytes(32)).decode())
os.environ.setdefault("AUDIT_KEY", secrets.token_urlsafe(32))
# Tests roll their rows back; a file of heads would remember them.
os.environ.setdefault("AUDIT_HEADS_FILE", "")
os.environ.setdefault("PRISM4K_TEST_APPS", "demo,tests.foundation.probe")
os.environ.setdefault("STATIC_STORAGE", "django.contrib.staticfiles.storage.StaticFilesStorage")
os.environ.setdefault("OUTBOUND_ALLOW", "127.0.0.0/8,http")
os.environ.setdefault("LOG_LEVEL", "WARNING")
# Whitenoise warns of a folder that is not there.
(Path(os.environ["PRISM4K_DATA_DIR"]) / "static").mkdir(parents=True, exist_ok=True)
