"""Makes a dump of today's tables with the demo's rows: ``python -m tests.upgrade.make_dump [sqlite|postgresql] …``.

Without a name both. A dump of the same day is replaced. PostgreSQL is started for it on a private port.
"""

from __future__ import annotations

import gzip
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tests.scale.services import NotInstalled, postgres, postgres_program
from tests.upgrade.surroundings import DUMPS, run, variables

MOST_BYTES = 200_000


def fill(data: Path, database_url: str = "") -> None:
    """Today's tables and the demo's rows, its audit sealed."""
    environment = {**variables(data, database_url), "PRISM4K_DEMO": "1"}
    run("manage.py", "migrate", "--verbosity", "0", environment=environment)
    run("manage.py", "demo_data", "--verbosity", "0", environment=environment)
    run("manage.py", "shell", "--no-imports", "-c", "from audit.chain import seal_events as s\nwhile s(): pass",
        environment=environment)  # fmt: skip


def of_sqlite(folder: Path) -> str:
    """The SQL of a SQLite database."""
    fill(folder)
    with closing(sqlite3.connect(folder / "prism4k.sqlite3")) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def of_postgresql(folder: Path) -> str:
    """The SQL of a PostgreSQL database, without commands of psql: any client can run it."""
    with postgres(folder) as url:
        fill(folder / "data", url)
        options = ("--inserts", "--rows-per-insert=100", "--no-owner", "--no-privileges", "--no-comments")
        answer = subprocess.run(
            [postgres_program("pg_dump"), *options, url.replace("postgres://", "postgresql://")],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    return "\n".join(line for line in answer.stdout.splitlines() if not line.startswith(("\\", "--"))) + "\n"


MAKERS = {"sqlite": of_sqlite, "postgresql": of_postgresql}


def make(database: str) -> Path:
    """Writes the dump and returns its path; raises RuntimeError for one that is too large to keep."""
    with tempfile.TemporaryDirectory(prefix="prism4k-dump-") as name:
        text = MAKERS[database](Path(name))
    # Without the time of day in it, the same rows would make the same file; ids and times differ all the same.
    packed = gzip.compress(text.encode(), 9, mtime=0)
    if len(packed) > MOST_BYTES:
        raise RuntimeError(f"The dump has {len(packed)} bytes, the most is {MOST_BYTES}: make the demo's rows fewer.")
    path = DUMPS / f"{datetime.now(UTC):%Y-%m-%d}.{database}.sql.gz"
    path.write_bytes(packed)
    return path


def main(names: list[str]) -> int:
    """Exit code 0; 2 when PostgreSQL is not installed."""
    try:
        for name in names or list(MAKERS):
            path = make(name)
            sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")
    except NotInstalled as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
