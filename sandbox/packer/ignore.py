"""``.dockerignore``: which files of a build context do not take part in the build."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ignore:
    """Rules in order, the last that matches wins; a rule for a directory holds for all below it."""

    rules: tuple[tuple[re.Pattern[str], bool], ...]

    @classmethod
    def read(cls, context: Path) -> Ignore:
        """The context's rules; none when it has no ``.dockerignore``."""
        try:
            lines = (context / ".dockerignore").read_text(errors="replace").splitlines()
        except OSError:
            return cls(())
        rules: list[tuple[re.Pattern[str], bool]] = []
        for line in (line.strip() for line in lines):
            if not line or line.startswith("#"):
                continue
            is_hidden = not line.startswith("!")
            pattern = posixpath.normpath(line.removeprefix("!").strip().lstrip("/") or ".")
            rules.append((re.compile(_to_regex(pattern)), is_hidden))
        return cls(tuple(rules))

    def hides(self, path: str) -> bool:
        """True when the path (relative to the context) is left out."""
        is_hidden = False
        for pattern, hides in self.rules:
            if pattern.fullmatch(path):
                is_hidden = hides
        return is_hidden


def _to_regex(pattern: str) -> str:
    found: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            found.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            found.append(".*")
            at += 2
        else:
            found.append({"*": "[^/]*", "?": "[^/]"}.get(pattern[at], re.escape(pattern[at])))
            at += 1
    return "".join(found) + "(?:/.*)?"
