"""``python3 demo/install.py LOCK``: the virtual environment and the packages of a hashed lock, with a bar.

Standard library only: it runs before anything is installed. What is installed already is not looked at again.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import venv
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
KEPT_LINES = 30
BAR = 30


def main(lock: Path) -> int:
    """0 when everything in the lock is installed; pip's own code, with its last lines, when it is not."""
    stamp = VENV / f".{lock.stem}.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and (VENV / "bin" / "python").exists():
        return 0
    if not (VENV / "bin" / "python").exists():
        say(f"Making a virtual environment in {VENV.name} …")
        venv.create(VENV, with_pip=True, symlinks=True)
    code = run_pip(lock)
    if code == 0:
        stamp.write_text(wanted)
    return code


def run_pip(lock: Path) -> int:
    """pip with its lines turned into one bar."""
    total = len(re.findall(r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?==", lock.read_text(), re.MULTILINE))
    say(f"Installing {total} packages of {lock.name} (hashes checked) …")
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "--no-input",
               "--disable-pip-version-check", "--progress-bar", "off", "-r", str(lock)]  # fmt: skip
    last: deque[str] = deque(maxlen=KEPT_LINES)
    seen = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last.append(line.rstrip())
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
                draw(seen, total, line.split()[1 if line.startswith("Collecting") else 3])
            elif line.startswith("Installing collected"):
                draw(total, total, "unpacking …")
    draw_end()
    if pip.returncode:
        sys.stderr.write("\n".join(["pip could not install the packages. Its last lines:", *last, ""]))
        sys.stderr.write("Run the same command again once the cause is gone: it goes on where it stopped.\n")
    return pip.returncode


def draw(done: int, total: int, what: str) -> None:
    """The bar: redrawn on a terminal, a line every twenty packages elsewhere."""
    filled = BAR * min(done, total) // max(total, 1)
    line = f"[{'#' * filled}{'.' * (BAR - filled)}] {min(done, total):>3}/{total} {what[:40]}"
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\x1b[K{line}")
    elif done % 20 == 0 or done == total:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def draw_end() -> None:
    """Leave the bar's line."""
    if sys.stdout.isatty():
        sys.stdout.write("\r\x1b[K")
        sys.stdout.flush()


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.chdir(ROOT)
    try:
        sys.exit(main(Path(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
