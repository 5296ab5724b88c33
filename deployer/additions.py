"""Fields that others added beside ours: a variable, a container, a volume, a label of the pods.

Server-side apply leaves what it did not set, and what is applied counts as ours afterwards. Whose a field is, the
server notes in ``managedFields``: only there a variable that somebody set before our apply can be told from ours.
What an object says about itself (its own labels and annotations) belongs to many and is nobody's harm.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.diff import joined, shown
from deployer.interfaces import Manifest
from deployer.manifests import MANAGER

Fields = dict[str, Any]
"""FieldsV1: ``f:name``, ``k:{…}`` (an item by its keys) and ``v:…`` (a value of a set); ``.`` is the node itself."""

_CONTROLLERS = "kube-controller-manager"
_ELSEWHERE = ("f:apiVersion", "f:kind", "f:metadata", "f:status")
_NOT_TOLD = (
    # An autoscaler or a person says how many; where the templates say it too, the server names a conflict.
    ".spec.replicas",
    # kubectl rollout restart: the same pods again.
    '.spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]',
    # What the server gives a Service, and nobody can change.
    ".spec.clusterIP",
    ".spec.clusterIPs",
)
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "progressDeadlineSeconds": (600,),
    "revisionHistoryLimit": (10,),
    "maxSurge": ("25%",),
    "maxUnavailable": ("25%",),
    "type": ("RollingUpdate", "ClusterIP", ""),
    "dnsPolicy": ("ClusterFirst",),
    "restartPolicy": ("Always",),
    "schedulerName": ("default-scheduler",),
    "securityContext": ({},),
    "resources": ({},),
    "terminationGracePeriodSeconds": (30,),
    "imagePullPolicy": ("IfNotPresent",),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "protocol": ("TCP",),
    "failureThreshold": (3,),
    "periodSeconds": (10,),
    "successThreshold": (1,),
    "timeoutSeconds": (1,),
    "scheme": ("HTTP",),
    "apiVersion": ("v1",),
    "defaultMode": (420,),
    "internalTrafficPolicy": ("Cluster",),
    "externalTrafficPolicy": ("Cluster",),
    "sessionAffinity": ("None",),
    "ipFamilyPolicy": ("SingleStack",),
}
"""What the server writes where nobody says anything (``pkg/apis/*/v1/defaults.go``, Kubernetes 1.36). A client that
created the object without server-side apply owns these too, and they say nothing."""


@dataclass(frozen=True)
class Addition:
    """A field, or a whole item of a list, that only ``manager`` owns. ``at``: when it last wrote (RFC 3339), or empty.

    ``value`` is empty for whole items and for variables, which may hold a secret.
    """

    path: str
    manager: str
    at: str
    value: str


@dataclass(frozen=True)
class _Found:
    addition: Addition
    entry: int
    steps: tuple[str, ...]


def additions(live: Manifest) -> tuple[Addition, ...]:
    """What others added to ``live``: an object with its ``managedFields``, or the answer to an apply of ours."""
    return tuple(dict.fromkeys(one.addition for one in _found(live)))


def adopted(live: Manifest, taken: Collection[tuple[str, str]]) -> list[Fields] | None:
    """``managedFields`` in which the additions of these ``(path, manager)`` are ours, so that our next apply removes
    them; None where none of them is there. The object itself stays as it is."""
    wanted = [one for one in _found(live) if (one.addition.path, one.addition.manager) in taken]
    if not wanted:
        return None
    entries: list[Fields] = copy.deepcopy(live["metadata"]["managedFields"])
    own = next((entry for entry in entries if _is_own(entry) and entry.get("operation") == "Apply"), None)
    if own is None:
        own = {**entries[wanted[0].entry], "manager": MANAGER, "operation": "Apply", "fieldsV1": {}}
        entries.append(own)
    for one in wanted:
        _give(own["fieldsV1"], one.steps, _at(live["metadata"]["managedFields"][one.entry]["fieldsV1"], one.steps))
        _take(entries[one.entry]["fieldsV1"], one.steps)
    return [entry for entry in entries if entry.get("fieldsV1")]


def without(manifest: Manifest, taken: Collection[tuple[str, str]]) -> Manifest:
    """A copy as it is once the additions of these ``(path, manager)`` are removed."""
    result = copy.deepcopy(manifest)
    for one in reversed(_found(manifest)):
        if (one.addition.path, one.addition.manager) in taken:
            _cut(result, one.steps)
    return result


# ---------------------------------------------------------------- whose
def _found(live: Manifest) -> list[_Found]:
    entries = (live.get("metadata") or {}).get("managedFields") or []
    ours: Fields = {}
    for entry in entries:
        if _is_own(entry):
            _give(ours, (), entry.get("fieldsV1") or {})
    found: list[_Found] = []
    for number, entry in enumerate(entries):
        if not _is_own(entry) and _is_told(entry, live):
            for steps in _beyond(entry.get("fieldsV1") or {}, ours, ()):
                addition = _addition(live, entry, steps)
                if addition is not None:
                    found.append(_Found(addition, number, steps))
    return found


def _is_own(entry: Mapping[str, Any]) -> bool:
    # What an admission rule of the cluster adds to our apply is noted as an update of ours.
    return entry.get("manager") == MANAGER and not entry.get("subresource")


def _is_told(entry: Mapping[str, Any], live: Manifest) -> bool:
    """Of a person or a program, and in the version that we apply: paths of another one may not be there."""
    is_controller = entry.get("manager") == _CONTROLLERS
    return not is_controller and entry.get("subresource") != "status" and entry.get("apiVersion") == live["apiVersion"]


def _beyond(theirs: Fields, ours: Fields, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Their fields that we do not own; an item of a list that is theirs alone is told as one."""
    for key, below in theirs.items():
        if key == "." or (not above and key in _ELSEWHERE):
            continue
        if key not in ours and (below == {} or not key.startswith("f:")):
            yield (*above, key)
        else:
            yield from _beyond(below, ours.get(key) or {}, (*above, key))


def _addition(live: Manifest, entry: Mapping[str, Any], steps: tuple[str, ...]) -> Addition | None:
    here: Any = live
    path = ""
    for step in steps:
        path, here = _below(path, here, step)
        if here is None:
            return None
    name = steps[-1].removeprefix("f:")
    if path in _NOT_TOLD or any(here == default for default in _DEFAULTS.get(name, ())):
        return None
    value = "" if ".env[" in path or isinstance(here, dict | list) else shown(here) or ""
    return Addition(path, str(entry.get("manager") or ""), str(entry.get("time") or ""), value)


def _below(path: str, here: Any, step: str) -> tuple[str, Any]:
    """The path and the value one step further; None where it is not there."""
    if step.startswith("f:"):
        name = step.removeprefix("f:")
        return joined(path, name), here.get(name) if isinstance(here, dict) else None
    if step.startswith("k:") and isinstance(here, list):
        keys: dict[str, Any] = json.loads(step.removeprefix("k:"))
        label = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in keys.items())
        return f"{path}[{label}]", next((item for item in here if _is_item(item, keys)), None)
    if step.startswith("v:") and isinstance(here, list):
        value = json.loads(step.removeprefix("v:"))
        return f"{path}[={json.dumps(value, ensure_ascii=False)}]", value if value in here else None
    return path, None


def _is_item(item: Any, keys: Mapping[str, Any]) -> bool:
    # A port without a protocol is one of TCP.
    given = {"protocol": "TCP", **item} if isinstance(item, dict) else {}
    return all(given.get(name) == value for name, value in keys.items())


# ---------------------------------------------------------------- moving
def _at(fields: Fields, steps: tuple[str, ...]) -> Fields:
    for step in steps:
        fields = fields[step]
    return fields


def _give(fields: Fields, steps: tuple[str, ...], below: Fields) -> None:
    """``below`` merged into ``fields`` at that path."""
    for step in steps:
        fields = fields.setdefault(step, {})
    for key, deeper in below.items():
        _give(fields, (key,), deeper)


def _take(fields: Fields, steps: tuple[str, ...]) -> None:
    """The path gone, and what it leaves empty: an empty node would be the whole field."""
    if len(steps) > 1:
        below = fields.get(steps[0])
        if below is None:
            return
        _take(below, steps[1:])
        if below and (steps[0].startswith("k:") or set(below) != {"."}):
            return
    fields.pop(steps[0], None)


def _cut(value: Any, steps: tuple[str, ...]) -> None:
    """The same in the object itself."""
    step = steps[0]
    _path, below = _below("", value, step)
    if below is None:
        return
    if len(steps) > 1:
        _cut(below, steps[1:])
        if below not in ({}, []):
            return
    if step.startswith("f:"):
        del value[step.removeprefix("f:")]
    else:
        value.remove(below)
