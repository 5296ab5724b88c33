"""A Dockerfile's quoting and variables, after the rules of the Dockerfile reference ("Environment replacement").

``$X``, ``${X}``, ``${X:-word}``, ``${X-word}``, ``${X:+word}`` and ``${X+word}``; single quotes keep everything,
double quotes keep blanks, the escape character keeps the next character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sandbox.packer.errors import PackError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])(.*))?", re.DOTALL)


class _Reader:
    """Walks once over the text; ``words`` collects finished words."""

    def __init__(self, text: str, values: Mapping[str, str], escape: str) -> None:
        self.text = text
        self.values = values
        self.escape = escape
        self.at = 0

    def words(self, *, is_split: bool) -> list[str]:
        found: list[str] = []
        word: list[str] = []
        has_word = False
        while self.at < len(self.text):
            char = self.text[self.at]
            if is_split and char in " \t":
                if has_word:
                    found.append("".join(word))
                word, has_word = [], False
                self.at += 1
                continue
            has_word = True
            word.append(self._next(char))
        if has_word:
            found.append("".join(word))
        return found

    def _next(self, char: str) -> str:
        if char == "'":
            return self._single()
        if char == '"':
            return self._double()
        if char == self.escape:
            self.at += 2
            return self.text[self.at - 1 : self.at]
        if char == "$":
            return self._variable()
        self.at += 1
        return char

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise PackError("a single quote is never closed")
        part = self.text[self.at + 1 : end]
        self.at = end + 1
        return part

    def _double(self) -> str:
        self.at += 1
        part: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return "".join(part)
            following = self.text[self.at + 1 : self.at + 2]
            if char == self.escape and following in {'"', "$", self.escape}:
                part.append(following)
                self.at += 2
            elif char == "$":
                part.append(self._variable())
            else:
                part.append(char)
                self.at += 1
        raise PackError("a double quote is never closed")

    def _variable(self) -> str:
        self.at += 1
        if self.text[self.at : self.at + 1] == "{":
            return self._braced()
        match = _NAME.match(self.text, self.at)
        if match is None:
            return "$"
        self.at = match.end()
        return self.values.get(match[0], "")

    def _braced(self) -> str:
        depth, end = 1, self.at + 1
        while end < len(self.text) and depth:
            depth += {"{": 1, "}": -1}.get(self.text[end], 0)
            end += 1
        match = _BRACED.fullmatch(self.text[self.at + 1 : end - 1])
        if depth or match is None:
            raise PackError("a variable must be written $NAME, ${NAME}, ${NAME:-word} or ${NAME:+word}")
        self.at = end
        name, operator, word = match[1], match[2] or "", match[3] or ""
        value = self.values.get(name)
        is_set = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("-"):
            return (value or "") if is_set else expand(word, self.values, self.escape)
        if operator.endswith("+"):
            return expand(word, self.values, self.escape) if is_set else ""
        return value or ""


def split_words(text: str, values: Mapping[str, str], escape: str = "\\") -> list[str]:
    """Words of an instruction, quotes taken off and variables filled in; raises PackError for open quotes."""
    return _Reader(text, values, escape).words(is_split=True)


def expand(text: str, values: Mapping[str, str], escape: str = "\\") -> str:
    """The text as one word, quotes taken off and variables filled in; raises PackError for open quotes."""
    return "".join(_Reader(text, values, escape).words(is_split=False))
