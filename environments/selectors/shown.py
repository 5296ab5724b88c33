"""Runs of this app ready to be drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils.dateparse import parse_datetime

from accounts.models import User
from environments.certificates import read_certificates
from environments.models import Cluster, ClusterTest, Space, SpaceSync
from environments.reasons import message_for
from environments.selectors.places import last_sync, list_clusters
from environments.selectors.quota import QuotaBar, bar_of
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.models import Remote


@dataclass(frozen=True)
class SyncShown:
    """A sync, why it waits while it does, and why it failed if it did."""

    run: SpaceSync
    waits: MessageLike
    message: MessageLike


def sync_shown(space: Space) -> SyncShown | None:
    """The newest sync of the space; None when there never was one."""
    run = last_sync(space)
    return None if run is None else SyncShown(run, _waits(run), message_for(run.reason))


def _waits(run: SpaceSync) -> MessageLike:
    if not run.is_active:
        return ""
    if run.contact_lost_since:
        return _("The cluster does not answer; this continues by itself when it does.")
    if run.phase == "terminating":
        return _("The namespace is being deleted; it is created again when that is done.")
    if run.state == "queued":
        return _("A worker takes it in a moment.")
    if run.phase == "counting":
        return _("The cluster is counting what the quota already holds.")
    return _("The namespace and its quota are being applied.")


@dataclass(frozen=True)
class RightLine:
    """One resource and the verbs that we use of it, each with whether it is granted; ``extras`` can be done without."""

    resource: str
    verbs: list[tuple[str, bool]]
    extras: list[tuple[str, bool]]
    is_of_cluster: bool = False
    """True for rights in the cluster as a whole."""

    @property
    def missing(self) -> list[str]:
        """Verbs that are needed and refused."""
        return [verb for verb, is_allowed in self.verbs if not is_allowed]


@dataclass(frozen=True)
class PlaceTested:
    """What a test found in one namespace."""

    namespace: str
    rights: list[RightLine]
    bars: list[QuotaBar]
    error: str

    @property
    def is_complete(self) -> bool:
        """True when no right that is needed is missing."""
        return not self.error and not any(line.missing for line in self.rights)


@dataclass(frozen=True)
class TestShown:
    """A connection test and what it found so far."""

    run: ClusterTest
    at: datetime | None
    message: MessageLike
    places: list[PlaceTested]

    @property
    def is_complete(self) -> bool:
        """True when every namespace grants everything."""
        return all(place.is_complete for place in self.places)


def test_shown(run: ClusterTest) -> TestShown:
    """The test ready to be drawn."""
    facts = run.facts
    places = [_place(place) for place in facts.get("namespaces", [])]
    at = parse_datetime(facts["at"]) if facts.get("at") else None
    return TestShown(run, at, message_for(run.reason), places)


def _place(found: dict[str, Any]) -> PlaceTested:
    lines: dict[tuple[str, bool], RightLine] = {}
    for one in found.get("permissions", []):
        # The same right may be asked twice: listing pods here to follow rollouts, and everywhere to know the capacity.
        key = one["resource"], bool(one.get("is_of_cluster"))
        line = lines.setdefault(key, RightLine(one["resource"], [], [], is_of_cluster=key[1]))
        (line.verbs if one.get("is_needed", True) else line.extras).append((one["verb"], one["is_allowed"]))
    rights = list(lines.values())
    bars = [bar_of(line) for line in found.get("quota", [])]
    return PlaceTested(found["namespace"], rights, bars, found.get("error", ""))


@dataclass(frozen=True)
class ClusterRow:
    """A cluster, its newest test, the first of its certificates to end, and what the platform noted of it."""

    cluster: Cluster
    test: ClusterTest | None
    ends_at: datetime | None = None
    remote: Remote | None = None

    @property
    def missing(self) -> int:
        """How many rights the newest test found refused."""
        places = self.test.facts.get("namespaces", []) if self.test else []
        asked = (one for place in places for one in place.get("permissions", []))
        return sum(one.get("is_needed", True) and not one["is_allowed"] for one in asked)


def clusters_with_tests(actor: User) -> list[ClusterRow]:
    """All clusters with their newest test, in three queries."""
    newest = ClusterTest.objects.filter(cluster=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    rows = list(list_clusters(actor).annotate(newest_test=Subquery(newest)))
    tests = ClusterTest.objects.in_bulk([row.newest_test for row in rows if row.newest_test])
    known = remotes_of(rows)
    return [ClusterRow(row, tests.get(row.newest_test), first_end(row), known.get(row.remote_key)) for row in rows]


def remotes_of(clusters: Iterable[Cluster]) -> dict[str, Remote]:
    """What the platform noted of the clusters by their keys: since when one is away, when it answered last."""
    return {row.name: row for row in Remote.objects.filter(name__in=[one.remote_key for one in clusters])}


def first_end(cluster: Cluster) -> datetime | None:
    """When the first of the certificates that we were given ends; None without any."""
    texts = [text for text in (cluster.ca_pem, cluster.client_cert_pem) if text]
    return min((one.ends_at for text in texts for one in read_certificates(text)), default=None)
