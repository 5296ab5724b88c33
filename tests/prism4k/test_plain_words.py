"""Comments, docstrings, names and documents are plain technical English: no pictures for apps, reads or people.

Texts that people see have their own list in ``tests/locale/barred.py``.
"""

from __future__ import annotations

import ast
import io
import re
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
NAMES = re.compile(
    r"^(rooms?|houses?|walk(s|ed|ing)?|strangers?|sentences?|spoken|whoever|whatever|sights?|hub|insist|fate|leg|looks?)$"
)
"""Whole names, and parts of them between underscores and capitals, that people's own code does not have."""
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
VERBS = re.compile(r"(^|_)looks?(ed)?_(for|up|alikes?|at|as|like|again|right|after)(_|$)", re.IGNORECASE)
"""To look for something is what the words say."""
OF_LIBRARIES = {"walk", "walk_tb"}
DOCUMENTS = ("*.md", "*.js", "*.mjs", "*.scss", "*.sh", "Makefile", "Dockerfile", ".ci/run", ".ci/bare-machine")
OF_THEIR_OWN = re.compile(r"^(docs/screens/|static/|node_modules/)|zh-CN")
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


def tracked(*patterns: str) -> list[str]:
    """Files of the repository, as git lists them."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=BASE, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if "/migrations/" not in name and (BASE / name).is_file()]


def barred_parts(name: str) -> list[str]:
    """The parts of a name in code that are barred."""
    if name in OF_LIBRARIES or VERBS.search(name):
        return []
    return [part for part in PARTS.findall(name) if NAMES.match(part.lower())]


def names_of(source: str) -> set[str]:
    """All names in a module."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def test_prose_is_comments_and_docstrings_alone() -> None:
    source = '"""Of a room."""\nx = "room"  # the house\ndef f():\n    """One."""\n    return "walk"\n'
    assert list(prose(source)) == [(1, '"""Of a room."""'), (2, "# the house"), (4, '"""One."""')]


def test_comments_and_docstrings_have_standard_words() -> None:
    names = [name for name in tracked("*.py") if name not in ITSELF]
    assert len(names) > 500
    found = [
        f"{name}:{line}: {text.strip()} -> {barred.instead}"
        for name in names
        for line, text in prose((BASE / name).read_text(encoding="utf-8"))
        for barred in BARRED
        if barred.found_in(text)
    ]
    assert found == []


def test_a_barred_part_of_a_name_is_found() -> None:
    assert barred_parts("NodeSight") == ["Sight"] and barred_parts("_missing_room") == ["room"]
    assert barred_parts("next_look") == ["look"] and barred_parts("HUB") == ["HUB"]
    assert not any(map(barred_parts, ("headroom", "look_for_late_image", "LOOK_ALIKES", "lease", "allegro")))


def test_names_in_code_have_standard_words() -> None:
    found = {
        f"{name}: {word}"
        for name in tracked("*.py")
        if name not in ITSELF
        for word in {*names_of((BASE / name).read_text(encoding="utf-8")), *Path(name).with_suffix("").parts}
        if barred_parts(word)
    }
    assert found == set()


def test_documents_and_other_sources_have_standard_words() -> None:
    files = [name for name in tracked(*DOCUMENTS) if not OF_THEIR_OWN.search(name)]
    assert {"docs/architecture.md", "frontend/js/live.js", "Makefile"} <= set(files)
    found = [
        f"{name}:{number}: {line.strip()} -> {barred.instead}"
        for name in files
        for number, line in enumerate((BASE / name).read_text(encoding="utf-8").splitlines(), 1)
        for barred in BARRED
        if barred.found_in(line)
    ]
    assert found == []
