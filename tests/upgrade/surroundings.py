"""The keys and variables that the dumps were made with: anybody who reads one needs the same."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DUMPS = Path(__file__).resolve().parent / "dumps"
_NOT_OURS = ("PRISM4K_TEST_APPS", "DJANGO_SETTINGS_MODULE", "CLUSTER", "JENKINS_URL", "REGISTRY", "BUILDER")
KEYS = {
    "SECRET_KEY": "of the dumps of tests/upgrade alone, which hold nothing but the demo's rows",
    "ENCRYPTION_KEYS": "dump:" + base64.b64encode(b"a key for dumps of the demo only").decode(),
    "AUDIT_KEY": "of the dumps of tests/upgrade alone",
}


def variables(data: Path, database_url: str = "") -> dict[str, str]:
    """The environment of a program over the database; without an address SQLite in the data directory."""
    (data / "static").mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in (*_NOT_OURS, "DATABASE_URL")}
    ours = {
        **KEYS,
        "PRISM4K_DATA_DIR": str(data),
        "STATIC_STORAGE": "django.contrib.staticfiles.storage.StaticFilesStorage",
        "LOG_LEVEL": "ERROR",
    }
    return {**kept, **ours, **({"DATABASE_URL": database_url} if database_url else {})}


def run(*arguments: str, environment: dict[str, str]) -> str:
    """A program of Python, to its end; what it printed. Fails with what it complained of."""
    answer = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    if answer.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {answer.returncode}:\n{answer.stderr[-4000:]}")
    return answer.stdout


def newest(database: str) -> Path:
    """The newest dump of ``sqlite`` or ``postgresql``; their names begin with the day."""
    return max(DUMPS.glob(f"*.{database}.sql.gz"))
