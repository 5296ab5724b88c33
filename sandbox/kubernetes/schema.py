"""What fields a kind has and how server-side apply treats them, read from ``schema.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Scalar:
    """``kind`` is str, int, bool, quantity, intstr or any."""

    kind: str


@dataclass(frozen=True)
class Struct:
    """A type with named fields (see :func:`fields_of`)."""

    name: str
    is_atomic: bool = False


@dataclass(frozen=True)
class MapOf:
    """Free keys, one type of value."""

    item: Node
    is_atomic: bool = False


@dataclass(frozen=True)
class Listing:
    """A list that is owned and replaced as a whole."""

    item: Node


@dataclass(frozen=True)
class SetOf:
    """A list of different scalars, each with its own owner."""

    item: Node


@dataclass(frozen=True)
class Keyed:
    """A list of structs told apart by ``keys``."""

    item: Node
    keys: tuple[str, ...]


Node: TypeAlias = Scalar | Struct | MapOf | Listing | SetOf | Keyed

KEY_DEFAULTS = {"protocol": "TCP"}
"""Key fields that may be left out of a list item."""

_SCALARS = {"str", "int", "bool", "quantity", "intstr", "any"}


def _node(text: str) -> Node:
    is_atomic = text.endswith("!")
    text = text.removesuffix("!")
    if text in _SCALARS:
        return Scalar(text)
    if text.startswith("["):
        return Listing(_node(text[1:-1]))
    if text.startswith("<"):
        return SetOf(_node(text[1:-1]))
    if text.startswith("{"):
        return MapOf(_node(text[1:-1]), is_atomic)
    keyed = re.fullmatch(r"(\w+)\{([\w,]+)\}", text)
    if keyed:
        return Keyed(Struct(keyed[1]), tuple(keyed[2].split(",")))
    return Struct(text, is_atomic)


@cache
def _types() -> dict[str, dict[str, Node]]:
    source = Path(__file__).with_name("schema.txt").read_text(encoding="utf-8")
    lines = [line for line in source.splitlines() if not line.startswith("#")]
    types: dict[str, dict[str, Node]] = {}
    for paragraph in re.split(r"\n(?=\S)", "\n".join(lines)):
        name, *fields = paragraph.split()
        pairs = (field.split(":", 1) for field in fields)
        types[name] = {field: _node(text) for field, text in pairs}
    return types


def fields_of(struct: Struct) -> dict[str, Node]:
    """The fields of a struct by JSON name."""
    return _types()[struct.name]


def is_whole(node: Node) -> bool:
    """True when the value has one owner as a whole: scalars, atomic lists, maps and structs."""
    return isinstance(node, Scalar | Listing) or (isinstance(node, Struct | MapOf) and node.is_atomic)
