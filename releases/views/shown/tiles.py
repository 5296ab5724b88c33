"""Pods as tiles: old ones left, new ones right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from foundation.problems import Sentence
from releases.views.shown.words import POD_STATES


@dataclass(frozen=True)
class Tile:
    """One pod."""

    name: str
    state: str
    word: Sentence
    message: str
    restarts: int
    node: str
    started_at: datetime | None
    is_ready: bool
    is_leaving: bool
    is_new: bool


@dataclass(frozen=True)
class Tiles:
    """The pods of a rollout."""

    old: list[Tile]
    new: list[Tile]

    @property
    def ready_old(self) -> int:
        """How many of the old ones still serve."""
        return sum(tile.is_ready for tile in self.old)

    @property
    def ready_new(self) -> int:
        """How many of the new ones serve already."""
        return sum(tile.is_ready for tile in self.new)


def tiles_of(pods: Sequence[Mapping[str, Any]]) -> Tiles:
    """From the pods that a step stored."""
    tiles = [_tile(pod) for pod in pods]
    return Tiles([tile for tile in tiles if not tile.is_new], [tile for tile in tiles if tile.is_new])


def _tile(pod: Mapping[str, Any]) -> Tile:
    state = str(pod.get("state", ""))
    return Tile(
        name=str(pod["name"]),
        state=state,
        word=POD_STATES.get(state, state),
        message=str(pod.get("message", "")),
        restarts=int(pod.get("restarts") or 0),
        node=str(pod.get("node", "")),
        started_at=parse_datetime(str(pod.get("started_at") or "")),
        is_ready=bool(pod.get("is_ready")),
        is_leaving=bool(pod.get("is_leaving")),
        is_new=bool(pod.get("is_new")),
    )
