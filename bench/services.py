"""PostgreSQL and Redis of a bar's own. Import this first: it knows nothing of the product and its settings."""

from __future__ import annotations

import os
import sys


def on_services(module: str) -> None:
    """Starts ``module`` again with a PostgreSQL and a Redis of its own, unless it was."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        command = [sys.executable, "-m", "tests.scale.services", sys.executable, "-m", module, *sys.argv[1:]]
        os.execv(sys.executable, command)
