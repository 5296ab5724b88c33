"""Label and field selectors of lists and watches."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.errors import bad_request
from sandbox.kubernetes.kinds import EVENT, POD, Kind

Obj = dict[str, Any]
Test = Callable[[Obj], bool]

_SET = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")
_EQUAL = re.compile(r"([^\s!=]+)\s*(==|=|!=)\s*([^\s=]*)")
_COMMA = re.compile(r",(?![^(]*\))")

_EVERY_KIND = ("metadata.name", "metadata.namespace")
_MORE = {
    POD.plural: ("status.phase", "spec.nodeName", "spec.restartPolicy", "status.podIP"),
    EVENT.plural: (
        *(f"involvedObject.{name}" for name in ("uid", "name", "namespace", "kind", "apiVersion", "fieldPath")),
        "type",
        "reason",
        "reportingComponent",
    ),
}


def by_labels(text: str) -> Test:
    """A test for ``a=b,c!=d,e in (f,g),h notin (i),j,!k``; raises ApiError 400."""
    tests = [_label_test(part.strip()) for part in _COMMA.split(text) if part.strip()]
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def _label_test(part: str) -> Test:
    found = _SET.fullmatch(part)
    if found:
        key, values = found[1], {value.strip() for value in found[3].split(",")}
        if found[2] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    found = _EQUAL.fullmatch(part)
    if found:
        key, value = found[1], found[3]
        if found[2] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if re.fullmatch(r"![^\s!=,()]+", part):
        return lambda labels: part[1:] not in labels
    if re.fullmatch(r"[^\s!=,()]+", part):
        return lambda labels: part in labels
    raise bad_request(
        f"unable to parse requirement: found '{part}', expected: in, notin, =, ==, !=, gt, lt or an identifier"
    )


def by_fields(text: str, kind: Kind) -> Test:
    """A test for ``metadata.name=x,status.phase!=Running``; raises ApiError 400 for other fields."""
    tests: list[Test] = []
    for part in filter(None, text.split(",")):
        found = _EQUAL.fullmatch(part.strip())
        if not found:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if found[1] not in (*_EVERY_KIND, *_MORE.get(kind.plural, ())):
            raise bad_request(f"field label not supported: {found[1]}")
        tests.append(_field_test(found[1].split("."), found[3], is_equal=found[2] != "!="))
    return lambda obj: all(test(obj) for test in tests)


def _field_test(path: list[str], wanted: str, *, is_equal: bool) -> Test:
    def test(obj: Obj) -> bool:
        value: Any = obj
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return (str(value or "") == wanted) is is_equal

    return test


def matches_labels(selector: Obj, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels and matchExpressions) selects the labels."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(entry, labels) for entry in selector.get("matchExpressions") or [])


def _expression(entry: Obj, labels: dict[str, str]) -> bool:
    value, values = labels.get(entry.get("key", "")), entry.get("values") or []
    operator = entry.get("operator")
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    return (value is not None) is (operator == "Exists")


def as_query(selector: Obj) -> str:
    """The selector as list parameters spell it (``Scale.status.selector``)."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for entry in selector.get("matchExpressions") or []:
        words = {"In": " in ", "NotIn": " notin "}
        values = "(" + ",".join(sorted(entry.get("values") or [])) + ")"
        key, operator = entry.get("key", ""), entry.get("operator", "")
        if operator in words:
            parts.append(key + words[operator] + values)
        else:
            parts.append(key if operator == "Exists" else "!" + key)
    return ",".join(parts)
