"""Quotas as a cluster was last seen to have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from deployer.quantities import bytes_to_gib, millicores_to_cores
from environments.ceilings import CEILINGS
from environments.models import Space
from foundation.problems import Sentence
from foundation.runs.choices import RunState


@dataclass(frozen=True)
class QuotaBar:
    """One line of a quota as drawn: texts in ``unit``; ``percent`` of hard that is used, at most 100."""

    quota: str
    resource: str
    label: Sentence
    unit: str
    hard: str
    used: str
    free: str
    percent: int
    is_full: bool


@dataclass(frozen=True)
class QuotaSeen:
    """What a cluster said of a namespace's quotas, and when."""

    at: datetime | None
    bars: list[QuotaBar]


def quota_seen(space: Space) -> QuotaSeen | None:
    """The newest sight of the namespace's quotas, from a sync or a connection test; None when nobody looked yet."""
    seen: list[tuple[str, list[dict[str, Any]]]] = []
    done = space.syncs.filter(state=RunState.SUCCEEDED).exclude(seen={}).order_by("-pk").first()
    if done and _is_of(done.wanted, space):
        seen.append((str(done.seen.get("at", "")), done.seen.get("quota", [])))
    for test in space.cluster.tests.filter(state=RunState.SUCCEEDED).order_by("-pk")[:5]:
        for place in test.facts.get("namespaces", []):
            if place["namespace"] == space.namespace and "quota" in place:
                seen.append((str(test.facts.get("at", "")), place["quota"]))
    if not seen:
        return None
    at, lines = max(seen, key=lambda one: one[0])
    return QuotaSeen(parse_datetime(at) if at else None, [bar_of(line) for line in lines])


def _is_of(wanted: dict[str, Any], space: Space) -> bool:
    return wanted.get("namespace") == space.namespace and wanted.get("cluster") == space.cluster_id


_LABELS = {ceiling.resource: ceiling.label for ceiling in CEILINGS}


def bar_of(line: dict[str, Any]) -> QuotaBar:
    """One stored quota line (``quota, resource, hard, used`` in millicores, bytes or a count) ready to draw."""
    resource, hard, used = str(line["resource"]), int(line["hard"]), int(line["used"])
    show: Callable[[int], str] = str
    unit = ""
    if resource in ("cpu", "requests.cpu", "limits.cpu"):
        show, unit = millicores_to_cores, _("cores")
    elif resource.endswith(("memory", "storage")):
        show, unit = bytes_to_gib, "GiB"
    return QuotaBar(
        quota=str(line["quota"]),
        resource=resource,
        label=_LABELS.get(resource, resource),
        unit=unit,
        hard=show(hard),
        used=_short(show(used)),
        free=_short(show(max(0, hard - used))),
        percent=min(100, used * 100 // hard) if hard else 100,
        is_full=used >= hard,
    )


def _short(text: str) -> str:
    """At most three decimals: exact amounts of foreign pods may have dozens."""
    whole, dot, decimals = text.partition(".")
    return f"{whole}.{decimals[:3]}".rstrip("0").rstrip(".") if dot else whole
