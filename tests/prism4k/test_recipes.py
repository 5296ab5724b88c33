"""CONTRIBUTING.md lists the files of a new field and of a new verb: as many as an existing one really takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

BASE: Path = settings.BASE_DIR
FIELD, VERB = "a new field of a component", "a new verb with page and API"
NOT_CODE = ("tests/", "locale/", "docs/", "bench/")


def listed(recipe: str) -> set[str]:
    """The files that the recipe names, each at the beginning of a numbered line."""
    text = (BASE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition(f"## Recipe: {recipe}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\d+\. `([\w./]+)`", section, re.MULTILINE))


def naming(pattern: str) -> set[str]:
    """Code files that hold the pattern, without tests, catalogues and migrations."""
    tracked = subprocess.run(["git", "ls-files"], cwd=BASE, capture_output=True, text=True, check=True).stdout.split()
    return {
        name
        for name in tracked
        if name.endswith((".py", ".html", ".js"))
        and not name.startswith(NOT_CODE)
        and "/migrations/" not in name
        and (BASE / name).is_file()
        and re.search(pattern, (BASE / name).read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize(
    ("recipe", "pattern", "most"),
    [
        (FIELD, r"\bpackage_name\b", 6),
        (VERB, r"\bwithdraw[_-]approval\b|\bApprovalWithdrawal\b", 8),
    ],
)
def test_a_recipe_lists_the_files_that_its_example_takes(recipe: str, pattern: str, most: int) -> None:
    files = naming(pattern)
    assert files == listed(recipe)
    assert 0 < len(files) <= most
