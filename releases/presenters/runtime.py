"""What runs in a placement: its pods, and a pod's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.dateparse import parse_datetime

from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.logs import pods
from releases.logs.plain import visible
from releases.models import Placement, ReleaseOrder
from releases.presenters.build import SHORT_ROWS, TAIL_LINES, Log
from releases.presenters.states import Shown, pod_state


@dataclass(frozen=True)
class Tile:
    """One pod."""

    name: str
    state: str
    word: MessageLike
    message: str
    restarts: int
    node: str
    started_at: datetime | None
    is_ready: bool
    is_leaving: bool
    is_new: bool
    uid: str = ""
    order: str = ""
    is_unborn: bool = False
    ip: str = ""
    ports: str = ""
    digest: str = ""
    end_reason: str = ""
    end_code: int | None = None
    end_at: datetime | None = None
    """How and when a container of it ended last."""
    lived: int | None = None
    """Seconds until the rollout ended, of a pod that is shown as it was then; None: it is shown as it is."""

    @property
    def last_end(self) -> MessageLike:
        """``OOMKilled, code 137``; empty where none has ended."""
        if not self.end_reason:
            return ""
        return (
            self.end_reason
            if self.end_code is None
            else _("%(reason)s, code %(code)s", reason=self.end_reason, code=self.end_code)
        )

    @property
    def short_digest(self) -> str:
        """``sha256:4f2a9c01d7e3``."""
        return self.digest[: len("sha256:") + 12]

    @property
    def short_name(self) -> str:
        """What tells the pods of one component apart."""
        return short_name(self.name)


def short_name(pod: str) -> str:
    """``…6d9f-x2k1q``."""
    parts = pod.rsplit("-", 2)
    return f"…{parts[1]}-{parts[2]}" if len(parts) == 3 else pod


def tail_of(pod: str) -> str:
    """``x2k1q``: the shortest name that tells the pods of one component apart."""
    return pod.rpartition("-")[2] or pod


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


@dataclass(frozen=True)
class PodGroup:
    """The pods of one order in a place, and whether they serve."""

    order: ReleaseOrder
    shown: Shown
    tiles: list[Tile]

    @property
    def ready(self) -> int:
        return sum(tile.is_ready for tile in self.tiles)


def pod_groups(place: Placement) -> list[PodGroup]:
    """What serves first; pods of an order that is neither applied nor succeeded go with those that it left."""
    applied, good = place.last_applied, place.last_succeeded
    orders = {row.order.number: row.order for row in (good, applied) if row is not None}
    found: dict[str, list[Tile]] = {number: [] for number in orders}
    for tile in (tile_of(pod) for pod in place.pods):
        by_template = applied if tile.is_new else good
        number = tile.order if tile.order in orders else by_template.order.number if by_template else ""
        if number:
            found[number].append(tile)
    return [PodGroup(orders[number], serving_state(tiles), tiles) for number, tiles in found.items() if tiles]


def serving_state(tiles: Sequence[Tile]) -> Shown:
    """How the pods of one order, or of one ReplicaSet, stand together."""
    if any(tile.is_ready for tile in tiles):
        return Shown("serving", _("serves"))
    if any(tile.state == "failing" for tile in tiles):
        return Shown("failing", _("failing"))
    if all(tile.is_leaving for tile in tiles):
        return Shown("leaving", _("leaving"))
    return Shown("starting", _("starting"))


MOST_UNBORN = 24


def tiles_of(pods: Sequence[Mapping[str, Any]], wanted: int = 0, *, ended_at: datetime | None = None) -> Tiles:
    """From the pods that a step stored; ``wanted`` new ones are drawn, whether they are there yet or not.

    ``ended_at``: they are shown as they were then, and grow no older.
    """
    tiles = [tile_of(pod, ended_at) for pod in pods]
    new = [tile for tile in tiles if tile.is_new]
    missing = wanted - sum(not tile.is_leaving for tile in new)
    before = _("waits for the one before") if new else _("not created yet")
    unborn = [
        Tile("", "waiting", before, "", 0, "", None, False, False, True, is_unborn=True)
        for _place in range(min(missing, MOST_UNBORN))
    ]
    return Tiles([tile for tile in tiles if not tile.is_new], new, unborn)


def tile_of(pod: Mapping[str, Any], ended_at: datetime | None = None) -> Tile:
    """One pod as a step stored it."""
    shown = pod_state(pod)
    started_at = parse_datetime(str(pod.get("started_at") or ""))
    lived = max(0, int((ended_at - started_at).total_seconds())) if ended_at and started_at else None
    return Tile(
        name=str(pod["name"]),
        state=shown.state,
        word=shown.word,
        message=str(pod.get("message", "")),
        restarts=int(pod.get("restarts") or 0),
        node=str(pod.get("node", "")),
        started_at=started_at,
        is_ready=bool(pod.get("is_ready")),
        is_leaving=bool(pod.get("is_leaving")),
        is_new=bool(pod.get("is_new")),
        uid=str(pod.get("uid", "")),
        order=str(pod.get("order") or ""),
        ip=str(pod.get("ip") or ""),
        ports=str(pod.get("ports") or ""),
        digest=str(pod.get("digest") or ""),
        end_reason=str(pod.get("end_reason") or ""),
        end_code=pod.get("end_code"),
        end_at=parse_datetime(str(pod.get("end_at") or "")),
        lived=lived,
    )


def pod_log_of(place: Placement, pod: str, text: str, *, container: str, previous: bool) -> Log:
    """A pod's last lines, as of now; the viewer asks again for those of a container that runs."""
    names = f"{place.space.project.slug}/{place.component.slug}/environments/{place.space.environment.slug}"
    query = urlencode({"container": container, "previous": "1" if previous else "0"})
    lines = text.removesuffix("\n").split("\n")
    first = max(1, len(lines) - TAIL_LINES + 1)
    return Log(
        url=f"/api/v1/components/{names}/pods/{pod}/log/?{query}",
        link=f"?{query}",
        raw_url="",
        data={**pods.answer_of(text), "is_followed": not previous, "opens_at": "end"},
        text=visible("\n".join(lines[first - 1 :])),
        first=first,
        around="",
        around_line=0,
        is_short=previous and len(lines) <= SHORT_ROWS,
    )
