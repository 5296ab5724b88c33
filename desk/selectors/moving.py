"""What runs now, and what failed this week and nothing has followed: of what this person has a hand in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from desk.selectors.tasks import Task
from environments.access import Rights
from foundation.clock import now_minus
from foundation.messages import MessageLike
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import OrderState
from releases.models import Build, Deployment, ReleaseOrder, Turn
from releases.presenters.acts import panel_url
from releases.presenters.build import stage_summary
from releases.presenters.states import attempt_state, turn_word
from releases.presenters.words import diagnosis_of, reason_of
from releases.turns import in_line, waiting_turns
from releases.waiting import MOST, AtAll

FAILED_DAYS = 7
MOST_READ = 2 * (MOST + 1)
BAD = (RunState.FAILED, RunState.ERRORED)


def kinds(rights: Rights) -> dict[str, QuerySet[Any]]:
    """What :func:`moving` reads only where there is any, by name."""
    return {
        "begun": User.objects.filter(_has_begun(), pk=rights.user.pk),
        "build": Build.objects.filter(_active_or_bad(), _own_builds(rights)),
        "turn": waiting_turns(),
    }


def moving(rights: Rights, project: str, at_all: AtAll) -> tuple[list[Task], list[Task]]:
    """(running, failed), the newest first: their own orders, what they started, and deployments where they deploy."""
    spaces = [space for space in rights.spaces if project in ("", space.project.slug)]
    projects = {space.project_id for space in spaces}
    deploys = [space.pk for space in spaces if rights.can("deploy", space=space)]
    if not deploys and not _may_begin(rights, projects) and not at_all.has("begun"):
        return [], []
    builds = list(_builds(rights, projects)[:MOST_READ]) if at_all.has("build") else []
    deployments = list(_deployments(rights, projects, deploys)[:MOST_READ])
    turns = _turns(rights, projects, deploys)[: MOST + 1] if at_all.has("turn") else []
    running = [
        *(_build_task(row) for row in builds if row.is_active),
        *(_deployment_task(row, attempt_state(row).word) for row in deployments if row.is_active),
        *(_turn_task(turn) for turn in turns),
    ]
    failed = [
        *(_build_task(row) for row in builds if row.is_terminal),
        *(_deployment_task(row, _cause(row)) for row in deployments if row.is_terminal),
    ]
    return _newest_first(running), _newest_first(failed)


def _may_begin(rights: Rights, projects: set[int]) -> bool:
    """False for most who test, approve or audit: theirs is only what they once wrote or started."""
    return any(rights.can("create_order", project_id=pk) for pk in projects)


def _has_begun() -> Q:
    wrote = ReleaseOrder.objects.filter(author=OuterRef("pk"))
    deployed = Deployment.objects.filter(deployed_by=OuterRef("pk"))
    return Q(Exists(wrote) | Exists(deployed))


def _newest_first(tasks: Sequence[Task]) -> list[Task]:
    now = timezone.now()
    return sorted(tasks, key=lambda task: task.at or now, reverse=True)[: MOST + 1]


def _active_or_bad() -> Q:
    since = now_minus(FAILED_DAYS * 86_400)
    return Q(state__in=sorted(ACTIVE)) | Q(state__in=BAD, finished_at__gte=since)


# ---------------------------------------------------------------- builds
def _own_builds(rights: Rights) -> Q:
    return Q(order__author=rights.user) | Q(started_by=rights.user)


def _builds(rights: Rights, projects: set[int]) -> QuerySet[Build]:
    """Active, or the failure of an order that nobody built again and that no later build of its author answers."""
    later = ReleaseOrder.objects.filter(
        component=OuterRef("order__component"), author=OuterRef("order__author"), pk__gt=OuterRef("order")
    ).exclude(state=OrderState.CREATED)
    stands = Q(state__in=sorted(ACTIVE)) | Q(order__state=OrderState.BUILD_FAILED) & ~Exists(later)
    rows = Build.objects.filter(_active_or_bad(), _own_builds(rights), stands, order__project__in=projects)
    again = Build.objects.filter(order=OuterRef("order"), attempt__gt=OuterRef("attempt"))
    rows = rows.filter(~Exists(again)).select_related("order__component", "order__project")
    return rows.defer("parameters", "message", "log_index", "log_reader").order_by("-pk")


def _build_task(row: Build) -> Task:
    url = panel_url(row.order.number, "build")
    if row.is_active:
        state, word = stage_summary(row)
        return Task(row.order, None, row.created_at, state, word or str(RunState(row.state).label), url)
    return Task(row.order, None, row.finished_at, "build_failed", OrderState.BUILD_FAILED.label, url)


# ---------------------------------------------------------------- deployments
def _deployments(rights: Rights, projects: set[int], deploys: Sequence[int]) -> QuerySet[Deployment]:
    """Active, or a failure that only its own automatic roll back has followed in its place."""
    theirs = Q(space__in=deploys) | Q(order__author=rights.user) | Q(deployed_by=rights.user)
    rows = Deployment.objects.filter(_active_or_bad(), theirs, unanswered(), space__project__in=projects)
    rows = rows.select_related("order__component", "order__project", "space__environment")
    return rows.defer("applied", "message", "entry").order_by("-pk")


def unanswered() -> Q:
    """Deployments that nothing has followed in the same place but their own roll back."""
    later = _later().exclude(cause=OuterRef("pk"))
    return ~Q(Exists(later))


def last_attempts() -> Q:
    """Deployments that no later one in the same place has followed; the index of a placement answers."""
    return ~Q(Exists(_later()))


def _later() -> QuerySet[Deployment]:
    return Deployment.objects.filter(
        component=OuterRef("component"), space=OuterRef("space"), pk__gt=OuterRef("pk")
    )  # fmt: skip


def _deployment_task(row: Deployment, word: MessageLike) -> Task:
    at = row.created_at if row.is_active else row.finished_at
    return Task(row.order, row.space.environment, at, row.state, word, reverse("releases:rollout", args=[row.pk]))


def _cause(row: Deployment) -> MessageLike:
    """What the verdict found, or else the reason that it was ended with."""
    diagnosis = diagnosis_of(row.diagnosis)
    return diagnosis.message if diagnosis else reason_of(row)


def _turns(rights: Rights, projects: set[int], deploys: Sequence[int]) -> QuerySet[Turn]:
    theirs = Q(placement__space__in=deploys) | Q(order__author=rights.user) | Q(asked_by=rights.user)
    rows = in_line().filter(theirs, order__project__in=projects)
    return rows.select_related("order__component", "order__project", "asked_by", "placement__space__environment")


def _turn_task(turn: Turn) -> Task:
    environment = turn.placement.space.environment
    url = panel_url(turn.order.number, environment.slug)
    return Task(turn.order, environment, turn.created_at, RunState.QUEUED, turn_word(turn), url)
