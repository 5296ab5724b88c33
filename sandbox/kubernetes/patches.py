"""Patches of JSON data: RFC 7396 (merge patch) and RFC 6902 (JSON patch)."""

from __future__ import annotations

import copy
from typing import Any


class BadPatch(Exception):
    """A JSON patch that cannot be carried out, in words."""


def merge_patched(target: Any, patch: Any) -> Any:
    """RFC 7396; neither argument is touched."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patched(result.get(name), value)
    return result


def json_patched(target: Any, patch: Any) -> Any:
    """RFC 6902 with ``add``, ``remove``, ``replace`` and ``test``; raises BadPatch. The target is not touched."""
    if not isinstance(patch, list) or not all(isinstance(operation, dict) for operation in patch):
        raise BadPatch("a JSON patch is a list of operations")
    result = {"": copy.deepcopy(target)}
    for operation in patch:
        _do(result, str(operation.get("op")), str(operation.get("path")), copy.deepcopy(operation.get("value")))
    return result[""]


def _do(root: Any, word: str, path: str, value: Any) -> None:
    holder, key = _find(root, path)
    is_list = isinstance(holder, list)
    if word == "add":
        holder.insert(key, value) if is_list else holder.__setitem__(key, value)
        return
    is_there = 0 <= key < len(holder) if is_list else key in holder
    if not is_there:
        raise BadPatch(f"{word} operation does not apply: doc is missing key: {path}")
    if word == "remove":
        del holder[key]
    elif word == "replace":
        holder[key] = value
    elif word != "test":
        raise BadPatch(f"unexpected kind: {word}")
    elif holder[key] != value:
        raise BadPatch(f"testing value {path} failed")


def _find(root: Any, path: str) -> tuple[Any, Any]:
    """The object or list that a pointer ends in, and the key or index there."""
    steps = ["", *(step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])]
    here = root
    for step in steps[:-1]:
        key = _key(here, step)
        try:
            here = here[key]
        except (KeyError, IndexError, TypeError) as error:
            raise BadPatch(f"doc is missing path: {path}") from error
    return here, _key(here, steps[-1])


def _key(here: Any, step: str) -> Any:
    if isinstance(here, dict):
        return step
    if isinstance(here, list) and (step == "-" or step.isdecimal()):
        return len(here) if step == "-" else int(step)
    raise BadPatch(f"doc is missing path: {step}")
