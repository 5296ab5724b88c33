"""Comments and docstrings are plain technical English: standard terms, no pictures for apps, reads or people.

Texts that people see have their own list in ``tests/locale/barred.py``.
"""

from __future__ import annotations

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from tests.locale.barred import Barred

BASE: Path = settings.BASE_DIR
BARRED = (
    Barred(r"\brooms?\b", "app, module, capacity", "a Django app is called an app"),
    Barred(r"\bhouses?\b|\bin-house\b", "project, product", "nobody lives here"),
    Barred(r"\bwalk(s|ed|ing)?\b", "read, go through, example", "a file or a tree is read"),
    Barred(r"\bstrangers?\b", "without access, anonymous", "the right that is missing has a name"),
    Barred(r"\bwhoever\b", "who, the process that, people who", "names the actor instead"),
    Barred(r"\bwhatever\b", "any, in any case", "names what may vary"),
    Barred(r"\bspoken\b", "sent, shown", "programs send"),
    Barred(r"\b(a|an|one|the|our|first|next|last|newest|new|old|every|no|two|further) looks?\b", "read, pass, review",
           "steps read, the engine passes over a run, people review"),
    Barred(r"\bwithout a word\b", "silently", "programs do not talk"),
    Barred(r"\bsentences?\b", "message", "what the product shows is a message",
           but=r"``sentence``"),
)  # fmt: skip
ITSELF = {"tests/prism4k/test_plain_words.py", "tests/locale/barred.py", "tests/locale/test_catalogues.py"}


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every comment and docstring."""
    documented = {
        (node.value.lineno, node.value.col_offset)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.start in documented):
            yield from enumerate(token.string.split("\n"), token.start[0])


def test_prose_is_comments_and_docstrings_alone() -> None:
    source = '"""Of a room."""\nx = "room"  # the house\ndef f():\n    """One."""\n    return "walk"\n'
    assert list(prose(source)) == [(1, '"""Of a room."""'), (2, "# the house"), (4, '"""One."""')]


def test_comments_and_docstrings_have_standard_words() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=BASE, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split() if "/migrations/" not in name and name not in ITSELF]
    assert len(names) > 500
    found = [
        f"{name}:{line}: {text.strip()} -> {barred.instead}"
        for name in names
        if (BASE / name).is_file()
        for line, text in prose((BASE / name).read_text(encoding="utf-8"))
        for barred in BARRED
        if barred.found_in(text)
    ]
    assert found == []
