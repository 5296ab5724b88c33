"""Reads a Dockerfile into instructions: comments, continuation lines, flags, JSON forms, quoting and variables.

After the Dockerfile reference, "Environment replacement": ``$X``, ``${X}``, ``${X:-word}``, ``${X-word}``,
``${X:+word}`` and ``${X+word}``; single quotes keep everything, double quotes keep blanks, the escape character keeps
the next character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.packer.errors import PackError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])(.*))?", re.DOTALL)


class _Reader:
    """Reads the text once; ``words`` collects finished words."""

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


_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"<<-?[\"']?[A-Za-z_]")
KNOWN = frozenset(
    {"FROM", "COPY", "ADD", "ENV", "WORKDIR", "USER", "EXPOSE", "LABEL", "ARG", "CMD", "ENTRYPOINT", "MAINTAINER"}
    | {"HEALTHCHECK", "VOLUME", "STOPSIGNAL", "SHELL", "RUN", "ONBUILD"}
)
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Instruction:
    """One instruction. ``rest`` is the text after name and flags; ``source`` the whole of it on one line."""

    line: int
    name: str
    flags: dict[str, str] = field(hash=False)
    rest: str
    source: str

    def json_list(self) -> list[str] | None:
        """The exec form ``["a", "b"]``, or None when the text is not a JSON list of strings."""
        if not self.rest.startswith("["):
            return None
        try:
            value = json.loads(self.rest)
        except ValueError:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return None
        return value


@dataclass(frozen=True)
class Dockerfile:
    """All instructions in order, and the escape character they were written with."""

    instructions: tuple[Instruction, ...]
    escape: str


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile; raises PackError with the line number."""
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise PackError("the Dockerfile is larger than 1 MiB")
    lines = re.split(r"\r?\n", text.lstrip("\ufeff"))  # as Docker does: other breaks are signs of a line
    escape = _read_escape(lines)
    found: list[Instruction] = []
    number = 0
    while number < len(lines):
        start = number
        joined, number = _join(lines, number, escape)
        if joined:
            found.append(_to_instruction(start + 1, joined))
    if not any(instruction.name == "FROM" for instruction in found):
        raise PackError("the Dockerfile has no FROM instruction")
    return Dockerfile(tuple(found), escape)


def _read_escape(lines: list[str]) -> str:
    """Directives are comments ``# name=value`` before anything else."""
    for number, line in enumerate(lines, 1):
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        if match[1].lower() == "escape":
            if match[2] not in {"\\", "`"}:
                raise PackError(f"line {number}: the escape character must be \\ or `")
            return match[2]
    return "\\"


def _join(lines: list[str], number: int, escape: str) -> tuple[str, int]:
    """The instruction that starts at ``number`` on one line, and where the next one may start."""
    parts: list[str] = []
    is_open = True
    while is_open and number < len(lines):
        line = lines[number]
        number += 1
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            # Blank and comment lines inside a continued instruction are skipped, as Docker does.
            is_open = bool(parts)
            continue
        is_open = stripped.endswith(escape)
        parts.append(line.rstrip()[:-1] if is_open else line.rstrip())
    return "".join(parts).strip(), number


def _to_instruction(line: int, source: str) -> Instruction:
    name, _, rest = source.partition(" ") if "\t" not in source.split(" ")[0] else source.partition("\t")
    name, rest = name.upper(), rest.strip()
    if name not in KNOWN:
        raise PackError(f"line {line}: {name[:40]} is not a Dockerfile instruction")
    if not rest:
        raise PackError(f"line {line}: {name} needs an argument")
    if name in {"COPY", "ADD", "RUN"} and _HEREDOC.search(rest):
        raise PackError(f"line {line}: {name} with a here-document needs buildah: start with BUILDER=buildah")
    flags: dict[str, str] = {}
    while name in {"FROM", "COPY", "ADD", "HEALTHCHECK", "RUN"} and (match := _FLAG.match(rest)):
        flags[match[1]] = match[2] or ""
        rest = rest[match.end() :]
    return Instruction(line=line, name=name, flags=flags, rest=rest, source=source)
