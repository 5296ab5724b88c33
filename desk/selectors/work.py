"""My work: what waits for this person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from environments.access import Rights, visible_to
from environments.models import Environment
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import ApprovalState, OrderState, PromotionState
from releases.models import Approval, Build, Deployment, Placement, Promotion, ReleaseOrder, Review
from releases.views.shown import stages
from releases.views.shown.standing import active_word, spaces_by_project
from releases.views.shown.words import reason_of

MOST_WORK = 12
FAILED_DAYS = 7


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


def to_approve(user: User, rights: Rights) -> list[Task]:
    """Everything that waits for this person's decision, oldest first."""
    return _to_approve(user, rights)


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
