"""What others changed on a workload that we applied, and whose hand it was.

Compared with the server's answer to our apply, so that its defaults and its way to write numbers cancel out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.diff import FieldChange, field_changes
from deployer.interfaces import Diagnosis, Manifest
from deployer.manifests import MANAGER
from deployer.messages import message as _
from deployer.verdict.objects import metadata

CONTROLLERS = "kube-controller-manager"
_REPLICAS = ".spec.replicas"
# Pausing is told by itself. The other two are taken for changed only where the templates set them.
_HARMLESS = ("paused",)
_HARMLESS_UNSET = ("progressDeadlineSeconds", "revisionHistoryLimit", "replicas")
_MOST_FIELDS = 5
_PART = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<key>(?:\"(?:[^\"\\]|\\.)*\"|[^\]\"])*)\]")


@dataclass(frozen=True)
class AppliedWorkload:
    """What we sent, and what the server made of it: ``spec`` of its answer, None where that was not kept.

    ``is_scaled``: an autoscaler has a say in the number of pods.
    """

    manifest: Manifest
    spec: Mapping[str, Any] | None = None
    is_scaled: bool = False


@dataclass(frozen=True)
class Hand:
    """A field manager and when it last wrote, as the API tells (RFC 3339); empty texts where nobody is named."""

    manager: str = ""
    at: str = ""
    subresource: str = ""


def changed_by_others(live: Manifest, applied: AppliedWorkload, *, is_same_spec: bool) -> tuple[str, ...]:
    """Each field that is not as we applied it; images and replicas with before and after.

    Labels and annotations that are not ours are nobody's harm, on the object and in its template.
    """
    found = list(_marks_changed(metadata(live), metadata(applied.manifest), ".metadata"))
    if not is_same_spec:
        found += _spec_changes(live.get("spec") or {}, applied)
    return tuple(found)


def spec_changed_by_others(live: Manifest, applied: AppliedWorkload) -> tuple[FieldChange, ...]:
    """Each field of the spec that is not as the server made it of our apply, pausing included.

    A dry run of what we send leaves out what others *added*: a variable, a container, ``paused``.
    """
    if applied.spec is None:
        return ()
    left_out = {"replicas"} if applied.is_scaled else set()
    before, after = _bare(applied.spec, left_out), _bare(live.get("spec") or {}, left_out)
    return tuple(field_changes(before, after, ".spec"))


def _marks_changed(live: Mapping[str, Any], ours: Mapping[str, Any], path: str) -> Iterator[str]:
    for part in ("labels", "annotations"):
        there = live.get(part) or {}
        for name, text in (ours.get(part) or {}).items():
            if there.get(name) != text:
                yield f'{path}.{part}["{name}"]'


def _spec_changes(live: Mapping[str, Any], applied: AppliedWorkload) -> list[str]:
    ours = applied.manifest["spec"]
    left_out = {*_HARMLESS, *(name for name in _HARMLESS_UNSET if name not in ours)}
    if applied.is_scaled:
        left_out.add("replicas")
    template = metadata(ours.get("template") or {})
    marks = list(_marks_changed(metadata(live.get("template") or {}), template, ".spec.template.metadata"))
    if applied.spec is None:
        return marks + _few_changes(live, ours, left_out)
    before, after = _bare(applied.spec, left_out), _bare(live, left_out)
    return marks + [_shown(change) for change in field_changes(before, after, ".spec")]


def _few_changes(live: Mapping[str, Any], ours: Mapping[str, Any], left_out: set[str]) -> list[str]:
    """Images and replicas: what the server writes as it was sent."""
    before, after = _images(ours), _images(live)
    there = [box for box in after if box["name"] in {ours["name"] for ours in before}]
    changes = list(field_changes(before, there, ".spec.template.spec.containers"))
    if "replicas" not in left_out and live.get("replicas") != ours.get("replicas"):
        changes.append(FieldChange(_REPLICAS, str(ours.get("replicas")), str(live.get("replicas"))))
    return [_shown(change) for change in changes]


def _images(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    pod = (spec.get("template") or {}).get("spec") or {}
    return [{"name": box.get("name"), "image": box.get("image")} for box in pod.get("containers") or ()]


def _bare(spec: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    kept = {name: value for name, value in spec.items() if name not in left_out}
    template = kept.get("template")
    if isinstance(template, dict):
        head = {name: text for name, text in metadata(template).items() if name not in ("labels", "annotations")}
        kept["template"] = {**template, "metadata": head}
    return kept


def _shown(change: FieldChange) -> str:
    """With its values where they are no one's secret; a variable may hold one."""
    if not change.path.endswith((".image", _REPLICAS)):
        return change.path
    return f"{change.path} ({change.before or '–'} → {change.after or '–'})"


def outside_change(fields: Sequence[str], hand: Hand | None = None) -> Diagnosis:
    """The cause of a rollout that others changed."""
    shown = ", ".join(fields[:_MOST_FIELDS]) + (" …" if len(fields) > _MOST_FIELDS else "")
    return Diagnosis("changed_outside", {**hand_values(hand), "fields": shown}, evidence=tuple(fields))


def hand_values(hand: Hand | None) -> dict[str, Any]:
    """``manager`` and ``at`` for a message."""
    if hand is None or not hand.manager:
        return {"manager": _("somebody"), "at": "?"}
    return {"manager": hand.manager, "at": hand.at.replace("T", " ").replace("Z", " UTC") or "?"}


def only_replicas(diagnosis: Diagnosis) -> bool:
    """Whether nothing but the number of pods was changed, which an autoscaler may do."""
    return [field.partition(" ")[0] for field in diagnosis.evidence] == [_REPLICAS]


def is_scaler(live: Manifest) -> bool:
    """Whether an autoscaler set the number of pods that is live: it writes through ``scale``, as the controllers."""
    hand = _owner(live, _REPLICAS)
    return hand is not None and hand.manager == CONTROLLERS and hand.subresource == "scale"


def hand_of(live: Manifest | None, fields: Sequence[str]) -> Hand:
    """Who wrote these fields last, by ``managedFields``; the one who wrote last at all where a field was taken away."""
    if live is None:
        return Hand()
    owners = [hand for field in fields if (hand := _owner(live, field.partition(" (")[0])) is not None]
    return max(owners or [hand for hand, _fields in _others(live)], key=lambda hand: hand.at, default=Hand())


def _owner(live: Manifest, path: str) -> Hand | None:
    parts = [found["field"] or found["key"] for found in _PART.finditer(path)]
    owners = [hand for hand, fields in _others(live) if _holds(fields, parts)]
    return max(owners, key=lambda hand: hand.at, default=None)


def _others(live: Manifest) -> Iterator[tuple[Hand, Mapping[str, Any]]]:
    for entry in metadata(live).get("managedFields") or ():
        manager, part = str(entry.get("manager") or ""), str(entry.get("subresource") or "")
        if manager == MANAGER or part == "status" or (manager == CONTROLLERS and not part):
            continue
        yield Hand(manager, str(entry.get("time") or ""), part), entry.get("fieldsV1") or {}


def _holds(fields: Mapping[str, Any], parts: Sequence[str]) -> bool:
    """Whether FieldsV1 has this path, or an atomic field that it lies in."""
    here: Mapping[str, Any] = fields
    for depth, part in enumerate(parts):
        name = json.loads(part) if part.startswith('"') else part
        below = [here[key] for key in here if key == f"f:{name}" or _is_item(key, part)]
        if not below:
            return depth > 0 and not here
        here = below[0]
    return True


def _is_item(key: str, part: str) -> bool:
    """``k:{"name":"web"}`` is the item that a path writes as ``[name="web"]``."""
    if not key.startswith("k:"):
        return False
    try:
        wanted: dict[str, Any] = json.loads(key[2:])
    except ValueError:
        return False
    pairs = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in wanted.items()]
    return all(pair in part.split(",") for pair in pairs)
