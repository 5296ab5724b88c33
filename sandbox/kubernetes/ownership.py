"""Who owns which field: managedFields in and out, the merge of server-side apply, and what other writes take over."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.errors import ApiError, Cause
from sandbox.kubernetes.fields import (
    Keyed,
    MapOf,
    Node,
    Path,
    SetOf,
    Struct,
    decode,
    display,
    encode,
    fields_of,
    is_whole,
    item_key,
    lookup,
    owned,
    remove,
)
from sandbox.kubernetes.kinds import Kind

Obj = dict[str, Any]

_SERVER_SET = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "selfLink",
    "managedFields",
)
_NOT_OWNABLE = {("f:apiVersion",), ("f:kind",), *(("f:metadata", f"f:{name}") for name in _SERVER_SET)}


@dataclass(frozen=True)
class Manager:
    """Who writes: ``operation`` is Apply or Update, ``subresource`` is ``scale`` or empty."""

    name: str
    operation: str
    subresource: str = ""

    def described(self, api_version: str) -> str:
        """As conflict messages name it."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {api_version}" if self.operation == "Update" else text


@dataclass
class Ownership:
    """The managers of one object with their paths and the time of their last change of ownership."""

    paths: dict[Manager, set[Path]] = field(default_factory=dict)
    times: dict[Manager, str] = field(default_factory=dict)

    @classmethod
    def of(cls, live: Obj | None) -> Ownership:
        """Read from ``metadata.managedFields``."""
        found = cls()
        for entry in (live or {}).get("metadata", {}).get("managedFields", []):
            manager = Manager(entry["manager"], entry["operation"], entry.get("subresource", ""))
            found.paths[manager] = decode(entry.get("fieldsV1", {}))
            found.times[manager] = entry.get("time", "")
        return found

    def give(self, manager: Manager, paths: set[Path]) -> None:
        """Set what a manager owns; its time moves only when that changed."""
        if self.paths.get(manager) == paths:
            return
        self.times[manager] = clock.stamp()
        if paths:
            self.paths[manager] = paths
        else:
            self.paths.pop(manager, None)

    def others(self, manager: Manager) -> set[Path]:
        """Everything that anybody else owns."""
        return set().union(*(paths for other, paths in self.paths.items() if other != manager))

    def as_json(self, kind: Kind) -> list[Obj]:
        """The value of ``metadata.managedFields``."""
        entries: list[Obj] = []
        for manager, paths in self.paths.items():
            entry: Obj = {
                "manager": manager.name,
                "operation": manager.operation,
                "apiVersion": kind.api_version,
                # The real server writes no time into what goes through ``scale``.
                **({} if manager.subresource == "scale" else {"time": self.times[manager]}),
                "fieldsType": "FieldsV1",
                "fieldsV1": encode(paths),
            }
            entries.append(entry | ({"subresource": manager.subresource} if manager.subresource else {}))
        return entries


def ownable(paths: Iterable[Path]) -> set[Path]:
    """Without what nobody owns: identity, server-set metadata, and status."""
    return {
        path
        for path in paths
        if path[:2] not in _NOT_OWNABLE and path[:1] not in _NOT_OWNABLE and path[0] != "f:status"
    }


def merged(live: Any, sent: Any, node: Node) -> Any:
    """``sent`` laid over ``live`` by the rules of server-side apply (nothing is removed)."""
    if is_whole(node) or live is None:
        return copy.deepcopy(sent)
    if isinstance(node, Struct | MapOf):
        result = dict(live)
        declared = fields_of(node) if isinstance(node, Struct) else None
        for name, entry in sent.items():
            below = declared.get(name) if declared is not None else node.item if isinstance(node, MapOf) else None
            result[name] = merged(live.get(name), entry, below) if below is not None else entry
        return result
    if isinstance(node, SetOf):
        return [*live, *(value for value in sent if value not in live)]
    assert isinstance(node, Keyed)
    return _merged_items(live, sent, node)


def _merged_items(live: list[Obj], sent: list[Obj], node: Keyed) -> list[Obj]:
    before = {item_key(item, node.keys): item for item in live}
    result = {
        key: merged(before.get(key), item, node.item)
        for key, item in ((item_key(item, node.keys), item) for item in sent)
    }
    order = list(result)
    at = 0
    for key, item in before.items():
        if key in result:
            at = order.index(key) + 1
            continue
        # what only others sent keeps its place behind its neighbour
        result[key] = item
        order.insert(at, key)
        at += 1
    return [result[key] for key in order]


def conflicts(
    live: Obj, sent: Obj, own: set[Path], ownership: Ownership, manager: Manager
) -> dict[Manager, list[Path]]:
    """Fields of other managers that ``sent`` would change, by manager."""
    found: dict[Manager, list[Path]] = {}
    for other, paths in ownership.paths.items():
        if other == manager:
            continue
        for path in sorted(paths & own):
            is_live, before = lookup(live, path)
            after = lookup(sent, path)[1]
            if is_live and before != after and not _is_branch(before, own, path):
                found.setdefault(other, []).append(path)
    return found


def _is_branch(value: Any, own: set[Path], path: Path) -> bool:
    """True for a list item or map whose fields are owned one by one below it."""
    return isinstance(value, dict) and (
        path[-1].startswith("k:") or any(len(p) > len(path) and p[: len(path)] == path for p in own)
    )


def conflict_error(found: dict[Manager, list[Path]], kind: Kind) -> ApiError:
    """409 with a FieldManagerConflict cause for each field."""
    pairs = [(manager, path) for manager, paths in found.items() for path in paths]
    causes = [
        Cause("FieldManagerConflict", f"conflict with {manager.described(kind.api_version)}", display(path))
        for manager, path in pairs
    ]
    if len(pairs) == 1:
        manager, path = pairs[0]
        text = f"Apply failed with 1 conflict: conflict with {manager.described(kind.api_version)}: {display(path)}"
    else:
        lines: list[str] = []
        for manager, paths in found.items():
            lines += [
                f"conflicts with {manager.described(kind.api_version)}:",
                *(f"- {display(path)}" for path in paths),
            ]
        text = f"Apply failed with {len(pairs)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", text, {"causes": [cause.as_json() for cause in causes]})


def pruned(obj: Obj, dropped: set[Path], still_owned: set[Path]) -> Obj:
    """``obj`` without the paths that their only owner no longer sends, and without branches nobody owns a part of."""
    result = copy.deepcopy(obj)
    branches = {path[:length] for path in still_owned for length in range(1, len(path) + 1)}
    # shortest first: an item of a keyed list must go before its key fields, which it is found by
    for path in sorted(dropped, key=len):
        if path in branches or _is_key_of_kept_item(path, branches):
            continue
        remove(result, path)
        for length in range(len(path) - 1, 0, -1):
            parent = path[:length]
            if parent in branches or parent in (("f:metadata",), ("f:spec",)):
                break
            remove(result, parent)
    return result


def _is_key_of_kept_item(path: Path, branches: set[Path]) -> bool:
    if len(path) < 2 or not path[-2].startswith("k:") or path[:-1] not in branches:
        return False
    return path[-1].removeprefix("f:") in json.loads(path[-2][2:])


def taken_over(before: Obj, after: Obj, ownership: Ownership, manager: Manager, kind: Kind) -> None:
    """Record an ordinary write: what it changed or added is now its own alone, what it removed is nobody's."""
    node = Struct(kind.kind)
    old, new = ownable(owned(before, node)), ownable(owned(after, node))
    changed = {path for path in new if path not in old or _differs(before, after, path, new)}
    gone = old - new
    for other in list(ownership.paths):
        if other != manager:
            ownership.give(other, ownership.paths[other] - changed - gone)
    ownership.give(manager, (ownership.paths.get(manager, set()) | changed) - gone)


def _differs(before: Obj, after: Obj, path: Path, new: set[Path]) -> bool:
    value = lookup(after, path)[1]
    return lookup(before, path)[1] != value and not _is_branch(value, new, path)
