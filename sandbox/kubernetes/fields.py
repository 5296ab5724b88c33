"""Fields: which of them a kind has, sets of paths to them in the spelling of FieldsV1, and whether an object conforms.

Kinds are read from ``schema.txt``. Apply answers 500 to an undeclared field, other writes drop it and warn.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.quantities import canonical


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
    source = pathlib.Path(__file__).with_name("schema.txt").read_text(encoding="utf-8")
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


Path = tuple[str, ...]
Obj = dict[str, Any]

_MISSING = object()


def item_key(item: Obj, keys: tuple[str, ...]) -> str:
    """The path element of an item of a keyed list; key fields left out take their default."""
    values = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in sorted(keys)}
    return "k:" + json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def value_key(value: object) -> str:
    """The path element of a member of a set."""
    return "v:" + json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def owned(value: Any, node: Node, at: Path = ()) -> set[Path]:
    """Every path that the sender of ``value`` owns (structured-merge-diff's ToFieldSet)."""
    if is_whole(node):
        return {at}
    if isinstance(node, Struct | MapOf):
        return _owned_entries(value, node, at)
    paths: set[Path] = set()
    for element, item, below in _items(value, node):
        paths.add((*at, element))
        if below is not None:
            paths |= owned(item, below, (*at, element))
    return paths


def _owned_entries(value: Obj, node: Struct | MapOf, at: Path) -> set[Path]:
    paths: set[Path] = set()
    declared = fields_of(node) if isinstance(node, Struct) else None
    for name, entry in value.items():
        below = declared.get(name) if declared is not None else node.item if isinstance(node, MapOf) else None
        path = (*at, f"f:{name}")
        if below is None or entry == {}:
            paths.add(path)
            continue
        if isinstance(node, MapOf):
            paths.add(path)
        paths |= owned(entry, below, path)
    return paths


def _items(value: list[Any], node: Node) -> Iterator[tuple[str, Any, Node | None]]:
    for item in value or []:
        if isinstance(node, Keyed):
            yield item_key(item, node.keys), item, node.item
        elif isinstance(node, SetOf):
            yield value_key(item), item, None


def encode(paths: set[Path]) -> Obj:
    """FieldsV1 of a set of paths."""
    tree: Obj = {}
    for path in sorted(paths):
        branch = tree
        for element in path:
            branch = branch.setdefault(element, {})
        branch["."] = {}
    return _trim(tree)


def _trim(tree: Obj) -> Obj:
    if set(tree) == {"."}:
        return {}
    return {name: _trim(branch) if name != "." else {} for name, branch in tree.items()}


def decode(tree: Obj, at: Path = ()) -> set[Path]:
    """The set of paths of a FieldsV1."""
    if not tree:
        return {at} if at else set()
    paths: set[Path] = set()
    for name, branch in tree.items():
        paths |= {at} if name == "." else decode(branch, (*at, name))
    return paths


def _step(value: Any, element: str) -> Any:
    mark, text = element[:2], element[2:]
    if mark == "f:":
        return value.get(text, _MISSING) if isinstance(value, dict) else _MISSING
    if not isinstance(value, list):
        return _MISSING
    wanted = json.loads(text)
    if mark == "v:":
        return wanted if wanted in value else _MISSING
    matching = (item for item in value if _has_key(item, wanted))
    return next(matching, _MISSING)


def _has_key(item: Any, wanted: Obj) -> bool:
    return isinstance(item, dict) and all(item.get(k, KEY_DEFAULTS.get(k)) == v for k, v in wanted.items())


def lookup(value: Any, path: Path) -> tuple[bool, Any]:
    """Whether the path exists in a value, and what is there."""
    for element in path:
        value = _step(value, element)
        if value is _MISSING:
            return False, None
    return True, value


def remove(value: Any, path: Path) -> None:
    """Take the path out of a value in place; nothing happens when it is not there."""
    is_there, parent = lookup(value, path[:-1])
    if not is_there or _step(parent, path[-1]) is _MISSING:
        return
    mark, text = path[-1][:2], path[-1][2:]
    if mark == "f:":
        del parent[text]
    elif mark == "v:":
        parent.remove(json.loads(text))
    else:
        parent.remove(_step(parent, path[-1]))


def display(path: Path) -> str:
    """The path as messages spell it: ``.spec.template.spec.containers[name="app"].image``."""
    return "".join(_display(element) for element in path)


def _display(element: str) -> str:
    mark, text = element[:2], element[2:]
    if mark == "f:":
        return f".{text}"
    if mark == "v:":
        return f"[={text}]"
    pairs = (f"{name}={json.dumps(value)}" for name, value in json.loads(text).items())
    return "[" + ",".join(pairs) + "]"


_INT64 = 2**63
_EXPECTED = {"str": (str, "string"), "bool": (bool, "boolean")}


def type_errors(value: Any, kind: Kind) -> list[str]:
    """What structured-merge-diff would say: ``.spec.replicaz: field not declared in schema`` …, all of them."""
    return _errors(value, Struct(kind.kind), "")


def _shown(value: Any) -> str:
    return f"&value.valueUnstructured{{Value:{json.dumps(value, ensure_ascii=False, default=str)}}}"


def _errors(value: Any, node: Node, at: str) -> list[str]:
    if value is None:
        return []
    if isinstance(node, Scalar):
        return _scalar_errors(value, node, at)
    if isinstance(node, Struct | MapOf):
        if not isinstance(value, dict):
            return [f"{at}: expected map, got {_shown(value)}"]
        return _entry_errors(value, node, at)
    if not isinstance(value, list):
        return [f"{at}: expected list, got {_shown(value)}"]
    return _item_errors(value, node, at)


def _scalar_errors(value: Any, node: Scalar, at: str) -> list[str]:
    if node.kind == "any":
        return []
    if node.kind == "int":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number:
            return [f"{at}: expected numeric (int or float), got {type(value).__name__}"]
        is_whole = value == int(value) and abs(value) < _INT64
        return [] if is_whole else [f"{at}: expected a 64-bit integer, got {value}"]
    if node.kind in _EXPECTED:
        wanted, word = _EXPECTED[node.kind]
        return [] if isinstance(value, wanted) else [f"{at}: expected {word}, got {_shown(value)}"]
    if node.kind == "intstr" and (isinstance(value, bool) or not isinstance(value, int | str)):
        return [f"{at}: expected string or integer, got {_shown(value)}"]
    return [f"{at}: expected scalar, got {_shown(value)}"] if isinstance(value, dict | list) else []


def _entry_errors(value: Obj, node: Struct | MapOf, at: str) -> list[str]:
    errors: list[str] = []
    declared = fields_of(node) if isinstance(node, Struct) else {}
    for name, entry in value.items():
        below = node.item if isinstance(node, MapOf) else declared.get(name)
        if below is None:
            errors.append(f"{at}.{name}: field not declared in schema")
        else:
            errors += _errors(entry, below, f"{at}.{name}")
    return errors


def _item_errors(value: list[Any], node: Keyed | SetOf | Listing, at: str) -> list[str]:
    errors: list[str] = []
    seen: set[str] = set()
    for index, item in enumerate(value):
        below, element = f"{at}[{index}]", ""
        if isinstance(node, Keyed) and not isinstance(item, dict):
            errors.append(f"{at}: element {index}: associative list with keys may not have non-map elements")
            continue
        if isinstance(node, Keyed) and isinstance(item, dict):
            missing = [key for key in node.keys if item.get(key) is None and key not in KEY_DEFAULTS]
            if missing:
                errors.append(
                    f"{at}: element {index}: associative list with keys has an element that omits key field "
                    f'"{missing[0]}" (and doesn\'t have default value)'
                )
                continue
            element = item_key(item, node.keys)
        elif isinstance(node, SetOf):
            element = value_key(item)
        if element:
            below = at + display((element,))
            if element in seen:
                errors.append(f"{at}: duplicate entries for key {display((element,))}")
            seen.add(element)
        errors += _errors(item, node.item, below)
    return errors


def joined(errors: list[str]) -> str:
    """Several errors as structured-merge-diff joins them."""
    return errors[0] if len(errors) == 1 else "\n".join(["errors:", *(f"  {error}" for error in errors)])


def without_unknown(value: Any, node: Node, at: str, dropped: list[str]) -> Any:
    """A copy without undeclared fields and nulls; the paths of the dropped fields are appended to ``dropped``."""
    if isinstance(node, Struct | MapOf) and isinstance(value, dict):
        declared = fields_of(node) if isinstance(node, Struct) else {}
        kept: Obj = {}
        for name, entry in value.items():
            path = f"{at}.{name}" if at else name
            below = node.item if isinstance(node, MapOf) else declared.get(name)
            if below is None:
                dropped.append(path)
            elif entry is not None:
                kept[name] = without_unknown(entry, below, path, dropped)
        return kept
    if isinstance(node, Keyed | SetOf | Listing) and isinstance(value, list):
        return [
            without_unknown(item, node.item, f"{at}[{index}]", dropped)
            for index, item in enumerate(value)
            if item is not None
        ]
    return value


def with_canonical_quantities(value: Any, node: Node, at: str = "") -> Any:
    """A copy with every quantity in the server's spelling; raises quantities.BadQuantity."""
    if isinstance(node, Scalar) and node.kind == "quantity":
        return canonical(value)
    if isinstance(node, Struct | MapOf) and isinstance(value, dict):
        declared = fields_of(node) if isinstance(node, Struct) else {}
        copy: Obj = {}
        for name, entry in value.items():
            below = node.item if isinstance(node, MapOf) else declared.get(name)
            copy[name] = entry if below is None else with_canonical_quantities(entry, below, f"{at}.{name}")
        return copy
    if isinstance(node, Keyed | SetOf | Listing) and isinstance(value, list):
        return [with_canonical_quantities(item, node.item, at) for item in value]
    return value
