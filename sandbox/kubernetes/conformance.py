"""Does an object have only declared fields of the right type? Apply answers 500, other writes drop and warn."""

from __future__ import annotations

import json
from typing import Any

from sandbox.kubernetes.fields import display, item_key, value_key
from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.quantities import canonical
from sandbox.kubernetes.schema import KEY_DEFAULTS, Keyed, Listing, MapOf, Node, Scalar, SetOf, Struct, fields_of

Obj = dict[str, Any]

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
