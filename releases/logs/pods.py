"""A pod's log as the viewer and the API give it: the last lines, and which of them are marked."""

from __future__ import annotations

from typing import Any

from deployer.manifests import find_workload
from releases.logs.patterns import ERROR, marked_lines
from releases.models import Placement

MOST_LINES = 1000
"""Lines that one read asks the cluster for; it gives at most a megabyte of them."""

MOST_NAMES = 64
"""Of pods that one request may name."""


def answer_of(text: str) -> dict[str, Any]:
    """The text, and the places of its marked lines, from 0."""
    marks = list(marked_lines(text))
    return {
        "text": text,
        "errors": [place for place, level in marks if level == ERROR],
        "warnings": [place for place, level in marks if level != ERROR],
        "most_lines": MOST_LINES,
    }


def containers_of(place: Placement) -> list[str]:
    """Names of the containers of what serves there, the component's own first; empty where nothing has succeeded."""
    snapshot = place.last_succeeded.snapshot if place.last_succeeded else None
    if snapshot is None or not snapshot.manifests:
        return []
    pod = find_workload(snapshot.manifests)["spec"]["template"]["spec"]
    return [str(one["name"]) for one in [*pod.get("containers", []), *pod.get("initContainers", [])]]
