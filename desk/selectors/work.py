"""My work: what waits for this person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from components.naming import short_code
from desk.selectors.approvals import Waiting, to_approve
from environments.access import Rights, visible_to
from environments.models import Environment, RuleChange
from environments.selectors.rule_changes import ShownRuleChange, waits_for
from environments.selectors.rule_changes import shown as show_rule_change
from foundation.clock import now_minus
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from releases import break_glass
from releases.choices import OrderState, PromotionState
from releases.models import Build, Deployment, Placement, Promotion, ReleaseOrder, Turn
from releases.presenters.acts import panel_url
from releases.presenters.break_glass import ShownBreakGlass, shown_rows
from releases.presenters.build import stage_summary
from releases.presenters.environment import active_word, spaces_by_project, turn_word
from releases.presenters.words import diagnosis_of, reason_of
from releases.turns import in_line

MOST_WORK = 12
"""So many of each kind are shown."""
MOST_COUNTED = 99
"""So many are counted; beyond that the count says "99+"."""
FAILED_DAYS = 7


@dataclass(frozen=True)
class Task:
    """One thing that waits: an order, where to, since when, what is said of it, and the page where one acts."""

    order: ReleaseOrder
    environment: Environment | None
    at: datetime | None
    state: str
    word: MessageLike
    url: str
    is_about_there: bool = False
    """What stands in ``environment`` already, and nothing that goes to it."""

    @property
    def code(self) -> str:
        """The component as people call it."""
        return short_code(self.order.component.name, self.order.project.slug)


@dataclass(frozen=True)
class Pile:
    """Tasks of one kind; ``found`` may have more than is shown, ``elsewhere`` wait in projects not chosen."""

    found: list[Task]
    elsewhere: int = 0

    @property
    def tasks(self) -> list[Task]:
        return self.found[:MOST_WORK]

    @property
    def count(self) -> str:
        """``3``, or ``99+``."""
        return f"{MOST_COUNTED}+" if len(self.found) > MOST_COUNTED else str(len(self.found))

    @property
    def hidden(self) -> int:
        """How many more there are than are shown."""
        return min(len(self.found), MOST_COUNTED) - len(self.tasks)


@dataclass(frozen=True)
class MyWork:
    """What waits for this person, and what goes on around."""

    to_approve: Pile
    to_test: Pile
    running: Pile
    failed: Pile
    break_glasses: list[ShownBreakGlass]
    """What this person may review, in force or over, oldest first."""
    rule_changes: list[ShownRuleChange]
    """What waits for this person's word as the second one."""


def my_work(user: User, rights: Rights, *, project: str = "") -> MyWork:
    """To approve, to test, running now, failed, to look at as the second: in all projects seen, or the chosen one."""
    approve = [_approval_task(one) for one in to_approve(user, rights)]
    return MyWork(
        to_approve=_pile(approve, project),
        to_test=_pile([*_own_built(user), *_to_test(rights)], project),
        running=Pile(_mine_first(_running(rights, project), user)),
        failed=Pile(_mine_first(_failed(rights, project), user)),
        break_glasses=shown_rows(
            [row for row in break_glass.waits_for(user, rights) if project in ("", row.order.project.slug)], rights
        ),
        rule_changes=[
            show_rule_change(user, row) for row in waits_for(user, rights) if project in ("", _project_of(row))
        ],
    )


def _project_of(row: RuleChange) -> str:
    """Empty for the rule of an environment, which is of all projects."""
    of = row.space.project if row.space else row.project
    return of.slug if of else ""


def _pile(tasks: list[Task], project: str) -> Pile:
    here = [task for task in tasks if project in ("", task.order.project.slug)]
    return Pile(here, len(tasks) - len(here))


def _mine_first(tasks: list[Task], user: User) -> list[Task]:
    return sorted(tasks, key=lambda task: task.order.author_id != user.pk)


def _sees(rights: Rights, name: str, project: str = "") -> Q:
    seen = visible_to(rights.user, rights=rights, field=f"{name}_id")
    return seen & Q(**{f"{name}__slug": project}) if project else seen


def _approval_task(one: Waiting) -> Task:
    word = _("to be removed") if one.is_removal else _("waits for approval")
    if one.scale:
        word = _("to be scaled to %(count)s", count=one.scale.replicas)
    stays = one.is_removal or one.scale is not None
    return Task(one.order, one.space.environment, one.since, "blocked", word, one.url, stays)


# ---------------------------------------------------------------- to test
def _to_test(rights: Rights) -> list[Task]:
    """Orders that serve somewhere and could go on from there, where this person says so; longest waiting first."""
    rows = Placement.objects.filter(
        _sees(rights, "space__project"), last_succeeded__isnull=False, in_progress__isnull=True
    )
    rows = rows.exclude(last_succeeded__order__state=OrderState.CLOSED).defer("pods", "drift")
    places = list(
        rows.select_related("last_succeeded__order__component", "last_succeeded__order__project", "space__environment")
    )
    spaces = spaces_by_project({place.space.project_id for place in places})
    follows = _follows()
    promoted = _promoted({place.last_succeeded.order_id for place in places if place.last_succeeded})
    here = {
        (place.component_id, place.space_id): place.last_succeeded.order_id for place in places if place.last_succeeded
    }
    tasks = []
    for place in places:
        assert place.last_succeeded is not None
        order = place.last_succeeded.order
        for space in spaces[place.space.project_id]:
            is_next = (space.environment_id, place.space.environment_id) in follows
            is_there = here.get((place.component_id, space.pk)) == order.pk or (order.pk, space.pk) in promoted
            if is_next and not is_there and rights.can("promote", space=space, owner_id=order.author_id):
                word = _("in %(name)s", name=place.space.environment.label)
                url = panel_url(order.number, space.environment.slug)
                tasks.append(Task(order, space.environment, place.last_succeeded.finished_at, "queued", word, url))
    return sorted(tasks, key=lambda task: task.at or timezone.now())


def _follows() -> set[tuple[int, int]]:
    """(environment, one that it follows)."""
    pairs = Environment.follows.through.objects.values_list("from_environment_id", "to_environment_id")
    return {(int(after), int(before)) for after, before in pairs}


def _promoted(order_ids: Iterable[int]) -> set[tuple[int, int]]:
    rows = Promotion.objects.filter(order__in=list(order_ids), state=PromotionState.CURRENT)
    return set(rows.values_list("order_id", "space_id"))


def _own_built(user: User) -> list[Task]:
    rows = ReleaseOrder.objects.filter(author=user, state=OrderState.BUILT, promotions__isnull=True)
    word = _("built, promoted nowhere yet")
    return [
        Task(order, None, order.built_at, "built", word, reverse("releases:order", args=[order.number]))
        for order in rows.select_related("component", "project").order_by("-id")[:MOST_WORK]
    ]


# ---------------------------------------------------------------- running and failed
ORDER_PARTS = ("order__component", "order__project")


def _running(rights: Rights, project: str) -> list[Task]:
    builds = Build.objects.filter(_sees(rights, "order__project", project), state__in=sorted(ACTIVE))
    builds = builds.select_related(*ORDER_PARTS).defer("parameters", "message", "log_index").order_by("-id")
    deployments = Deployment.objects.filter(_sees(rights, "space__project", project), state__in=sorted(ACTIVE))
    deployments = deployments.select_related(*ORDER_PARTS, "space__environment").order_by("-id")
    turns = in_line().filter(_sees(rights, "order__project", project)).select_related(*ORDER_PARTS)
    found = [
        *(_build_task(build) for build in builds[: MOST_COUNTED + 1]),
        *(_deployment_task(row, active_word(row), row.created_at) for row in deployments[: MOST_COUNTED + 1]),
        *(_turn_task(turn) for turn in turns[: MOST_COUNTED + 1]),
    ]
    return _newest_first(found)


def _build_task(build: Build) -> Task:
    state, word = stage_summary(build)
    word = word or str(RunState(build.state).label)
    return Task(build.order, None, build.created_at, state, word, panel_url(build.order.number, "build"))


def _deployment_task(row: Deployment, word: MessageLike, at: datetime | None) -> Task:
    return Task(row.order, row.space.environment, at, row.state, word, reverse("releases:rollout", args=[row.pk]))


def _turn_task(turn: Turn) -> Task:
    environment = turn.placement.space.environment
    url = panel_url(turn.order.number, environment.slug)
    return Task(turn.order, environment, turn.created_at, RunState.QUEUED, turn_word(turn), url)


def _failed(rights: Rights, project: str) -> list[Task]:
    """Builds and deployments of the last week that failed and that nothing has followed."""
    since = now_minus(FAILED_DAYS * 86_400)
    orders = ReleaseOrder.objects.filter(
        _sees(rights, "project", project), state=OrderState.BUILD_FAILED, feed__last_event_at__gte=since
    )
    orders = orders.select_related("component", "project", "feed").order_by("-id")
    bad = Deployment.objects.filter(_sees(rights, "space__project", project), last_attempts(), finished_at__gte=since)
    bad = bad.filter(state__in=[RunState.FAILED, RunState.ERRORED])
    bad = bad.select_related(*ORDER_PARTS, "space__environment").order_by("-id")
    found = [
        *(_failed_build(order) for order in orders[: MOST_COUNTED + 1]),
        *(_deployment_task(row, _cause(row), row.finished_at) for row in bad[: MOST_COUNTED + 1]),
    ]
    return _newest_first(found)


def _failed_build(order: ReleaseOrder) -> Task:
    url = panel_url(order.number, "build")
    return Task(order, None, order.changed_at, "build_failed", OrderState.BUILD_FAILED.label, url)


def _cause(row: Deployment) -> MessageLike:
    """What the verdict found, or else the reason that it was ended with."""
    diagnosis = diagnosis_of(row.diagnosis)
    return diagnosis.message if diagnosis else reason_of(row)


def last_attempts() -> Q:
    """Deployments that no later one in the same place has followed; the index of a placement answers."""
    later = Deployment.objects.filter(
        component=OuterRef("component"), space=OuterRef("space"), pk__gt=OuterRef("pk")
    )  # fmt: skip
    return ~Q(Exists(later))


def _newest_first(tasks: Sequence[Task]) -> list[Task]:
    now = timezone.now()
    return sorted(tasks, key=lambda task: task.at or now, reverse=True)
