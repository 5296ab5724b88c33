"""Pods as tiles: old ones left, new ones right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

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
    uid: str = ""
    is_unborn: bool = False

    @property
    def tone(self) -> str:
        """The state of its badge."""
        if self.is_leaving:
            return "cancelled"
        if self.is_ready:
            return "succeeded"
        return {"failing": "failed", "starting": "running", "running": "running", "ended": "cancelled"}.get(
            self.state, "waiting"
        )

    @property
    def short_name(self) -> str:
        """What tells the pods of one component apart."""
        return short_name(self.name)


def short_name(pod: str) -> str:
    """``…6d9f-x2k1q``."""
    parts = pod.rsplit("-", 2)
    return f"…{parts[1]}-{parts[2]}" if len(parts) == 3 else pod


@dataclass(frozen=True)
class Tiles:
    """The pods of a rollout. ``unborn`` are those that are wanted and not there yet."""

    old: list[Tile]
    new: list[Tile]
    unborn: list[Tile] = field(default_factory=list)

    @property
    def ready_old(self) -> int:
        """How many of the old ones still serve."""
        return sum(tile.is_ready for tile in self.old)

    @property
    def ready_new(self) -> int:
        """How many of the new ones serve already."""
        return sum(tile.is_ready for tile in self.new)


MOST_UNBORN = 24


def tiles_of(pods: Sequence[Mapping[str, Any]], wanted: int = 0) -> Tiles:
    """From the pods that a step stored; ``wanted`` new ones are drawn, whether they are there yet or not."""
    tiles = [_tile(pod) for pod in pods]
    new = [tile for tile in tiles if tile.is_new]
    missing = wanted - sum(not tile.is_leaving for tile in new)
    before = _("waits for the one before") if new else _("not created yet")
    unborn = [
        Tile("", "waiting", before, "", 0, "", None, False, False, True, is_unborn=True)
        for _place in range(min(missing, MOST_UNBORN))
    ]
    return Tiles([tile for tile in tiles if not tile.is_new], new, unborn)


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
        uid=str(pod.get("uid", "")),
    )
