"""Reads a Dockerfile into instructions: comments, continuation lines, the escape directive, flags, JSON forms."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from sandbox.packer.errors import PackError

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
    lines = text.lstrip("\ufeff").splitlines()
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
