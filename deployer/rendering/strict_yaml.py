"""YAML as JSON: no aliases, tags, merge keys or duplicates, and no guessing what ``on`` or ``0777`` may mean.

Built on the events of libyaml's parser, so nothing is ever expanded or constructed before it was looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from deployer.messages import Message, message_of
from deployer.messages import message as _

MAX_DEPTH = 50
MAX_NODES = 20_000
MAX_DOCUMENTS = 20

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_AMBIGUOUS = re.compile(
    r"""
      [Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|True|TRUE|False|FALSE|Null|NULL   # truth values of YAML 1.1
    | [-+]?0[0-9_]+ | [-+]?0[xob][0-9a-fA-F_]+                                  # octal, hexadecimal, binary
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                          # base 60
    | [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)
    | [-+]?[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)? | [-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?                               # dates
    """,
    re.ASCII | re.VERBOSE,
)
_LARGEST_INTEGER = 2**63
_FILE_MODES = frozenset({"mode", "defaultMode"})
_OCTAL = re.compile(r"0o?[0-7]{3,4}", re.ASCII)
_WIDE_SPACE = re.compile("^[\u00a0\u3000]|[\u00a0\u3000]$|[:：\\-][\u00a0\u3000]")
_WIDE_COLON = re.compile("^[\\w.-]+：")


class YamlProblem(Exception):
    """Something that is not allowed; ``line`` counts from 1 in the text that was read."""

    def __init__(self, line: int, message: Message | str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """One YAML document: its data and its lines (from 1, both included) in the text."""

    data: dict[str, Any]
    first_line: int
    last_line: int


def load(text: str, *, restore: Callable[[str], tuple[str, bool]]) -> tuple[Document, ...]:
    """All documents that are not empty, in order.

    ``restore`` puts real values back into a scalar and tells whether it held any (then it is text, even if it reads
    like). Raises YamlProblem.
    """
    documents: list[Document] = []
    reader = _Reader(text, restore)
    try:
        for data, first, last in reader.documents():
            if data is None:
                continue
            if not isinstance(data, dict):
                raise YamlProblem(
                    first, _("A document must be a mapping such as “kind: Service”, not a list or a text.")
                )
            if len(documents) == MAX_DOCUMENTS:
                raise YamlProblem(first, _("One template may hold at most %(most)s objects.", most=MAX_DOCUMENTS))
            documents.append(Document(data, first, last))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise YamlProblem(
            mark.line + 1 if mark else 1, _("This is not valid YAML: %(words)s.", words=str(exc.problem or exc.context))
        ) from exc
    except yaml.YAMLError as exc:
        raise YamlProblem(1, _("This is not valid YAML: %(why)s", why=message_of(exc))) from exc
    return tuple(documents)


class _Reader:
    def __init__(self, text: str, restore: Callable[[str], tuple[str, bool]]) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        self._restore = restore
        self._nodes = 0

    def documents(self) -> Iterator[tuple[Any, int, int]]:
        """Data, first and last line of each document."""
        for event in self._events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            if event.version or event.tags:
                raise YamlProblem(_line(event), _("YAML directives (lines that begin with %) are not allowed."))
            root = next(self._events)
            data = self._node(root, 1)
            end = next(self._events)
            yield data, _line(root), max(_line(root), _line(end))

    def _node(self, event: Any, depth: int) -> Any:
        line = _line(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise YamlProblem(line, _("The document holds more than %(most)s values.", most=MAX_NODES))
        if depth > MAX_DEPTH:
            raise YamlProblem(line, _("The document is nested deeper than %(most)s levels.", most=MAX_DEPTH))
        if isinstance(event, yaml.AliasEvent):
            raise YamlProblem(line, _("Aliases (*name) are not allowed: write the value out."))
        if event.anchor is not None:
            raise YamlProblem(line, _("Anchors (&name) are not allowed: write the value out."))
        if event.tag is not None:
            raise YamlProblem(line, _("Tags such as %(tag)s are not allowed.", tag=event.tag[:40]))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(depth)
        return self._scalar(event, line)

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<":
                raise YamlProblem(line, _("Merge keys (<<) are not allowed: write the values out."))
            key = self._node(event, depth + 1)
            if not isinstance(key, str):
                raise YamlProblem(line, _("A key must be text: put it in quotes."))
            if key in found:
                raise YamlProblem(line, _("The key “%(key)s” is there twice.", key=key[:80]))
            found[key] = self._value(key, next(self._events), depth + 1)
        return found

    def _value(self, key: str, event: Any, depth: int) -> Any:
        """The value of a key; a file mode in octal has one meaning only."""
        if key in _FILE_MODES and isinstance(event, yaml.ScalarEvent) and _OCTAL.fullmatch(event.value):
            raise YamlProblem(
                _line(event),
                _(
                    "%(digits)s is a file mode in octal; here it is a decimal number: write %(number)s.",
                    digits=event.value,
                    number=int(event.value.replace("o", ""), 8),
                ),
            )
        return self._node(event, depth)

    def _sequence(self, depth: int) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._node(event, depth + 1))
        return found

    def _scalar(self, event: Any, line: int) -> Any:
        text, had_value = self._restore(event.value)
        is_plain = event.implicit[0]
        return text if had_value or not is_plain else _resolve(text, line)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _resolve(text: str, line: int) -> Any:
    if text in ("", "null", "~"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text) and len(text) < 20 and abs(int(text)) < _LARGEST_INTEGER:
        return int(text)
    if _NUMBER.fullmatch(text) and not _INTEGER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if text.startswith(("“", "”", "‘", "’", "＂")):
        raise YamlProblem(
            line, _("%(text)s is in curly quotes, which YAML takes as part of the text: write \" or '.", text=text[:40])
        )
    if _WIDE_SPACE.search(text) or _WIDE_COLON.match(text):
        raise YamlProblem(line, _("“%(text)s” holds a wide space or colon, which YAML takes as text.", text=text[:40]))
    if _OCTAL.fullmatch(text):
        raise YamlProblem(
            line,
            _(
                "It is not clear what %(text)s means here: put it in quotes if it is text; as a number in octal it is"
                " %(number)s.",
                text=text,
                number=int(text.replace("o", ""), 8),
            ),
        )
    if _AMBIGUOUS.fullmatch(text):
        raise YamlProblem(
            line, _("It is not clear what %(text)s means here: put it in quotes if it is text.", text=text[:40])
        )
    return text
