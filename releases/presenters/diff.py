"""What would change on the cluster, object by object: hunks by where they lie, each new line with where it comes from.

Labels that only name the order (its number and commit) change in every object of every deployment: they are put behind
what says something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deployer.diff import diff_object, logical_name
from deployer.interfaces import ObjectRef
from deployer.manifests import ref_of
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.models import Review, Snapshot

LINES_MOST = 400
MARKS = ("app.kubernetes.io/version", "prism4k.io/order", "prism4k.io/commit")
"""Labels and annotations that say which order an object is from."""
_HEAD = re.compile(r"@@ -(?P<old>\d+)(?:,\d+)? \+(?P<new>\d+)(?:,\d+)? @@ ?(?P<path>.*)")
_KINDS = {"+": "add", "-": "del"}
_ORDER = {"change": 0, "create": 1, "remove": 2, "marks": 3, "same": 4}


@dataclass(frozen=True)
class Line:
    """One line: kind add, del or same; ``number`` on its own side; ``origin`` says what a new line comes from."""

    kind: str
    number: int
    text: str
    origin: MessageLike = ""

    @property
    def sign(self) -> str:
        """What stands before the text."""
        return {"add": "+", "del": "-"}.get(self.kind, " ")


@dataclass
class Hunk:
    """Lines that lie together at ``path``."""

    path: str
    lines: list[Line] = field(default_factory=list)

    @property
    def is_marks(self) -> bool:
        """True when nothing but the order's own labels changes."""
        changed = [line.text for line in self.lines if line.kind != "same"]
        return bool(changed) and all(any(mark in text for mark in MARKS) for text in changed)


@dataclass(frozen=True)
class ObjectDiff:
    """One object. ``action``: create, change, remove, same, or marks (only the order's labels change).

    ``marks`` are the hunks with nothing but those labels.
    """

    kind: str
    name: str
    action: str
    changes: int
    hunks: list[Hunk]
    marks: list[Hunk]
    is_cut: bool


def diff_of(review: Review) -> list[ObjectDiff]:
    """What a review saw: objects that really change first."""
    origins = Origins(review.snapshot)
    return _sorted(_object(row, origins) for row in review.findings.get("diff", []))


def diff_of_snapshots(before: Snapshot | None, after: Snapshot) -> list[ObjectDiff]:
    """Two snapshots against each other, without asking the cluster: a roll back applies what was applied before."""
    old = {ref_of(manifest): manifest for manifest in (before.manifests if before else [])}
    new = {ref_of(manifest): manifest for manifest in after.manifests}
    origins = Origins(after)
    rows = []
    renamed = _renamed(old, new)
    for ref in dict.fromkeys((*new, *old)):
        if ref in renamed.values():
            continue
        found = diff_object(ref, old.get(renamed.get(ref, ref)), new.get(ref))
        changes = [asdict(change) for change in found.changes]
        row = {"kind": ref.kind, "name": ref.name, "action": found.action, "changes": changes}
        rows.append(_object({**row, "lines": list(found.unified)}, origins))
    return _sorted(rows)


def _renamed(old: Mapping[ObjectRef, Any], new: Mapping[ObjectRef, Any]) -> dict[ObjectRef, ObjectRef]:
    """From a new ConfigMap to the one that it follows: both have the same name but for the hash of their content."""
    before = {logical_name(ref.name): ref for ref in old if ref.kind == "ConfigMap" and ref not in new}
    return {
        ref: before[logical_name(ref.name)]
        for ref in new
        if ref.kind == "ConfigMap" and ref not in old and logical_name(ref.name) in before
    }


def _sorted(rows: Iterator[ObjectDiff] | list[ObjectDiff]) -> list[ObjectDiff]:
    return sorted(rows, key=lambda row: _ORDER.get(row.action, 0))


def _object(row: Mapping[str, Any], origins: Origins) -> ObjectDiff:
    # The first two lines of a unified diff only name the two sides.
    lines = [str(line) for line in row.get("lines", [])][2:]
    hunks = list(_hunks(lines[:LINES_MOST], str(row["kind"]), origins))
    real = [hunk for hunk in hunks if not hunk.is_marks]
    action = str(row["action"])
    if action == "change" and hunks and not real:
        action = "marks"
    changes = [change for change in row.get("changes", []) if not any(mark in change["path"] for mark in MARKS)]
    return ObjectDiff(
        kind=str(row["kind"]),
        name=str(row["name"]),
        action=action,
        changes=len(changes),
        hunks=real,
        marks=[hunk for hunk in hunks if hunk.is_marks],
        is_cut=len(lines) > LINES_MOST,
    )


def _hunks(lines: Sequence[str], kind: str, origins: Origins) -> Iterator[Hunk]:
    hunk, old, new = Hunk(""), 1, 1
    for text in lines:
        if head := _HEAD.fullmatch(text):
            if hunk.lines:
                yield hunk
            hunk, old, new = Hunk(head["path"]), int(head["old"]), int(head["new"])
            continue
        what = _KINDS.get(text[:1], "same")
        origin = origins.of(text[1:], kind) if what == "add" else ""
        hunk.lines.append(Line(what, old if what == "del" else new, text[1:], origin))
        old, new = old + (what != "add"), new + (what != "del")
    if hunk.lines:
        yield hunk


class Origins:
    """Where a line of a snapshot comes from: the order, the platform, a version of allocation, scaling rule or
    configuration, or the one template line that renders to it."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot
        self._lines: dict[str, MessageLike] = {}
        self._maps: list[str] = []
        if snapshot is not None:
            self._maps = [m["metadata"]["name"] for m in snapshot.manifests if m.get("kind") == "ConfigMap"]
            self._learn(snapshot)

    def _learn(self, snapshot: Snapshot) -> None:
        versions = {
            version.template.name: version.number
            for version in (snapshot.deployment_template, snapshot.service_template)
        }
        for text, template, number in (line for lines in snapshot.origins for line in lines):
            key = _plain(str(text))
            version = versions.get(template, "?")
            place = _("%(template)s v%(version)s line %(line)s", template=template, version=version, line=number)
            # A text that several lines render to comes from nowhere in particular.
            self._lines[key] = place if self._lines.get(key, place) == place else ""

    def of(self, text: str, kind: str) -> MessageLike:
        """In a few words; empty where nobody can tell."""
        snapshot, plain = self._snapshot, _plain(text)
        if snapshot is None or not plain:
            return ""
        if any(mark in plain for mark in MARKS):
            return "Prism4k"
        if snapshot.digest and snapshot.digest in plain:
            return _("the order")
        if snapshot.config and (any(name in plain for name in self._maps) or _is_content(plain, kind)):
            return _("configuration v%(n)s", n=snapshot.config.number)
        if snapshot.scaling_rule and kind == "HorizontalPodAutoscaler":
            return _("scaling rule v%(n)s", n=snapshot.scaling_rule.number)
        if plain.partition(":")[0] in ("replicas", "cpu", "memory"):
            return _("allocation v%(n)s", n=snapshot.allocation.number)
        return self._lines.get(plain, "")


def _is_content(plain: str, kind: str) -> bool:
    """A variable or a file's text in a ConfigMap, and none of the object's own fields."""
    return kind == "ConfigMap" and plain.partition(":")[0] not in (
        "apiVersion",
        "kind",
        "metadata",
        "data",
        "namespace",
    )


def _plain(text: str) -> str:
    """Without indentation, the mark of a list's item and quotes: templates and servers write them differently."""
    return text.strip().removeprefix("- ").replace('"', "").replace("'", "")
