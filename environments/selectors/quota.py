"""Quotas as a cluster was last seen to have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max
from django.utils.dateparse import parse_datetime

from deployer.quantities import bytes_to_gib, millicores_to_cores
from environments.ceilings import CEILINGS
from environments.models import ClusterTest, QuotaObservation, Space, SpaceSync
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class QuotaBar:
    """One line of a quota as drawn: texts in ``unit``; ``percent`` of hard that is used, at most 100."""

    quota: str
    resource: str
    label: MessageLike
    unit: MessageLike
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
    """The newest observation of the namespace's quotas; None when nobody did yet."""
    return quotas_seen([space])[space.pk]


def quotas_seen(spaces: Sequence[Space]) -> dict[int, QuotaSeen | None]:
    """The newest sights by space id: three queries, however many spaces."""
    syncs, tests = _newest_syncs(spaces), _newest_tests(spaces)
    observations = {
        observation.space_id: observation for observation in QuotaObservation.objects.filter(space__in=spaces)
    }
    return {
        space.pk: _newest(space, syncs.get(space.pk), tests.get(space.cluster_id), observations.get(space.pk))
        for space in spaces
    }


def _newest_syncs(spaces: Sequence[Space]) -> dict[int, SpaceSync]:
    rows = SpaceSync.objects.filter(space__in=spaces, state=RunState.SUCCEEDED).exclude(seen={})
    newest = rows.order_by().values("space_id").annotate(top=Max("pk")).values("top")
    return {row.space_id: row for row in SpaceSync.objects.filter(pk__in=newest)}


def _newest_tests(spaces: Sequence[Space]) -> dict[int, ClusterTest]:
    clusters = {space.cluster_id for space in spaces}
    rows = ClusterTest.objects.filter(cluster__in=clusters, state=RunState.SUCCEEDED)
    newest = rows.order_by().values("cluster_id").annotate(top=Max("pk")).values("top")
    return {row.cluster_id: row for row in ClusterTest.objects.filter(pk__in=newest)}


def _newest(
    space: Space, sync: SpaceSync | None, test: ClusterTest | None, observation: QuotaObservation | None
) -> QuotaSeen | None:
    seen: list[tuple[datetime, list[dict[str, Any]]]] = []
    if sync and _is_of(sync.wanted, space):
        seen.append((_moment(sync.seen), sync.seen.get("quota", [])))
    for place in test.facts.get("namespaces", []) if test else []:
        if test and place["namespace"] == space.namespace and "quota" in place:
            seen.append((_moment(test.facts), place["quota"]))
    if observation and observation.namespace == space.namespace:
        seen.append((observation.at, observation.lines))
    if not seen:
        return None
    at, lines = max(seen, key=lambda one: one[0])
    return QuotaSeen(None if at == _NEVER else at, [bar_of(line) for line in lines])


def _moment(facts: dict[str, Any]) -> datetime:
    return parse_datetime(str(facts.get("at", ""))) or _NEVER


def _is_of(wanted: dict[str, Any], space: Space) -> bool:
    return wanted.get("namespace") == space.namespace and wanted.get("cluster") == space.cluster_id


_LABELS = {ceiling.resource: ceiling.label for ceiling in CEILINGS}


def bar_of(line: dict[str, Any]) -> QuotaBar:
    """One stored quota line (``quota, resource, hard, used`` in millicores, bytes or a count) ready to draw."""
    resource, hard, used = str(line["resource"]), int(line["hard"]), int(line["used"])
    show: Callable[[int], str] = str
    unit: MessageLike = ""
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
