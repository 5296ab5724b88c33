"""What every product begins with: the tables and the static files, made once in a process of tests, then copied.

Making them is most of a start's work, and the same each time; ``up`` finds them done, as at any second start.
"""

from __future__ import annotations

import atexit
import functools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parents[2]
_MIGRATE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
"""
_COLLECT = """
from prism4k.static_files import collect_when_changed
collect_when_changed()
"""
_OWN_PLACE = "PRISM4K_DATA_DIR"
# What tests.surroundings sets for the tests themselves.
_NOT_OURS = ("PRISM4K_TEST_APPS", "STATIC_STORAGE", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE", "PORT")


def environment_of(data: Path) -> dict[str, str]:
    """The variables of a product that has this data folder."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    return {**kept, _OWN_PLACE: str(data), "PRISM4K_DEMO": "1"}


def copy_prepared(data: Path, environment: dict[str, str]) -> None:
    """Into the data folder of a product that has never started; tables only where its database is the file there."""
    if (data / "static").exists():
        return
    made = _folder()
    shutil.copytree(made / "static", data / "static")
    if not environment.get("DATABASE_URL"):
        for file in made.glob("prism4k.sqlite3*"):
            shutil.copy2(file, data)


@functools.cache
def prepared_database(url: str) -> str:
    """The name of a database with our tables on that PostgreSQL server, for ``CREATE DATABASE … TEMPLATE``."""
    name = f"prepared_{secrets.token_hex(4)}"
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f'CREATE DATABASE "{name}"')
    _run(_MIGRATE, _place() / name, f"{url.rpartition('/')[0]}/{name}")
    return name


@functools.cache
def _place() -> Path:
    """What the tests were given, or a folder of its own for a program that makes pictures or serves."""
    if given := os.environ.get(_OWN_PLACE):
        return Path(given)
    place, owner = tempfile.mkdtemp(prefix="prism4k-prepared-"), os.getpid()
    # A forked child runs the same handlers: only the process that made the place takes it away.
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(place, ignore_errors=True))
    return Path(place)


@functools.cache
def _folder() -> Path:
    folder = _place() / "prepared"
    _run(_MIGRATE + _COLLECT, folder)
    return folder


def _run(program: str, data: Path, database: str = "") -> None:
    """``database`` is blank for the file of SQLite in the folder."""
    data.mkdir(parents=True)
    own = {"DJANGO_SETTINGS_MODULE": "prism4k.settings", "DATABASE_URL": database}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment_of(data) | own, check=True)
