"""Reads across rooms: my work, what runs where, is the platform well. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from components.models import Component
from components.selectors import list_components
from environments.access import Rights, visible_to
from environments.models import Environment, Space
from foundation.clock import PARKED
from foundation.models import Remote
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, ENGINE_REASON, RunState
from foundation.runs.heartbeat import BEAT_SECONDS
from foundation.runs.kinds import Kind, all_kinds
from foundation.runs.models import Heartbeat, Run
from releases.choices import ApprovalState, OrderState, PromotionState
from releases.models import Approval, Build, Deployment, Placement, Promotion, ReleaseOrder, Review
from releases.selectors import filter_orders, orders_visible_to
from releases.views.shown import stages
from releases.views.shown.standing import active_word, spaces_by_project
from releases.views.shown.words import reason_of

MOST_WORK = 12
FAILED_DAYS = 7


# ---------------------------------------------------------------- my work
@dataclass(frozen=True)
class Task:
    """One thing that waits: an order, where to, since when, and what is said of it."""

    order: ReleaseOrder
    environment: Environment | None
    at: datetime | None
    state: str
    word: Sentence
    pk: int = 0
    """The deployment behind it, where there is one."""


@dataclass(frozen=True)
class MyWork:
    """What waits for this person; each list is cut at twelve."""

    to_test: list[Task]
    to_approve: list[Task]
    running: list[Task]
    failed: list[Task]


def my_work(user: User, rights: Rights) -> MyWork:
    """To test, to approve, running now, failed: in the projects that this person sees."""
    return MyWork(
        to_test=_to_test(user, rights)[:MOST_WORK],
        to_approve=_to_approve(user, rights)[:MOST_WORK],
        running=_running(rights),
        failed=_failed(rights),
    )


def _sees(rights: Rights, name: str) -> Q:
    return visible_to(rights.user, rights=rights, field=name)


def _to_test(user: User, rights: Rights) -> list[Task]:
    """Orders that serve somewhere and could go on from there, where this person says so; own ones that were built."""
    rows = Placement.objects.filter(_sees(rights, "space__project_id"), good__isnull=False, active__isnull=True)
    places = list(rows.select_related("good__order__component", "good__order__author", "space__environment"))
    spaces = spaces_by_project({place.space.project_id for place in places})
    follows = _follows()
    promoted = _promoted({place.good.order_id for place in places if place.good})
    here = {(place.component_id, place.space_id): place.good.order_id for place in places if place.good}
    tasks = []
    for place in places:
        assert place.good is not None
        order = place.good.order
        if order.state == OrderState.CLOSED:
            continue
        for space in spaces[place.space.project_id]:
            is_next = (space.environment_id, place.space.environment_id) in follows
            is_there = here.get((place.component_id, space.pk)) == order.pk or (order.pk, space.pk) in promoted
            if is_next and not is_there and rights.can("promote", space=space, owner_id=order.author_id):
                word = _("in %(name)s") % {"name": place.space.environment.label}
                tasks.append(Task(order, space.environment, place.good.finished_at, "queued", word))
    return _own_built(user) + sorted(tasks, key=lambda task: task.at or timezone.now())


def _follows() -> set[tuple[int, int]]:
    """(environment, one that it follows)."""
    pairs = Environment.follows.through.objects.values_list("from_environment_id", "to_environment_id")
    return {(int(after), int(before)) for after, before in pairs}


def _promoted(order_ids: Iterable[int]) -> set[tuple[int, int]]:
    rows = Promotion.objects.filter(order__in=list(order_ids), state=PromotionState.CURRENT)
    return set(rows.values_list("order_id", "space_id"))


def _own_built(user: User) -> list[Task]:
    rows = ReleaseOrder.objects.filter(author=user, state=OrderState.BUILT, promotions__isnull=True)
    orders = rows.select_related("component").order_by("-id")[:MOST_WORK]
    return [Task(order, None, order.built_at, "built", _("built, promoted nowhere yet")) for order in orders]


def _to_approve(user: User, rights: Rights) -> list[Task]:
    """Promoted, reviewed, lacking approvals, and fair for this person to decide; oldest first."""
    rows = Promotion.objects.filter(_sees(rights, "space__project_id"), state=PromotionState.CURRENT)
    rows = rows.filter(space__approvals__gt=0).exclude(order__state=OrderState.CLOSED)
    rows = rows.select_related("order__component", "order__author", "space__environment").order_by("created_at")
    found = [row for row in rows if rights.can("approve", space=row.space) and row.order.author_id != user.pk]
    if not found:
        return []
    orders = {row.order_id for row in found}
    snapshots = _reviewed_snapshots(orders)
    given = _decisions(snapshots.values())
    built = set(Build.objects.filter(order__in=orders, started_by=user).values_list("order_id", flat=True))
    tasks = []
    for row in found:
        snapshot = snapshots.get((row.order_id, row.space_id))
        decided = given.get(snapshot or 0, set())
        is_mine = snapshot is not None and row.order_id not in built and user.pk not in decided
        if is_mine and len(decided) < row.space.approvals and not _is_there(row):
            tasks.append(Task(row.order, row.space.environment, row.created_at, "blocked", _("waits for approval")))
    return tasks


def _is_there(promotion: Promotion) -> bool:
    return Placement.objects.filter(
        component_id=promotion.component_id, space_id=promotion.space_id, good__order=promotion.order_id
    ).exists()


def _reviewed_snapshots(order_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """Snapshot of the newest review by (order, space), where that review succeeded."""
    reviews = Review.objects.filter(order__in=list(order_ids), wanted_snapshot=None)
    newest = reviews.values("order_id", "space_id").annotate(top=Max("pk")).values("top")
    rows = Review.objects.filter(pk__in=newest, state=RunState.SUCCEEDED, snapshot__isnull=False)
    found = rows.values_list("order_id", "space_id", "snapshot_id")
    return {(order, space): snapshot for order, space, snapshot in found if snapshot is not None}


def _decisions(snapshot_ids: Iterable[int]) -> dict[int, set[int]]:
    rows = Approval.objects.filter(
        snapshot__in=list(snapshot_ids), state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED]
    )
    found: dict[int, set[int]] = {}
    for snapshot, by in rows.values_list("snapshot_id", "by_id"):
        found.setdefault(snapshot, set()).add(by)
    return found


def _running(rights: Rights) -> list[Task]:
    builds = Build.objects.filter(_sees(rights, "order__project_id"), state__in=sorted(ACTIVE))
    builds = builds.select_related("order__component", "order__author").defer("parameters").order_by("-id")
    tasks = []
    for build in builds[:MOST_WORK]:
        state, word = stages.summary(build)
        tasks.append(Task(build.order, None, build.created_at, state, word or RunState(build.state).label))
    deployments = Deployment.objects.filter(_sees(rights, "space__project_id"), state__in=sorted(ACTIVE))
    deployments = deployments.select_related("order__component", "order__author", "space__environment").order_by("-id")
    for row in deployments[:MOST_WORK]:
        tasks.append(Task(row.order, row.space.environment, row.created_at, row.state, active_word(row), row.pk))
    return tasks[:MOST_WORK]


def _failed(rights: Rights) -> list[Task]:
    """Builds and deployments of the last week that failed and that nothing has followed."""
    since = timezone.now() - timedelta(days=FAILED_DAYS)
    orders = ReleaseOrder.objects.filter(
        _sees(rights, "project_id"), state=OrderState.BUILD_FAILED, changed_at__gte=since
    )
    tasks = [
        Task(order, None, order.changed_at, "build_failed", OrderState.BUILD_FAILED.label)
        for order in orders.select_related("component", "author").order_by("-id")[:MOST_WORK]
    ]
    rows = Deployment.objects.filter(_sees(rights, "space__project_id"), created_at__gte=since)
    newest = rows.order_by().values("component_id", "space_id").annotate(top=Max("pk")).values("top")
    bad = Deployment.objects.filter(pk__in=newest, state__in=[RunState.FAILED, RunState.ERRORED])
    bad = bad.select_related("order__component", "order__author", "space__environment").order_by("-id")
    for row in bad[:MOST_WORK]:
        tasks.append(Task(row.order, row.space.environment, row.finished_at, row.state, reason_of(row), row.pk))
    return tasks[:MOST_WORK]


# ---------------------------------------------------------------- what runs where
@dataclass(frozen=True)
class Cell:
    """One component in one environment: what serves, and under it the attempt under way or failed."""

    environment: Environment
    exists: bool
    place: Placement | None = None
    attempt: Deployment | None = None
    attempt_word: Sentence = ""

    @property
    def is_short(self) -> bool:
        """Fewer pods ready than wanted."""
        return self.place is not None and self.place.ready < self.place.wanted


@dataclass(frozen=True)
class Line:
    """One component."""

    component: Component
    newest: ReleaseOrder | None
    cells: list[Cell]


@dataclass(frozen=True)
class Matrix:
    """Components × environments; ``more`` is where the next page begins, empty at the end."""

    environments: list[Environment]
    lines: list[Line] = field(default_factory=list)
    more: str = ""


LINES = 50


def matrix(user: User, *, project: str = "", text: str = "", start: str = "") -> Matrix:
    """Fifty components from ``start`` (``project/slug``) on, with everything that their cells need: six queries."""
    rows = list_components(user, text=text).order_by("project__slug", "slug").filter(project__is_archived=False)
    if project:
        rows = rows.filter(project__slug=project)
    if start:
        first_project, _slash, slug = start.partition("/")
        rows = rows.filter(Q(project__slug__gt=first_project) | Q(project__slug=first_project, slug__gte=slug))
    components = list(rows[: LINES + 1])
    shown, over = components[:LINES], components[LINES:]
    spaces = spaces_by_project(component.project_id for component in shown)
    environments = _columns(spaces)
    places = _places(shown)
    failed = _last_attempts(shown)
    newest = _newest_orders(shown)
    lines = [
        Line(component, newest.get(component.pk), _cells(component, environments, spaces, places, failed))
        for component in shown
    ]
    more = f"{over[0].project.slug}/{over[0].slug}" if over else ""
    return Matrix(environments, lines, more)


def _columns(spaces: dict[int, list[Space]]) -> list[Environment]:
    found = {space.environment.pk: space.environment for row in spaces.values() for space in row}
    return sorted(found.values(), key=lambda environment: (environment.position, environment.slug))


def _places(components: Sequence[Component]) -> dict[tuple[int, int], Placement]:
    rows = Placement.objects.filter(component__in=[component.pk for component in components]).defer("pods")
    rows = rows.select_related("good__order", "active__order", "space")
    return {(row.component_id, row.space.environment_id): row for row in rows}


def _last_attempts(components: Sequence[Component]) -> dict[tuple[int, int], Deployment]:
    """The newest deployment by (component, environment)."""
    rows = Deployment.objects.filter(component__in=[component.pk for component in components])
    newest = rows.order_by().values("component_id", "space_id").annotate(top=Max("pk")).values("top")
    found = Deployment.objects.filter(pk__in=newest).select_related("order", "space")
    return {(row.component_id, row.space.environment_id): row for row in found}


def _newest_orders(components: Sequence[Component]) -> dict[int, ReleaseOrder]:
    rows = ReleaseOrder.objects.filter(component__in=[component.pk for component in components])
    newest = rows.order_by().values("component_id").annotate(top=Max("pk")).values("top")
    return {row.component_id: row for row in ReleaseOrder.objects.filter(pk__in=newest)}


def _cells(
    component: Component,
    environments: Sequence[Environment],
    spaces: dict[int, list[Space]],
    places: dict[tuple[int, int], Placement],
    attempts: dict[tuple[int, int], Deployment],
) -> list[Cell]:
    there = {space.environment_id for space in spaces.get(component.project_id, [])}
    cells = []
    for environment in environments:
        key = (component.pk, environment.pk)
        attempt = attempts.get(key)
        if attempt is not None and attempt.state in (RunState.SUCCEEDED, RunState.CANCELLED):
            attempt = None
        word: Sentence = ""
        if attempt is not None:
            word = active_word(attempt) if attempt.state in ACTIVE else RunState(attempt.state).label
        cells.append(Cell(environment, environment.pk in there, places.get(key), attempt, word))
    return cells


def chosen_projects(rights: Rights) -> list[tuple[int, str, str]]:
    """(id, slug, name) of the projects that this person sees, archived ones left out: one query."""
    spaces = Space.objects.filter(_sees(rights, "project_id"), project__is_archived=False).select_related("project")
    projects = {space.project_id: space.project for space in spaces.order_by("project__slug")}
    return [(pk, project.slug, str(project)) for pk, project in projects.items()]


# ---------------------------------------------------------------- search
@dataclass(frozen=True)
class Found:
    """What a search found; ``exact`` is the one order whose whole number was typed."""

    orders: list[ReleaseOrder]
    components: list[Component]
    exact: ReleaseOrder | None


MOST_FOUND = 20


def search(user: User, text: str) -> Found:
    """Orders by the beginning of their number or branch, components by a part of their name."""
    text = text.strip()[:200]
    if not text:
        return Found([], [], None)
    orders = list(filter_orders(orders_visible_to(user), text=text).order_by("-id")[:MOST_FOUND])
    components = list(list_components(user, text=text).order_by("name")[:MOST_FOUND])
    exact = next((order for order in orders if order.number == text.upper()), None)
    return Found(orders, components, exact)


# ---------------------------------------------------------------- is the platform well
@dataclass(frozen=True)
class Process:
    """A worker or watcher; ``is_alive`` when it was heard of within three beats."""

    beat: Heartbeat
    is_alive: bool


@dataclass(frozen=True)
class StuckRun:
    """A run that should have been driven and was not."""

    kind: str
    run: Run
    why: Sentence
    can_wake: bool


@dataclass(frozen=True)
class Health:
    """Everything on the health page."""

    processes: list[Process]
    missing: list[str]
    """Roles of which no process is alive."""
    stuck: list[StuckRun]
    remotes: list[Remote]


STUCK_SECONDS = 60
STUCK_CLAIMS = 5
ERRORED_DAYS = 1
MOST_STUCK = 50
ROLES = ("worker", "watcher")


def health() -> Health:
    """As the database tells it: no process is asked. The caller checks the right ``see_health``."""
    now = timezone.now()
    processes = [
        Process(beat, now - beat.at < timedelta(seconds=3 * BEAT_SECONDS))
        for beat in Heartbeat.objects.order_by("role", "process")
    ]
    alive = {process.beat.role for process in processes if process.is_alive}
    stuck = [row for kind in all_kinds() for row in _stuck(kind, now)]
    return Health(
        processes=processes,
        missing=[role for role in ROLES if role not in alive],
        stuck=stuck[:MOST_STUCK],
        remotes=list(Remote.objects.filter(opened_at__isnull=False).order_by("opened_at")),
    )


def _stuck(kind: Kind, now: datetime) -> list[StuckRun]:
    rows: Any = kind.model._default_manager
    late = now - timedelta(seconds=STUCK_SECONDS)
    active = rows.filter(state__in=sorted(ACTIVE)).filter(
        Q(next_at__lt=late, lease_until__lt=late) | Q(claims__gte=STUCK_CLAIMS, next_at__lt=PARKED)
    )
    found = [StuckRun(kind.name, run, _why_stuck(run, late), True) for run in active.order_by("pk")[:MOST_STUCK]]
    given_up = rows.filter(
        state=RunState.ERRORED, reason=ENGINE_REASON, finished_at__gte=now - timedelta(days=ERRORED_DAYS)
    )
    sentence = _("The platform gave it up after 20 passes that came to no end.")
    return found + [StuckRun(kind.name, run, sentence, False) for run in given_up.order_by("-pk")[:MOST_STUCK]]


def _why_stuck(run: Run, late: datetime) -> Sentence:
    if run.claims >= STUCK_CLAIMS:
        return _("%(n)s passes in a row came to no end.") % {"n": run.claims}
    if run.contact_lost_since:
        return _("No contact with the other side.")
    return _("It has been due for more than a minute and nobody took it.")
