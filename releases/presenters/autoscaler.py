"""The autoscaler of a placement: its numbers, and what it decided last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from deployer.autoscaling import Condition, Decision, decision
from deployer.manifests import bounds_in
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.models import Placement

TONES = {"fits": "succeeded", "limited": "blocked", "waits": "waiting", "unknown": "waiting", "failed": "failed"}
_WORDS: dict[str, MessageLike] = {
    "fits": _("in its bounds"),
    "limited": _("at its bound"),
    "waits": _("cooling down"),
    "unknown": _("unknown"),
    "failed": _("cannot work"),
}


@dataclass(frozen=True)
class Autoscaler:
    """As it was seen last; the bounds are those of the snapshot until somebody has looked."""

    minimum: int
    maximum: int
    is_rule: bool
    current: int
    wanted: int
    cpu_percent: int | None
    target_percent: int | None
    said: Decision
    conditions: tuple[Condition, ...]
    scaled_at: datetime | None
    seen_at: datetime | None
    is_missing: bool = False
    """Nobody has seen it yet, or it is not there."""

    @property
    def state(self) -> str:
        """One of the states of a :class:`~deployer.autoscaling.Decision`."""
        return self.said.state

    @property
    def decision(self) -> MessageLike:
        """What it does and why."""
        return self.said.message

    @property
    def tone(self) -> str:
        """The state of its badge."""
        return TONES[self.state]

    @property
    def word(self) -> MessageLike:
        """The word on its badge."""
        return _WORDS[self.state]


def autoscaler_of(place: Placement) -> Autoscaler | None:
    """None where the snapshot that stands there has no autoscaler."""
    standing = place.last_applied or place.last_succeeded
    bounds = bounds_in(standing.snapshot.manifests) if standing and standing.snapshot else None
    if bounds is None:
        return None
    seen: dict[str, Any] = place.autoscaler
    conditions = tuple(Condition(**one) for one in seen.get("conditions", ()))
    is_missing = "name" not in seen
    return Autoscaler(
        minimum=seen.get("minimum", bounds.least),
        maximum=seen.get("maximum", bounds.most),
        is_rule=bounds.is_rule,
        current=seen.get("current", 0),
        wanted=seen.get("wanted", 0),
        cpu_percent=seen.get("cpu_percent"),
        target_percent=seen.get("target_percent"),
        said=_missing(seen) if is_missing else decision(conditions),
        conditions=conditions,
        scaled_at=parse_datetime(seen.get("scaled_at") or ""),
        seen_at=parse_datetime(seen.get("seen_at") or ""),
        is_missing=is_missing,
    )


def _missing(seen: dict[str, Any]) -> Decision:
    if seen.get("seen_at"):
        return Decision("failed", _("The autoscaler is not there: somebody deleted it. Deploy again to have it back."))
    return Decision("unknown", _("The platform has not seen the autoscaler yet."))
