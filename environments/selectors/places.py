"""Reads of clusters, environments and spaces, with their policies in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import ngettext

from accounts.models import Project, User
from deployer.rights import account_manifest
from environments.access import require, visible_projects, visible_to
from environments.asked_services import spaces_asking
from environments.choices import Role
from environments.flow import Box, Drawing, draw
from environments.grants import pull_secret_of
from environments.in_cluster import own_account
from environments.models import Cluster, ClusterTest, Environment, PullSecret, Space, SpaceSync
from environments.policy import POLICY_FIELDS
from environments.selectors.quota import QuotaBar, QuotaSeen, quotas_seen
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from foundation.problems import Missing
from foundation.runs.choices import ACTIVE


@dataclass(frozen=True)
class PolicyLine:
    """One field of the policy: its label and its value as people read it."""

    name: str
    label: str
    value: MessageLike
    is_on: bool = False
    is_off: bool = False
    """Both false: not a yes or no."""


def policy_lines(space: Space) -> list[PolicyLine]:
    """Every field, in the order of the form."""
    lines = []
    for name in POLICY_FIELDS:
        label = Space._meta.get_field(name).verbose_name  # type: ignore[union-attr]
        value = getattr(space, name)
        words = policy_words(name, value)
        lines.append(PolicyLine(name, capfirst(str(label)), words, is_on=value is True, is_off=value is False))
    return lines


_EMPTY_BOUNDS: dict[str, MessageLike] = {
    "scale_minimum": _("1 in production, no bound elsewhere"),
    "scale_maximum": _("twice the allocation in production, no bound elsewhere"),
}


def policy_words(name: str, value: Any) -> MessageLike:
    """One value of a policy as people read it."""
    if name == "approval_hours" and not value:
        return _("never")
    if name in _EMPTY_BOUNDS and value is None:
        return _EMPTY_BOUNDS[name]
    if name == "branch_pattern" and not value:
        return _("any branch")
    if name == "approvals_per_group" and not value:
        return _("from any of the groups")
    if value is True:
        return _("yes")
    if value is False:
        return _("no")
    if name == "approver_groups":
        return localized_list(value) or _("people of any group and of none")
    if isinstance(value, list):
        return localized_list(Role(role).label for role in value) or _("all who may")
    return str(value) or "–"


def policy_in_short(space: Space) -> list[MessageLike]:
    """What is not the default, in a few words each, for a cell of the table."""
    said: list[MessageLike] = []
    if space.operations_only:
        said.append(_("operations only"))
    if not space.asks_review:
        said.append(_("no review"))
    if space.approvals:
        said.append(ngettext("%(count)s approval", "%(count)s approvals", space.approvals) % {"count": space.approvals})
    if space.approvals_per_group:
        said.append(_("%(count)s of each group", count=space.approvals_per_group))
    if space.four_eyes:
        said.append(_("four eyes"))
    if space.creators_may_promote:
        said.append(_("creators promote"))
    return said


PROJECTS = 50
"""Projects on one page of the table of spaces."""


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


def pull_secrets_in(cluster_id: int, namespace: str) -> list[str]:
    """Names of the Secrets that syncs keep in the namespace, or have to remove from it."""
    made = PullSecret.objects.filter(cluster=cluster_id, namespace=namespace).values_list("name", flat=True)
    spaces = Space.objects.filter(cluster=cluster_id, namespace=namespace, is_archived=False)
    granted = [pull_secret_of(slug) for space in spaces for slug in space.grants.get("registries", [])]
    return sorted({*made, *granted})


def account_manifest_of(actor: User, cluster: Cluster) -> str:
    """What the administrator of the cluster applies to give our account exactly the rights that we use there."""
    require(actor, "see_site")
    rows = Space.objects.filter(cluster=cluster, project__is_archived=False, is_archived=False)
    spaces = dict(rows.values_list("pk", "namespace"))
    names = sorted(spaces.values())
    pull_secrets = {name: found for name in names if (found := pull_secrets_in(cluster.pk, name))}
    asking = {spaces[pk] for pk in spaces_asking(spaces)}
    account = own_account() if cluster.in_cluster else None
    return account_manifest(names, with_cluster_role=True, account=account, pull_secrets=pull_secrets, asking=asking)


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


def list_environments(*, is_archived: bool = False) -> list[Environment]:
    """Environments in flow order, with what they follow; everybody who is signed in may know them.

    ``is_archived``: those of the archive instead.
    """
    rows = Environment.objects.filter(is_archived=is_archived)
    return list(rows.select_related("twin").prefetch_related("follows"))


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


def boxes_of(environments: list[Environment], drawing: Drawing) -> list[tuple[Box, Environment]]:
    """Each box with the environment that it stands for."""
    by_slug = {one.slug: one for one in environments}
    return [(box, by_slug[box.slug]) for box in drawing.boxes]


def steps_of(boxes: list[tuple[Box, Environment]]) -> list[list[Environment]]:
    """The columns of the flow graph from left to right, for screens that are too narrow for it."""
    columns: dict[int, list[Environment]] = {}
    for box, environment in boxes:
        columns.setdefault(box.x, []).append(environment)
    return [columns[x] for x in sorted(columns)]


def list_spaces(actor: User) -> QuerySet[Space]:
    """The spaces of the projects that the person sees, without archived ones and those of archived projects."""
    rows = Space.objects.filter(visible_to(actor), project__is_archived=False, is_archived=False)
    return rows.select_related("project", "environment", "cluster")


def spaces_by_project(project_ids: Iterable[int]) -> dict[int, list[Space]]:
    """The spaces of these projects in flow order: one query."""
    found: dict[int, list[Space]] = defaultdict(list)
    if not (ids := set(project_ids)):
        return found
    rows = Space.objects.filter(project_id__in=ids, is_archived=False).select_related("environment")
    for space in rows.order_by("environment__position", "environment__slug"):
        found[space.project_id].append(space)
    return found


def find_space(actor: User, project_slug: str, environment_slug: str) -> Space:
    """The space of a project in an environment; raises Missing also where the person may not know of it."""
    found = Space.objects.select_related("project", "environment", "cluster").filter(
        project__in=visible_projects(actor), project__slug=project_slug, environment__slug=environment_slug
    )
    space = found.first()
    if space is None:
        raise Missing
    return space


MEASURES = ("pods", "limits.cpu", "limits.memory")
"""What of a quota the table shows of every space, so that cells can be compared."""


@dataclass(frozen=True)
class Cell:
    """One space in the table, with its policy in a few words and the same lines of quota as every other."""

    space: Space
    policy: list[MessageLike]
    quota: QuotaSeen | None = None

    @property
    def bars(self) -> list[QuotaBar]:
        """The fullest line of each of MEASURES, in their order, then any other that is full."""
        seen = sorted(self.quota.bars if self.quota else [], key=lambda bar: bar.percent, reverse=True)
        fullest = {bar.resource: bar for bar in reversed(seen)}
        full = [bar for bar in seen if bar.is_full and bar.resource not in MEASURES]
        return [fullest[name] for name in MEASURES if name in fullest] + full


@dataclass(frozen=True)
class SpaceRow:
    """One project's line in the table of spaces: ``cells`` in the order of the environments, None where none is."""

    project: Project
    cells: list[Cell | None]


@dataclass(frozen=True)
class SpaceTable:
    """Spaces as project × environment; ``more`` is the project that the next page begins with."""

    rows: list[SpaceRow]
    more: str


def space_table(actor: User, environments: list[Environment], *, text: str = "", start: str = "") -> SpaceTable:
    """Fifty projects from ``start`` (a slug) on, by part of their names: six queries, however many spaces."""
    projects = visible_projects(actor).filter(is_archived=False).order_by("slug")
    if text:
        projects = projects.filter(Q(slug__icontains=text) | Q(name__icontains=text) | Q(name_en__icontains=text))
    if start:
        projects = projects.filter(slug__gte=start)
    found = list(projects[: PROJECTS + 1])
    shown = found[:PROJECTS]
    spaces = list(list_spaces(actor).filter(project__in=shown))
    quotas = quotas_seen(spaces)
    cells = {
        (space.project_id, space.environment_id): Cell(space, policy_in_short(space), quotas[space.pk])
        for space in spaces
    }
    rows = [SpaceRow(project, [cells.get((project.pk, one.pk)) for one in environments]) for project in shown]
    return SpaceTable(rows, found[PROJECTS].slug if len(found) > PROJECTS else "")


def last_sync(space: Space) -> SpaceSync | None:
    """The newest sync of the space, in any state."""
    return space.syncs.select_related("requested_by").order_by("-pk").first()


def is_sync_under_way(space: Space) -> bool:
    """True while the namespace and its quota are being brought in line: a review waits for that."""
    return space.syncs.filter(state__in=ACTIVE).exists()


def spaces_of(actor: User, project: Project, *, with_archived: bool = False) -> QuerySet[Space]:
    """The spaces of one project, archived or not, in flow order; ``with_archived`` adds archived spaces."""
    require(actor, "see", project_id=project.pk)
    rows = Space.objects.filter(project=project).select_related("project", "environment", "cluster")
    rows = rows if with_archived else rows.filter(is_archived=False)
    return rows.order_by("environment__position", "environment__slug")
