"""The figures themselves: the database counts and ranks, in six queries for any number of orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When

from components.naming import short_code
from desk.figures.changes import first_successes, is_bad
from desk.figures.period import Wanted, Weeks
from desk.figures.spreads import Seconds, Spread, spreads
from environments.access import Rights
from environments.models import Environment, Space
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Build, Deployment

VERDICTS = (RunState.SUCCEEDED, RunState.FAILED)
CHANGES = (DeploymentKind.DEPLOY, DeploymentKind.ROLL_BACK)
HAS_IMAGE = Q(state=RunState.SUCCEEDED) & ~Q(digest="")


@dataclass
class Half:
    """One period as a whole."""

    images: int = 0
    deployments: int = 0
    changes: int = 0
    failed: int = 0
    lead: Spread = field(default_factory=Spread)
    builds: Spread = field(default_factory=Spread)

    @property
    def failure_rate(self) -> float | None:
        """Per cent, to a tenth."""
        return round(100 * self.failed / self.changes, 1) if self.changes else None


@dataclass
class Builds:
    """How the builds of a component, or of a project, went; ``ended`` by themselves, ``images`` of them with one."""

    project: str
    component: str = ""
    name: str = ""
    ended: int = 0
    images: int = 0
    spread: Spread = field(default_factory=Spread)

    @property
    def code(self) -> str:
        return short_code(self.name, self.project)

    @property
    def success(self) -> int:
        """Per cent."""
        return round(100 * self.images / self.ended) if self.ended else 0


@dataclass
class Week:
    """``deployments`` by the environment's id."""

    start: datetime
    images: int = 0
    deployments: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    changes: int = 0
    failed: int = 0
    lead: Spread = field(default_factory=Spread)


@dataclass
class Figures:
    """Everything that the page, the file and the API tell."""

    wanted: Wanted
    weeks: Weeks
    spaces: list[Space]
    now: Half
    before: Half
    by_week: list[Week]
    builds: list[Builds] = field(default_factory=list)

    @property
    def environments(self) -> list[Environment]:
        """In flow order."""
        found = {space.environment_id: space.environment for space in self.spaces}
        return sorted(found.values(), key=lambda one: (one.position, one.slug))

    @property
    def shown(self) -> list[Environment]:
        """Those whose deployments are counted."""
        return [one for one in self.environments if self.wanted.environment in ("", one.slug)]

    @property
    def production(self) -> list[Environment]:
        """Those whose lead time and changes are counted: the chosen one, where that is production."""
        all_ = [one for one in self.environments if one.is_production]
        return [one for one in all_ if one.slug == self.wanted.environment] or all_

    @property
    def projects(self) -> list[Builds]:
        """Images by project, most first."""
        found: dict[str, Builds] = {}
        for row in self.builds:
            sums = found.setdefault(row.project, Builds(row.project))
            sums.ended, sums.images = sums.ended + row.ended, sums.images + row.images
        return sorted(found.values(), key=lambda one: (-one.images, one.project))

    def sums(self, week: int) -> Iterator[Half | Week]:
        """What a number of that week (−1: of the period before) is added to."""
        yield self.before if week < 0 else self.now
        if week >= 0:
            yield self.by_week[week]


def figures(rights: Rights, wanted: Wanted) -> Figures:
    """Of the projects that this person sees."""
    weeks = Weeks.up_to_today(wanted.weeks)
    spaces = [one for one in rights.spaces if wanted.project in ("", one.project.slug)]
    found = Figures(wanted, weeks, spaces, Half(), Half(), [Week(at) for at in weeks.starts])
    _count_builds(found)
    _count_deployments(found)
    _count_changes(found)
    _take_lead_times(found)
    return found


def _narrowed(found: Figures, name: str) -> Q:
    """Rows of the chosen component, or of all of the projects, of which there may be thousands."""
    narrowed = Q(**{f"{name}project__in": {one.project_id for one in found.spaces}})
    if found.wanted.component:
        project, _slash, component = found.wanted.component.partition("/")
        narrowed &= Q(**{f"{name}component__slug": component, f"{name}project__slug": project})
    return narrowed


def _of_both_periods(found: Figures) -> Q:
    return Q(finished_at__gte=found.weeks.before, finished_at__lt=found.weeks.end)


def _week(weeks: Weeks) -> Case:
    """The number of the week in which a row ended, −1 before the first."""
    cases = [When(finished_at__gte=start, then=Value(number)) for number, start in enumerate(weeks.starts)]
    return Case(*reversed(cases), default=Value(-1), output_field=IntegerField())


def _period(weeks: Weeks) -> Case:
    """1 in this period, 0 in the one before."""
    return Case(When(finished_at__gte=weeks.start, then=Value(1)), default=Value(0), output_field=IntegerField())


# ---------------------------------------------------------------- builds
def _count_builds(found: Figures) -> None:
    rows = Build.objects.filter(
        _narrowed(found, "order__"), _of_both_periods(found), state__in=[*VERDICTS, RunState.ERRORED]
    ).order_by()
    by_week = rows.filter(HAS_IMAGE).annotate(week=_week(found.weeks)).values_list("week")
    for week, images in by_week.annotate(images=Count("pk")):
        for sums in found.sums(week):
            sums.images += images
    by_component = _by_component(rows.filter(finished_at__gte=found.weeks.start))
    timed = rows.filter(HAS_IMAGE, started_at__isnull=False)
    timed = timed.annotate(seconds=Seconds("finished_at", "started_at"), now=_period(found.weeks))
    for number, group, spread in spreads(timed, ["now"], ["now", "order__component_id"]):
        if number == 0:
            (found.now if group[0] else found.before).builds = spread
        elif group[0]:
            by_component[int(str(group[1]))].spread = spread
    found.builds = sorted(by_component.values(), key=lambda one: (-one.ended, one.project, one.component))


def _by_component(rows: QuerySet[Build]) -> dict[int, Builds]:
    of = "order__component"
    names = (f"{of}_id", f"{of}__project__slug", f"{of}__slug", f"{of}__name")
    counts = {"ended": Count("pk"), "images": Count("pk", filter=HAS_IMAGE)}
    return {pk: Builds(*row) for pk, *row in rows.values_list(*names).annotate(**counts)}


# ---------------------------------------------------------------- deployments
def _deployments(found: Figures, environments: Iterable[Environment]) -> QuerySet[Deployment]:
    """Deployments and roll backs there that reached a verdict in either period."""
    among = {one.pk for one in environments}
    return Deployment.objects.filter(
        _narrowed(found, "order__"), _of_both_periods(found), state__in=VERDICTS, kind__in=CHANGES,
        space__in=[one.pk for one in found.spaces if one.environment_id in among],
    ).order_by()  # fmt: skip


def _count_deployments(found: Figures) -> None:
    rows = _deployments(found, found.shown).annotate(week=_week(found.weeks))
    for week, environment, count in rows.values_list("week", "space__environment_id").annotate(n=Count("pk")):
        if week < 0:
            found.before.deployments += count
            continue
        found.now.deployments += count
        found.by_week[week].deployments[environment] += count


def _count_changes(found: Figures) -> None:
    """Production alone: how many there were, and how many of them failed or were undone."""
    rows = _deployments(found, found.production).filter(kind=DeploymentKind.DEPLOY)
    rows = rows.annotate(week=_week(found.weeks), is_bad=is_bad())
    for week, bad, count in rows.values_list("week", "is_bad").annotate(n=Count("pk")):
        for sums in found.sums(week):
            sums.changes += count
            sums.failed += count if bad else 0


def _take_lead_times(found: Figures) -> None:
    """From the order to its first success in production."""
    rows = first_successes(_deployments(found, found.production), {one.pk for one in found.production})
    rows = rows.annotate(
        seconds=Seconds(F("finished_at"), F("order__created_at")), week=_week(found.weeks), now=_period(found.weeks)
    )
    for number, (group,), spread in spreads(rows, ["now"], ["week"]):
        if number == 0:
            (found.now if group else found.before).lead = spread
        elif int(str(group)) >= 0:
            found.by_week[int(str(group))].lead = spread
