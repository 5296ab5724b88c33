"""The release-order list: a page of rows in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from components.models import Component, ComponentSettings
from components.naming import short_code
from environments.access import Rights, in_force
from environments.choices import Role
from environments.models import Membership
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import OrderState
from releases.models import Build, ReleaseOrder
from releases.views.shown import stages
from releases.views.shown.acts import Act
from releases.views.shown.standing import (
    Standing,
    current_promotions,
    latest_deployments,
    spaces_by_project,
    standing_of,
)


@dataclass(frozen=True)
class OrderRow:
    """One line of the list."""

    order: ReleaseOrder
    code: str
    name_zh: str
    build: Build | None
    build_state: str
    build_word: str
    stages: list[stages.Stage]
    standings: list[Standing]
    act: Act
    may_check: bool


def with_names(orders: QuerySet[ReleaseOrder]) -> QuerySet[ReleaseOrder]:
    """The same orders with the component's Chinese name in ``name_zh``."""
    newest = ComponentSettings.objects.filter(component=OuterRef("component")).order_by("-number")
    return orders.annotate(name_zh=Subquery(newest.values("name_zh")[:1]))


def order_rows(orders: Sequence[ReleaseOrder], rights: Rights) -> list[OrderRow]:
    """Rows ready to draw: five queries, however many orders."""
    builds = _latest_builds(orders)
    deployments, promotions = latest_deployments(orders), current_promotions(orders)
    spaces = spaces_by_project(order.project_id for order in orders)
    rows = []
    for order in orders:
        standings = [
            standing_of(order, space, deployments.get((order.pk, space.pk)), promotions.get((order.pk, space.pk)))
            for space in spaces.get(order.project_id, [])
        ]
        build = builds.get(order.pk)
        state, word = stages.summary(build)
        rows.append(
            OrderRow(
                order=order,
                code=short_code(order.component.name, order.project.slug),
                name_zh=getattr(order, "name_zh", "") or "",
                build=build,
                build_state=state,
                build_word=word or str(order.get_state_display()),
                stages=stages.strip(build),
                standings=standings,
                act=next_act(order, standings, rights),
                may_check=rights.can("check", project_id=order.project_id),
            )
        )
    return rows


def _latest_builds(orders: Sequence[ReleaseOrder]) -> dict[int, Build]:
    newest = Build.objects.filter(order__in=[order.pk for order in orders]).values("order_id").annotate(top=Max("pk"))
    # The parameters hold whole Dockerfiles: not for fifty rows.
    rows = Build.objects.filter(pk__in=newest.values("top")).defer("parameters", "message")
    return {row.order_id: row for row in rows}


def next_act(order: ReleaseOrder, standings: Sequence[Standing], rights: Rights) -> Act:
    """The one next sensible act for this viewer, as a link: the page behind it asks the gates and has the form."""
    page = reverse("releases:order", args=[order.number])
    if order.state == OrderState.CLOSED:
        may = rights.can("create_order", project_id=order.project_id)
        repeat = Act(_("Repeat"), f"{reverse('releases:new')}?repeat={order.number}")
        return repeat if may else Act(_("Open"), page)
    if order.state == OrderState.BUILDING:
        return Act(_("See the log"), f"{page}?panel=build")
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
        if standing.deployment and standing.deployment.state in ACTIVE:
            return Act(_("Rollout"), reverse("releases:rollout", args=[standing.deployment.pk]))
    for standing in standings:
        if standing.state == RunState.SUCCEEDED:
            continue
        return _enter(order, standing, rights) or Act(_("Open"), f"{page}?panel={standing.space.environment.slug}")
    return Act(_("Open"), page)


def _enter(order: ReleaseOrder, standing: Standing, rights: Rights) -> Act | None:
    space, label = standing.space, standing.space.environment.label
    panel = f"{reverse('releases:order', args=[order.number])}?panel={space.environment.slug}"
    if standing.state in (RunState.FAILED, RunState.ERRORED) and standing.deployment:
        return Act(_("See the cause"), reverse("releases:rollout", args=[standing.deployment.pk]))
    if standing.promotion is None:
        may = rights.can("promote", space=space, owner_id=order.author_id)
        return Act(_("Promote to %(name)s") % {"name": label}, panel, is_primary=True) if may else None
    review = reverse("releases:review", args=[order.number, space.environment.slug])
    if not rights.can("deploy", space=space):
        may_approve = space.approvals and rights.can("approve", space=space) and order.author_id != rights.user.pk
        return Act(_("Approve for %(name)s") % {"name": label}, review, is_primary=True) if may_approve else None
    if space.asks_review:
        return Act(_("Review for %(name)s") % {"name": label}, review, is_primary=True)
    return Act(_("Deploy to %(name)s") % {"name": label}, panel, is_primary=True)


@dataclass(frozen=True)
class Choices:
    """What the filters offer: (value, text, is chosen) by field."""

    projects: list[tuple[str, str, bool]]
    components: list[tuple[str, str, bool]]
    states: list[tuple[str, Sentence, bool]]
    authors: list[tuple[str, str, bool]]
    project_ids: list[tuple[int, str]]


MOST_CHOICES = 500
CREATORS = (Role.DEVELOPER, Role.OPERATIONS, Role.PROJECT_ADMIN, Role.GRANT)


def filter_choices(rights: Rights, *, project: str, component: str, state: str, author: str) -> Choices:
    """Projects and components that have something to show, and the people who create orders there: two queries."""
    ids = rights.project_ids()
    rows = Component.objects.select_related("project").order_by("project__slug", "name")
    if ids is not None:
        rows = rows.filter(project_id__in=ids)
    found = list(rows[:MOST_CHOICES])
    projects = {row.project.slug: row.project for row in found}
    return Choices(
        projects=[(slug, f"{slug.upper()} {row}", slug == project) for slug, row in projects.items()],
        components=[
            (row.slug, row.name, row.slug == component) for row in found if not project or row.project.slug == project
        ],
        states=[(value, label, value == state) for value, label in OrderState.choices],
        authors=_authors(ids, author),
        project_ids=[(row.pk, slug) for slug, row in projects.items()],
    )


def _authors(project_ids: Collection[int] | None, chosen: str) -> list[tuple[str, str, bool]]:
    """Who may create orders there now, by name; whoever is chosen is among them though their role has ended."""
    held = Membership.objects.filter(in_force(), role__in=CREATORS, project__isnull=False)
    if project_ids is not None:
        held = held.filter(project_id__in=project_ids)
    people = {row.user.username: row.user.shown_name for row in held.select_related("user")[:MOST_CHOICES]}
    if chosen:
        people.setdefault(chosen, chosen)
    return [(username, name, username == chosen) for username, name in sorted(people.items(), key=lambda one: one[1])]
