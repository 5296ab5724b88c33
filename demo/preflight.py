"""Checks before anything is installed: each failure is one message and the command that mends it.

Runs on any ``python3`` from 3.6 on, with the standard library only: no newer syntax here.
"""

import fcntl
import importlib.util
import os
import shutil
import socket
import sys
from typing import Any, Callable  # noqa: UP035 - older Pythons must read this file

OLDEST = (3, 11)
EXIT = 2
VAR = os.environ.get("PRISM4K_DATA_DIR") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "var"
)
LOCK = os.path.join(VAR, "run", "up.lock")


def check_python(version: "tuple[int, ...]" = sys.version_info[:3]) -> str:
    """The message, or an empty text."""
    if version[:2] >= OLDEST:
        return ""
    return (
        "Python {}.{} is too old: Prism4k needs 3.11 or newer.\n"
        "  Debian 12 has it: apt-get install python3 python3-venv\n"
        "  Another one beside it: make demo PYTHON=python3.11"
    ).format(*version[:2])


def check_venv(find: Callable[[str], Any] = importlib.util.find_spec) -> str:
    """Debian splits venv: the module may be there without ensurepip."""
    if find("venv") is not None and find("ensurepip") is not None:
        return ""
    return "Python has no venv module here.\n  Install it: apt-get install python3-venv"


def check_git(which: Callable[[str], Any] = shutil.which) -> str:
    """Git makes and serves the demo's repositories."""
    return "" if which("git") else "git is not installed.\n  Install it: apt-get install git"


def check_port(port: str, host: str = "127.0.0.1") -> str:
    """Somebody else may listen there."""
    try:
        number = int(port)
        if not 0 < number < 65536:
            raise ValueError
    except ValueError:
        return f"PORT={port} is not a port.\n  Give a number from 1 to 65535: PORT=8001"
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, number))
    except OSError as error:
        return (
            f"Port {number} cannot be had: {error.strerror}.\n"
            f"  Take another: add PORT={number + 1} to the command\n"
            f"  See who has it: ss -ltnp 'sport = :{number}'"
        )
    finally:
        listener.close()
    return ""


def is_running(lock: str = LOCK) -> bool:
    """Somebody holds the lock that ``manage.py up`` takes."""
    if not os.path.exists(lock):
        return False
    with open(lock, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def main(arguments: "list[str]") -> int:
    """``python3 demo/preflight.py [port]``: exit code 2 and the messages when something is missing."""
    problems = [check_python()]
    if not problems[0]:
        problems += [check_venv(), check_git()]
        # A product that runs already has its port: make demo uses it, make up says so.
        if arguments and not is_running():
            problems.append(check_port(arguments[0]))
    problems = [message for message in problems if message]
    for message in problems:
        sys.stderr.write(message + "\n")
    return EXIT if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
