"""The release-order list: a page of rows in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.urls import reverse

from accounts.models import Project
from components.models import Component, ComponentSettings
from components.naming import short_code
from environments.access import Rights
from environments.choices import Role
from environments.holding import holders, in_force
from environments.models import Membership
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE
from releases.choices import OrderState
from releases.models import Build, ReleaseOrder
from releases.presenters.acts import Act, panel_url
from releases.presenters.build import Stage, stage_strip, stage_summary
from releases.presenters.standings import Standing, latest_builds, read_standings
from releases.presenters.states import order_state
from releases.turns import waiting_turns


@dataclass(frozen=True)
class OrderRow:
    """One line of the list."""

    order: ReleaseOrder
    code: str
    name_zh: str
    build: Build | None
    build_state: str
    build_word: str
    stages: list[Stage]
    standings: list[Standing]
    act: Act
    may_check: bool


def with_names(orders: QuerySet[ReleaseOrder]) -> QuerySet[ReleaseOrder]:
    """The same orders with the component's Chinese name in ``name_zh``."""
    newest = ComponentSettings.objects.filter(component=OuterRef("component")).order_by("-number")
    waiting = waiting_turns().order_by().filter(order=OuterRef("pk"))
    return orders.annotate(name_zh=Subquery(newest.values("name_zh")[:1]), is_in_line=Exists(waiting))


def order_rows(orders: Sequence[ReleaseOrder], rights: Rights) -> list[OrderRow]:
    """Rows ready to draw: six queries, however many orders."""
    builds, standings = latest_builds(orders), read_standings(orders)
    return [_row(order, builds.get(order.pk), standings[order.pk], rights) for order in orders]


def _row(order: ReleaseOrder, build: Build | None, standings: list[Standing], rights: Rights) -> OrderRow:
    state, word = stage_summary(build)
    shown = order_state(order, build, standings)
    return OrderRow(
        order=order,
        code=short_code(order.component.name, order.project.slug),
        name_zh=getattr(order, "name_zh", "") or "",
        build=build,
        # What the stages do not say, the order does: created, stopped, withdrawn.
        build_state=state if word else shown.state,
        build_word=word or str(shown.word),
        stages=stage_strip(build),
        standings=standings,
        act=next_act(order, standings, rights),
        may_check=rights.can("check", project_id=order.project_id),
    )


def next_act(order: ReleaseOrder, standings: Sequence[Standing], rights: Rights) -> Act:
    """The one next sensible act for this viewer, as a link: the page behind it asks the gates and has the form."""
    page = reverse("releases:order", args=[order.number])
    if order.state == OrderState.CLOSED:
        may = rights.can("create_order", project_id=order.project_id)
        repeat = Act(_("Repeat"), f"{reverse('releases:new')}?repeat={order.number}")
        return repeat if may else Act(_("Open"), page)
    if order.state == OrderState.BUILDING:
        return Act(_("See the log"), panel_url(order.number, "build"))
    if order.state in (OrderState.CREATED, OrderState.BUILD_FAILED):
        if rights.can("build", project_id=order.project_id, owner_id=order.author_id):
            is_first = order.state == OrderState.CREATED
            label = _("Build") if is_first else _("Retry")
            return Act(label, reverse("releases:build", args=[order.number]), is_primary=is_first)
        return Act(_("Open"), page)
    return _onwards(order, standings, rights)


def _onwards(order: ReleaseOrder, standings: Sequence[Standing], rights: Rights) -> Act:
    page = reverse("releases:order", args=[order.number])
    for standing in standings:
        if standing.turn:
            return Act(_("Open"), panel_url(order.number, standing.space.environment.slug))
        if standing.newest and standing.newest.state in ACTIVE:
            return Act(_("Rollout"), reverse("releases:rollout", args=[standing.newest.pk]))
    for standing in standings:
        if standing.has_succeeded:
            continue
        return _enter(order, standing, rights) or Act(
            _("Open"), panel_url(order.number, standing.space.environment.slug)
        )
    return Act(_("Open"), page)


def _enter(order: ReleaseOrder, standing: Standing, rights: Rights) -> Act | None:
    space, label = standing.space, standing.space.environment.label
    panel = panel_url(order.number, space.environment.slug)
    if standing.has_failed and standing.deployment:
        return Act(_("See the cause"), reverse("releases:rollout", args=[standing.deployment.pk]))
    if standing.promotion is None:
        may = rights.can("promote", space=space, owner_id=order.author_id)
        return Act(_("Promote to %(name)s", name=label), panel, is_primary=True) if may else None
    review = reverse("releases:review", args=[order.number, space.environment.slug])
    if not rights.can("deploy", space=space):
        may_approve = space.approvals and rights.can("approve", space=space) and order.author_id != rights.user.pk
        return Act(_("Approve for %(name)s", name=label), review, is_primary=True) if may_approve else None
    if space.asks_review:
        return Act(_("Review for %(name)s", name=label), review, is_primary=True)
    return Act(_("Deploy to %(name)s", name=label), panel, is_primary=True)


@dataclass(frozen=True)
class Choices:
    """What the filters offer: (value, text, is chosen) by field.

    ``components`` and ``authors`` are None where there are more than a person reads through: choose a project first.
    """

    projects: list[tuple[str, str, bool]]
    components: list[tuple[str, str, bool]] | None
    states: list[tuple[str, MessageLike, bool]]
    authors: list[tuple[str, str, bool]] | None
    project_ids: list[tuple[int, str]]


MOST_CHOICES = 500
"""More components or people than this are offered within a chosen project only."""
CREATORS = (Role.DEVELOPER, Role.OPERATIONS, Role.PROJECT_ADMIN, Role.GRANT)


def filter_choices(rights: Rights, *, project: str, component: str, state: str, author: str) -> Choices:
    """All projects that have components, their components, and the people who create orders there.

    Two queries; two more where there are too many components to offer all of them.
    """
    ids = rights.project_ids()
    rows = Component.objects.select_related("project").order_by("project__slug", "name")
    found = _read(rows if ids is None else rows.filter(project_id__in=ids))
    projects = list({row.project_id: row.project for row in found}.values()) if found else _with_components(ids)
    within = {row.pk for row in projects if not project or row.slug == project}
    if found is None and project:
        found = _read(rows.filter(project_id__in=within))
    offered = None if found is None else [row for row in found if row.project_id in within]
    return Choices(
        projects=[(row.slug, f"{row.slug.upper()} {row}", row.slug == project) for row in projects],
        components=_options([(row.slug, row.name) for row in offered], component)
        if offered is not None
        else _only(component),
        states=[(value, label, value == state) for value, label in OrderState.choices],
        authors=_authors(within, author),
        project_ids=[(row.pk, row.slug) for row in projects],
    )


def _read(rows: QuerySet[Component]) -> list[Component] | None:
    """The rows; None when there are more than are offered."""
    found = list(rows[: MOST_CHOICES + 1])
    return None if len(found) > MOST_CHOICES else found


def _with_components(ids: Collection[int] | None) -> list[Project]:
    rows = Project.objects.filter(Exists(Component.objects.filter(project=OuterRef("pk")))).order_by("slug")
    return list(rows if ids is None else rows.filter(pk__in=ids))


def _options(rows: Sequence[tuple[str, str]], chosen: str) -> list[tuple[str, str, bool]]:
    return [(value, text, value == chosen) for value, text in rows]


def _only(chosen: str) -> list[tuple[str, str, bool]] | None:
    """What is chosen stays chosen where nothing else can be offered."""
    return _options([(chosen, chosen)], chosen) if chosen else None


def _authors(project_ids: Collection[int], chosen: str) -> list[tuple[str, str, bool]] | None:
    """Who may create orders there now, by name; a chosen person is among them though their role has ended."""
    held = Membership.objects.filter(in_force(), role__in=CREATORS, project_id__in=project_ids)
    found = list(holders(held)[: MOST_CHOICES + 1])
    if len(found) > MOST_CHOICES:
        return _only(chosen)
    people = {row.username: row.shown_name for row in found}
    if chosen:
        people.setdefault(chosen, chosen)
    return _options(sorted(people.items(), key=lambda one: one[1]), chosen)
