"""One pod opened from its tile: on a rollout's page and on a runtime's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from components.models import Component
from environments.models import Space
from foundation.problems import Missing, Refused
from releases import live_reads
from releases.logs.plain import visible
from releases.presenters.rollout import told_by_cluster
from releases.presenters.runtime import Tile, tiles_of

LINES = 40
"""The end of its log, at first; the whole of it has a page of its own."""


def open_pod(
    request: HttpRequest,
    space: Space,
    component: Component,
    pods: Sequence[Mapping[str, Any]],
    *,
    ended_at: datetime | None = None,
) -> dict[str, Any]:
    """``?pod=``: as last seen, with its events and the end of its log as the cluster has them now."""
    name = request.GET.get("pod", "")
    context: dict[str, Any] = {
        "open_pod": name, "project": space.project.slug, "component_slug": component.slug,
        "environment": space.environment, "space": space,
    }  # fmt: skip
    tiles = tiles_of(pods, ended_at=ended_at)
    pod = next((tile for tile in [*tiles.new, *tiles.old] if tile.name == name), None)
    return context | {"pod": pod, **_asked_of(space, pod)} if pod else context


def _asked_of(space: Space, pod: Tile) -> dict[str, Any]:
    found: dict[str, Any] = {"pod_events": [], "pod_log": ""}
    try:
        found["pod_events"] = told_by_cluster(live_reads.events_of(space, [pod.uid]))
        found["pod_log"] = visible(live_reads.pod_log(space, pod.name, tail_lines=LINES))
    except (Missing, Refused) as trouble:
        # It may be gone by now: what was stored of it stays.
        found["pod_trouble"] = trouble.message
    return found
