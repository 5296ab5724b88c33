"""Reads of clusters, environments and spaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from accounts.models import Project, User
from deployer.quantities import bytes_to_gib, millicores_to_cores
from environments.access import require, visible_projects, visible_to
from environments.ceilings import CEILINGS
from environments.flow import Drawing, draw
from environments.models import Cluster, ClusterTest, Environment, Space, SpaceSync
from foundation.problems import Missing, Sentence
from foundation.runs.choices import ACTIVE, RunState


def list_clusters(actor: User, *, with_archived: bool = True) -> QuerySet[Cluster]:
    """All clusters, for who reads the site."""
    require(actor, "see_site")
    return Cluster.objects.all() if with_archived else Cluster.objects.filter(is_archived=False)


def find_cluster(actor: User, slug: str) -> Cluster:
    """One cluster, for who reads the site; raises Missing."""
    cluster = list_clusters(actor).filter(slug=slug).first()
    if cluster is None:
        raise Missing
    return cluster


def list_tests(actor: User, cluster: Cluster) -> QuerySet[ClusterTest]:
    """Connection tests of the cluster, newest first."""
    require(actor, "see_site")
    return cluster.tests.select_related("requested_by", "cluster").order_by("-pk")


def find_test(actor: User, cluster: Cluster, number: int) -> ClusterTest:
    """One test by its number; raises Missing."""
    test = list_tests(actor, cluster).filter(pk=number).first()
    if test is None:
        raise Missing
    return test


def list_environments() -> list[Environment]:
    """All environments in flow order, with what they follow; everybody who is signed in may know them."""
    return list(Environment.objects.select_related("twin").prefetch_related("follows"))


def find_environment(slug: str) -> Environment:
    """One environment; raises Missing."""
    environment = Environment.objects.select_related("twin").filter(slug=slug).first()
    if environment is None:
        raise Missing
    return environment


def follows_of(environments: Iterable[Environment]) -> dict[str, list[str]]:
    """Slug → slugs that it follows."""
    return {one.slug: [before.slug for before in one.follows.all()] for one in environments}


def drawing_of(environments: list[Environment]) -> Drawing:
    """The flow graph with places for its boxes."""
    twins = {one.slug: one.twin.slug for one in environments if one.twin}
    return draw(follows_of(environments), twins)


def list_spaces(actor: User) -> QuerySet[Space]:
    """The spaces of the projects that the person sees, archived projects left out."""
    rows = Space.objects.filter(visible_to(actor), project__is_archived=False)
    return rows.select_related("project", "environment", "cluster")


def find_space(actor: User, project_slug: str, environment_slug: str) -> Space:
    """The space of a project in an environment; raises Missing also where the person may not know of it."""
    found = Space.objects.select_related("project", "environment", "cluster").filter(
        project__in=visible_projects(actor), project__slug=project_slug, environment__slug=environment_slug
    )
    space = found.first()
    if space is None:
        raise Missing
    return space


@dataclass(frozen=True)
class SpaceRow:
    """One project's line in the table of spaces: ``cells`` in the order of the environments, None where none is."""

    project: Project
    cells: list[Space | None]


def space_table(actor: User, environments: list[Environment]) -> list[SpaceRow]:
    """Spaces as project × environment."""
    spaces = {(space.project_id, space.environment_id): space for space in list_spaces(actor)}
    projects = visible_projects(actor).filter(is_archived=False)
    return [SpaceRow(project, [spaces.get((project.pk, one.pk)) for one in environments]) for project in projects]


def last_sync(space: Space) -> SpaceSync | None:
    """The newest sync of the space, whatever its state."""
    return space.syncs.select_related("requested_by").order_by("-pk").first()


def is_sync_under_way(space: Space) -> bool:
    """True while the namespace and its quota are being brought in line: a review waits for that."""
    return space.syncs.filter(state__in=ACTIVE).exists()


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
    seen: list[tuple[str, list[dict[str, object]]]] = []
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


def _is_of(wanted: dict[str, object], space: Space) -> bool:
    return wanted.get("namespace") == space.namespace and wanted.get("cluster") == space.cluster_id


_LABELS = {ceiling.resource: ceiling.label for ceiling in CEILINGS}


def bar_of(line: dict[str, object]) -> QuotaBar:
    """One stored quota line (``quota, resource, hard, used`` in millicores, bytes or a count) ready to draw."""
    resource, hard, used = str(line["resource"]), int(str(line["hard"])), int(str(line["used"]))
    show, unit = str, ""
    if resource in ("cpu", "requests.cpu", "limits.cpu"):
        show, unit = millicores_to_cores, _("cores")
    elif resource.endswith(("memory", "storage")):
        show, unit = bytes_to_gib, "GiB"
    return QuotaBar(
        quota=str(line["quota"]),
        resource=resource,
        label=_LABELS.get(resource, resource),
        unit=str(unit),
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
