"""``make reset``: asks once, then removes the data directory."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from demo.preflight import VAR as FOLDER
from demo.preflight import is_running

VAR = Path(FOLDER)


def main() -> int:
    """0 when it is gone, 1 when the person said no, 2 while something runs on it."""
    if not VAR.exists():
        sys.stdout.write(f"There is nothing to reset: {VAR} does not exist.\n")
        return 0
    if is_running():
        sys.stderr.write("It is running. Stop it with Ctrl-C where it runs (make up or make demo), then reset.\n")
        return 2
    if not agreed():
        sys.stdout.write("Nothing was removed.\n")
        return 1
    shutil.rmtree(VAR)
    sys.stdout.write(f"{VAR} is gone. make demo or make up starts afresh.\n")
    return 0


def agreed() -> bool:
    """YES=1, or a y on the terminal."""
    if os.environ.get("YES") == "1":
        return True
    sys.stdout.write(f"Remove {VAR} with all orders, images, logs and secrets in it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
