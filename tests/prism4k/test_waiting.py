"""Tests wait for conditions (``tests/patience.py``). One that sleeps instead says why there is nothing to wait for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

MOST = 45
"""There were 69 once. Those that are left act a slow server, or give time for what must not happen."""


def sleeps(source: str) -> Iterator[int]:
    """Lines of a test on which its own thread sleeps."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep"):
            yield node.lineno


def says_why(source: str, line: int) -> bool:
    """A comment on the line, or right above it."""
    lines = source.splitlines()
    return "#" in lines[line - 1] or lines[line - 2].lstrip().startswith("#")


def test_a_sleep_without_a_reason_is_found() -> None:
    source = "import time\n\n# slow server\ntime.sleep(1)\ntime.sleep(1)  # slow server\n\ntime.sleep(1)\n"
    assert [line for line in sleeps(source) if not says_why(source, line)] == [7]


def test_tests_wait_for_conditions_and_not_for_times() -> None:
    base: Path = settings.BASE_DIR / "tests"
    found = [(path, line) for path in base.rglob("*.py") for line in sleeps(path.read_text(encoding="utf-8"))]
    assert 0 < len(found) <= MOST, len(found)
    silent = [f"{path}:{line}" for path, line in found if not says_why(path.read_text(encoding="utf-8"), line)]
    assert silent == []
