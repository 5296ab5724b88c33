"""Sets of field paths in the spelling of FieldsV1: ``f:name``, ``k:{key JSON}``, ``v:"value"``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.kubernetes.schema import KEY_DEFAULTS, Keyed, MapOf, Node, SetOf, Struct, fields_of, is_whole

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
    """Every path that whoever sends ``value`` owns (structured-merge-diff's ToFieldSet)."""
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
