"""The ``tree=`` query of Jenkins' API: which keys of a bean are shown, and which part of a list.

Grammar as in ``hudson/model/Api`` and Stapler's ``NamedPathPruner``: ``a,b[c,d]{M,N}`` where N is exclusive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r"([^\[\]{},]+)|([\[\],])|\{(\d*)(?:(,)(\d*))?\}")


class BadTree(ValueError):
    """The expression does not parse; Jenkins answers 400."""


@dataclass
class Node:
    """One name in the tree. ``children`` None shows the value whole; ``start``/``stop`` cut a list."""

    children: dict[str, Node] | None = None
    start: int = 0
    stop: int | None = None


@dataclass
class _Reader:
    text: str
    at: int = 0
    stack: list[dict[str, Node]] = field(default_factory=lambda: [{}])
    last: Node | None = None

    def run(self) -> dict[str, Node]:
        while self.at < len(self.text):
            match = _TOKEN.match(self.text, self.at)
            if match is None:
                raise BadTree(f"tree: unexpected character at {self.at}")
            self.at = match.end()
            self._take(match)
        if len(self.stack) != 1:
            raise BadTree("tree: a bracket is not closed")
        return self.stack[0]

    def _take(self, match: re.Match[str]) -> None:
        name, mark = match.group(1), match.group(2)
        if name is not None:
            self.last = self.stack[-1].setdefault(name.strip(), Node())
        elif mark == "[":
            self._open()
        elif mark == "]":
            self._close()
        elif mark == ",":
            self.last = None
        else:
            self._cut(match)

    def _open(self) -> None:
        if self.last is None:
            raise BadTree("tree: [ without a name")
        if self.last.children is None:
            self.last.children = {}
        self.stack.append(self.last.children)

    def _close(self) -> None:
        if len(self.stack) == 1:
            raise BadTree("tree: ] without [")
        closed = self.stack.pop()
        self.last = next((node for node in self.stack[-1].values() if node.children is closed), None)

    def _cut(self, match: re.Match[str]) -> None:
        if self.last is None:
            raise BadTree("tree: a range without a name")
        low, comma, high = match.group(3), match.group(4), match.group(5)
        if comma is None:
            self.last.start, self.last.stop = int(low), int(low) + 1
        else:
            self.last.start, self.last.stop = int(low or 0), int(high) if high else None


def parse(expression: str) -> dict[str, Node]:
    """``a,b[c]{0,5}`` → names with their children; raises :class:`BadTree`."""
    return _Reader(expression).run()


def prune(value: Any, wanted: dict[str, Node] | None) -> Any:
    """The bean with only the wanted keys; ``_class`` always stays, as Jenkins writes it."""
    if wanted is None:
        return value
    if isinstance(value, list):
        return [prune(item, wanted) for item in value]
    if not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {"_class": value["_class"]} if "_class" in value else {}
    for name, node in wanted.items():
        if name in value:
            part = value[name]
            if isinstance(part, list):
                part = part[node.start : node.stop]
            shown[name] = prune(part, node.children)
    return shown
