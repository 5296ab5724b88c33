"""Which modules of the tests hold against which attack, read from their marks without importing them."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def marked(folder: Path = ROOT / "tests") -> dict[str, set[str]]:
    """Attack → modules, such as ``releases/test_live``."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "mark.security" not in text:
            continue
        name = str(file.relative_to(folder).with_suffix(""))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.security":
                for attack in node.args:
                    found[ast.literal_eval(attack)].add(name)
    return dict(found)
