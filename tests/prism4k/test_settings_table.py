"""Every setting stands in both READMEs' tables, and nothing else does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = [("README.md", "### Settings"), ("README.zh-CN.md", "### 设置")]


def read_by_settings() -> set[str]:
    """Names of the variables that settings.py reads: ``env.<kind>("NAME", …)`` and ``_key("NAME", …)``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / "prism4k" / "settings.py").read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
            continue
        of_env = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "env"
        if of_env or ast.unparse(node.func) == "_key":
            found.add(str(node.args[0].value))
    return found


def table(file: str, heading: str) -> dict[str, list[str]]:
    """The other cells of each row by its setting."""
    text = (ROOT / file).read_text(encoding="utf-8").partition(f"{heading}\n")[2]
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|(.*)\|$", text, re.MULTILINE)
    assert len({name for name, _cells in rows}) == len(rows), "a setting stands there twice"
    return {name: [cell.strip() for cell in re.split(r"(?<!\\)\|", cells)] for name, cells in rows}


@pytest.mark.parametrize(("file", "heading"), TABLES)
def test_the_table_names_each_setting_with_default_and_meaning(file: str, heading: str) -> None:
    rows = table(file, heading)
    names = read_by_settings()

    assert len(names) > 15, "the search finds too little to prove anything"
    assert set(rows) == names
    assert all(len(cells) == 2 and all(cells) for cells in rows.values())


def test_both_languages_name_them_in_one_order() -> None:
    english, chinese = (table(file, heading) for file, heading in TABLES)
    assert list(english) == list(chinese)
