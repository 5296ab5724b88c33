"""What a review saw, ready to draw: its own gates, quota bars, whether what it saw has moved since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployer.quantities import bytes_to_gib, millicores_to_cores
from foundation.problems import Sentence
from foundation.runs.choices import RunState
from foundation.sentences import listed
from releases.choices import Reason
from releases.gates import Gate
from releases.models import Placement, Review

CPU = ("cpu", "requests.cpu", "limits.cpu")
RESOURCES: dict[str, Sentence] = {
    "requests.cpu": gettext_lazy("CPU lower"),
    "limits.cpu": gettext_lazy("CPU upper"),
    "requests.memory": gettext_lazy("Memory lower"),
    "limits.memory": gettext_lazy("Memory upper"),
    "pods": "Pods",
}
"""What a quota's line is called here; other lines keep Kubernetes' own name."""
_PLACES = {name: place for place, name in enumerate(RESOURCES)}


@dataclass(frozen=True)
class Bar:
    """One line of a quota, texts in ``unit``; percentages of the hard limit, at most 100."""

    resource: Sentence
    unit: str
    used: str
    after: str
    peak: str
    hard: str
    short: str
    used_percent: int
    after_percent: int
    peak_percent: int
    left: str


def bars_of(review: Review) -> list[Bar]:
    """The quota lines that this deployment counts towards, in the order of the allocation's fields."""
    rows = sorted(review.findings.get("quota", []), key=lambda row: _PLACES.get(str(row["resource"]), 99))
    return [_bar(row) for row in rows]


def _bar(row: Mapping[str, Any]) -> Bar:
    resource, hard = str(row["resource"]), int(row["hard"])
    show: Callable[[int], str] = str
    unit = ""
    if resource in CPU:
        show, unit = millicores_to_cores, _("cores")
    elif resource.endswith(("memory", "storage")):
        show, unit = bytes_to_gib, "GiB"
    missing = int(row.get("short_by") or 0)
    return Bar(
        resource=RESOURCES.get(resource, resource),
        unit=unit,
        used=_short(show(int(row["used"]))),
        after=_short(show(int(row["after"]))),
        peak=_short(show(int(row["peak"]))),
        hard=_short(show(hard)),
        short=_short(show(missing)) if missing else "",
        used_percent=_percent(int(row["used"]), hard),
        after_percent=_percent(int(row["after"]), hard),
        peak_percent=_percent(int(row["peak"]), hard),
        left=_short(show(max(0, hard - int(row["after"])))),
    )


def _percent(part: int, whole: int) -> int:
    return min(100, part * 100 // whole) if whole else 100


def _short(text: str) -> str:
    """At most three decimals: exact amounts of foreign pods may have dozens."""
    whole, dot, decimals = text.partition(".")
    return f"{whole}.{decimals[:3]}".rstrip("0").rstrip(".") if dot else whole


# ---------------------------------------------------------------- the review's own gates
def review_gates(look: Review | None, bars: list[Bar]) -> list[Gate]:
    """Whether there is a review that found nothing, and whether the quota allows it: what this page asks for first."""
    if look is None:
        return [Gate("reviewed", False, _("It is not reviewed yet: review it first."))]
    if look.is_active:
        return [Gate("reviewed", False, _("The review is under way: a moment."))]
    if look.state != RunState.SUCCEEDED:
        if look.reason == Reason.QUOTA and bars:
            return [_quota_gate(bars)]
        return [Gate("reviewed", False, _("The review found problems: %(message)s") % {"message": look.message})]
    fine = Gate("reviewed", True, _("Reviewed: nothing stands in the way in the cluster."))
    return [fine, _quota_gate(bars)] if bars else [fine]


def _quota_gate(bars: list[Bar]) -> Gate:
    short = [bar for bar in bars if bar.short]
    if short:
        lines = (f"{bar.resource} {bar.short} {bar.unit}".strip() for bar in short)
        return Gate("quota", False, _("The quota is short by %(what)s.") % {"what": listed(lines)})
    left = listed(f"{bar.resource} {bar.left} {bar.unit}".strip() for bar in bars[:3:2])
    return Gate("quota", True, _("Left after it: %(what)s.") % {"what": left} if left else _("The quota allows it."))


def has_moved(look: Review | None, place: Placement | None) -> bool:
    """Something was applied there after the review looked: what it compared with is not what runs there now."""
    if look is None or look.seen_at is None or place is None or place.applied is None:
        return False
    return place.applied.applied_at is not None and place.applied.applied_at > look.seen_at
