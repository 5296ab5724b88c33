"""Which other systems cannot be reached now, and what that holds up: for those whose projects use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from components.models import Toolchain
from desk.selectors.health import sides_of
from environments.access import Rights, visible_to
from environments.models import Space
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from foundation.models import Remote
from foundation.runs.choices import ACTIVE
from releases.models import Build, Deployment

MOST_NAMED = 6


@dataclass(frozen=True)
class Outage:
    """One remote. ``since`` is its last answer."""

    name: str
    since: datetime
    holds_up: MessageLike


def outages(rights: Rights) -> list[Outage]:
    """The longest first: one query while all answer."""
    found = []
    rows = list(Remote.objects.filter(opened_at__isnull=False).order_by("opened_at"))
    names = sides_of(rows) if rows else {}
    for remote in rows:
        kind, _colon, key = remote.name.partition(":")
        told = _HELD[kind](rights, int(key)) if kind in _HELD and remote.name in names else None
        if told and remote.opened_at:
            found.append(Outage(names[remote.name], remote.opened_at, told))
    return found


def _by_cluster(rights: Rights, pk: int) -> MessageLike | None:
    spaces = Space.objects.filter(visible_to(rights.user, rights=rights), cluster_id=pk, is_archived=False)
    rows = spaces.select_related("environment", "project").order_by("environment__position", "project__slug")
    where = list(dict.fromkeys(space.environment.label for space in rows))
    if not where:
        return None
    waiting = Deployment.objects.filter(space__in=spaces, state__in=sorted(ACTIVE)).count()
    places = localized_list(where[:MOST_NAMED])
    if waiting:
        return _(
            "Not known now: what runs in %(places)s. Deployments that wait for it: %(n)s.", places=places, n=waiting
        )
    return _("Not known now: what runs in %(places)s. Nothing is deployed there until it answers.", places=places)


def _by_jenkins(rights: Rights, pk: int) -> MessageLike | None:
    return _builds(rights, Toolchain.objects.filter(jenkins_id=pk), Build.objects.filter(server_id=pk))


def _by_registry(rights: Rights, pk: int) -> MessageLike | None:
    return _builds(rights, Toolchain.objects.filter(registry_id=pk), Build.objects.filter(registry_id=pk))


def _builds(rights: Rights, toolchains: QuerySet[Toolchain], builds: QuerySet[Build]) -> MessageLike | None:
    if not toolchains.filter(visible_to(rights.user, rights=rights)).exists():
        return None
    seen = visible_to(rights.user, rights=rights, field="order__project_id")
    waiting = builds.filter(seen, state__in=sorted(ACTIVE)).count()
    if waiting:
        return _("Builds that wait for it: %(n)s. They go on by themselves.", n=waiting)
    return _("Builds that are started now wait for it.")


_HELD: dict[str, Callable[[Rights, int], MessageLike | None]] = {
    "cluster": _by_cluster,
    "jenkins": _by_jenkins,
    "registry": _by_registry,
}
