"""What changes on the cluster: live object against the answer of a dry run, and a fingerprint of what is live.

Both sides are the server's output, so its defaults cancel out (as in ``kubectl diff``).
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from deployer.interfaces import Manifest, ObjectRef

_SERVER_METADATA = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_NOISE = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
# Changes with every deployment and says nothing about what runs.
_OURS = "prism4k.io/deployment"
_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port", "protocol"),
}
_LONGEST_VALUE = 2000


@dataclass(frozen=True)
class FieldChange:
    """One field. ``path`` such as ``.spec.template.spec.containers[name="web"].image``; None: not there."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class ObjectDiff:
    """One object. ``action``: create, change, same or remove. ``unified``: lines of a unified diff of its YAML."""

    ref: ObjectRef
    action: str
    changes: tuple[FieldChange, ...]
    unified: tuple[str, ...]


def diff_object(ref: ObjectRef, live: Manifest | None, wanted: Manifest | None) -> ObjectDiff:
    """``live``: the object now; ``wanted``: the dry run's answer. None: absent. Values of Secrets are hidden."""
    before, after = _comparable(live), _comparable(wanted)
    if ref.kind == "Secret":
        before, after = _masked(before, after)
    changes = tuple(_changes(before, after, ""))
    if live is None:
        action = "create"
    elif wanted is None:
        action = "remove"
    else:
        action = "change" if changes else "same"
    return ObjectDiff(ref, action, changes, tuple(_unified(_yaml(before), _yaml(after))))


def _unified(before: list[str], after: list[str]) -> Iterator[str]:
    """A unified diff whose hunks say behind their ``@@`` where in the object they lie, as Git names the function."""
    old, new = yaml_paths(before), yaml_paths(after)
    lines = list(difflib.unified_diff(before, after, "live", "this order", lineterm="", n=3))
    for place, line in enumerate(lines):
        found = _HUNK.match(line)
        if found is None:
            yield line
            continue
        paths = []
        at, then = int(found["old"]) - 1, int(found["new"]) - 1
        for other in itertools.takewhile(lambda text: not _HUNK.match(text), lines[place + 1 :]):
            if other[0] in "-+":
                path = old[at] if other[0] == "-" else new[then]
                # A line of a file has no key of its own: the last one is the file's.
                paths.append(path[:-1] if _OWN_KEY.match(other[1:]) else path)
            at, then = at + (other[0] != "+"), then + (other[0] != "-")
        yield f"{line} {'.'.join(_common(paths))}".rstrip().replace(".[", "[")


_HUNK = re.compile(r"@@ -(?P<old>\d+)(?:,\d+)? \+(?P<new>\d+)(?:,\d+)? @@")


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """What all of them begin with."""
    shared = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return tuple(shared)


_OWN_KEY = re.compile(r"\s*(?:- |[^\s:]+:(?: |$))")
_KEY = re.compile(r"""(?P<quote>["']?)(?P<key>[^\s"':][^"':]*)(?P=quote):(?: |$)""")


def yaml_paths(lines: Sequence[str]) -> list[tuple[str, ...]]:
    """Where each line of a block-style dump (as ``_yaml`` makes it) lies: ``("spec", "containers", "[app]", "image")``.

    Items of a list are named by their ``name``, where they have one.
    """
    found: list[tuple[str, ...]] = []
    stack: list[tuple[int, str]] = []
    for place, line in enumerate(lines):
        rest = line.lstrip(" ")
        indent = len(line) - len(rest)
        while rest.startswith("- "):
            stack = [entry for entry in stack if entry[0] < indent or (entry[0] == indent and entry[1][0] != "[")]
            stack.append((indent, f"[{_name_of_item(lines, place, indent)}]"))
            indent, rest = indent + 2, rest[2:]
        if key := _KEY.match(rest):
            stack = [entry for entry in stack if entry[0] < indent]
            stack.append((indent, key["key"]))
        found.append(tuple(name for _indent, name in stack))
    return found


def _name_of_item(lines: Sequence[str], start: int, indent: int) -> str:
    """The value of ``name`` in the item that begins there; empty where it has none."""
    for place in range(start, len(lines)):
        text = lines[place]
        if place > start and not text.startswith(" " * (indent + 2)):
            break
        if text[indent + 2 :].startswith("name: "):
            return text[indent + 8 :]
    return ""


def fingerprint(live: Mapping[ObjectRef, Manifest | None]) -> str:
    """SHA-256 (64 hex digits) of what is live: equal exactly while nobody changed anything but status.

    Holds our deployment annotation and the uid: a deployment in between, or delete and create, shows too.
    """
    rows = []
    for ref, manifest in sorted(live.items(), key=lambda item: (item[0].kind, item[0].name, item[0].api_version)):
        state = None
        if manifest is not None:
            state = _stripped(manifest) | {"uid": manifest.get("metadata", {}).get("uid", "")}
            if annotation := (manifest["metadata"].get("annotations") or {}).get(_OURS):
                state["deployment"] = annotation
        rows.append([ref.api_version, ref.kind, ref.name, state])
    text = json.dumps(rows, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _comparable(manifest: Manifest | None) -> Manifest | None:
    return None if manifest is None else _stripped(manifest)


def _stripped(manifest: Manifest) -> Manifest:
    """A copy without what the server and its controllers write."""
    kept = {name: copy.deepcopy(value) for name, value in manifest.items() if name != "status"}
    metadata = {name: value for name, value in (kept.get("metadata") or {}).items() if name not in _SERVER_METADATA}
    annotations = {n: v for n, v in (metadata.pop("annotations", None) or {}).items() if n not in (*_NOISE, _OURS)}
    if annotations:
        metadata["annotations"] = annotations
    kept["metadata"] = metadata
    return kept


def _masked(before: Manifest | None, after: Manifest | None) -> tuple[Manifest | None, Manifest | None]:
    """Secret values replaced on both sides; whether a value changed stays visible, what it is does not."""
    for part in ("data", "stringData"):
        old, new = (before or {}).get(part) or {}, (after or {}).get(part) or {}
        for key in {*old, *new}:
            is_same = old.get(key) == new.get(key)
            if key in old:
                old[key] = "***" if is_same else "*** (before)"
            if key in new:
                new[key] = "***" if is_same else "*** (after)"
    return before, after


def _yaml(manifest: Manifest | None) -> list[str]:
    if manifest is None:
        return []
    if manifest.get("kind") != "ConfigMap" or not manifest.get("data"):
        return _dumped(manifest)
    lines = []
    for line in _dumped({**manifest, "data": None}):
        lines.append("data:" if line == "data: null" else line)
        if line == "data: null":
            for key, value in sorted(manifest["data"].items()):
                lines += _file_lines(key, str(value))
    return lines


def _dumped(manifest: Manifest) -> list[str]:
    text: str = yaml.dump(
        manifest, Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True, default_flow_style=False, width=1000
    )
    return text.splitlines()


def _file_lines(key: str, text: str) -> list[str]:
    """A file of a ConfigMap line by line, as a person reads it: YAML would escape a tab and make it one long line."""
    if "\n" not in text and "\r" not in text:
        return [f"  {line}" for line in _dumped({key: text})] if "\t" not in text else [f"  {key}: {text}"]
    lines = text.split("\n")
    is_whole = lines[-1] == ""
    return [f"  {key}: {'|' if is_whole else '|-'}", *(f"    {line}" for line in (lines[:-1] if is_whole else lines))]


_HASHED = re.compile(r"-[0-9a-f]{8}\Z")


def logical_name(config_map: str) -> str:
    """The name of a ConfigMap without the hash of its content that we add."""
    return _HASHED.sub("", config_map)


def field_changes(before: Any, after: Any, path: str = "") -> tuple[FieldChange, ...]:
    """What differs between two pieces of data, below ``path``; items of lists are matched by their own keys."""
    return tuple(_changes(before, after, path))


def _changes(before: Any, after: Any, path: str) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _changes(before.get(key, _ABSENT), after.get(key, _ABSENT), joined(path, key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_changes(before, after, path)
    elif before != after or type(before) is not type(after):  # 1 and true are equal to Python
        yield FieldChange(path or ".", shown(before), shown(after))


class _Absent:
    """A field that is not there, which is not the same as one that is null."""


_ABSENT = _Absent()


def _list_changes(before: list[Any], after: list[Any], path: str) -> Iterator[FieldChange]:
    keys = _LIST_KEYS.get(path.rpartition(".")[2], ())
    old, new = _keyed(before, keys), _keyed(after, keys)
    if old is None or new is None:
        old = {f"[{index}]": item for index, item in enumerate(before)}
        new = {f"[{index}]": item for index, item in enumerate(after)}
    for key in dict.fromkeys((*old, *new)):
        yield from _changes(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}{key}")


def _keyed(items: Sequence[Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    """Items by their own key, as server-side apply matches them; None when they have none or share one."""
    found: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, dict):
            return None
        parts = [f"{key}={json.dumps(item[key], ensure_ascii=False)}" for key in keys if key in item]
        label = f"[{','.join(parts)}]"
        if not parts or label in found:
            return None
        found[label] = item
    return found


def joined(path: str, key: str) -> str:
    """``path`` with a field below it; quoted where its name has dots or slashes."""
    return f"{path}.{key}" if key.replace("-", "").replace("_", "").isalnum() else f"{path}[{json.dumps(key)}]"


def shown(value: Any) -> str | None:
    """A value in one line, cut after 2000 characters; None for one that is not there."""
    if isinstance(value, _Absent) or value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
