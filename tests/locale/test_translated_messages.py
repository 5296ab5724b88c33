"""No message is raised or stored as bare English: each goes through ``_``, so that it can be translated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

BASE: Path = settings.BASE_DIR
MESSAGE_OF = {
    "Rejected": 0,
    "Unavailable": 0,
    "OutcomeUnknown": 0,
    "TooLate": 0,
    "Forbidden": 0,
    "NotFound": 0,
    "Conflict": 0,
    "Problem": 1,
    "YamlProblem": 1,
    "RefusedTag": 1,
    "QuantityError": 0,
    "GrammarError": 0,
    "Refused": 0,
    "Stale": 0,
    "Denied": 0,
    "Missing": 0,
    "Away": 0,
    "Unauthenticated": 0,
    "NotPossible": 1,
    "Trouble": 1,
    "end": 4,
    "Gate": 2,
}
"""Which argument of these calls is read by people."""
KEYWORDS = frozenset({"message", "unsettled_reason", "who_can_help"})
"""Named arguments that are read by people."""
APPS = (
    "deployer", "notifications", "releases", "components", "environments", "accounts", "desk", "foundation", "prism4k",
    "audit", "trains",
)  # fmt: skip


def bare(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every message that is written down as it is."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        place = MESSAGE_OF.get(name)
        given = [node.args[place]] if place is not None and len(node.args) > place else []
        given += [word.value for word in node.keywords if word.arg in KEYWORDS]
        for argument in given:
            text = _text(argument)
            if " " in text.strip():
                yield node.lineno, text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left)
    return ""


def test_the_search_finds_what_it_is_for() -> None:
    source = (
        'raise Rejected("No such job.")\nx(message=f"No {a}.")\nraise Rejected(_("No such job."))\nend(a, b, c, d)\n'
    )
    assert list(bare(ast.parse(source))) == [(1, "No such job."), (2, "No {}.")]


def _modules() -> list[Path]:
    found = [path for app in APPS for path in (BASE / app).rglob("*.py")]
    # Commands speak to operators, in a terminal; the parts' samples are data.
    data = {"migrations", "commands", "style_guide.py"}
    return sorted(path for path in found if not data & set(path.parts))


@pytest.mark.parametrize("app", APPS)
def test_messages_of_an_app_are_translated(app: str) -> None:
    modules = [path for path in _modules() if path.relative_to(BASE).parts[0] == app]
    assert modules
    found = [
        (str(path.relative_to(BASE)), line, text)
        for path in modules
        for line, text in bare(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []
