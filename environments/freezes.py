"""Which freezes there are over which spaces, whether one is in force, and who may make and end it. Reads of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import DateTimeField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from environments.access import Rights, memberships_that_allow, names_who_may, visible_to
from environments.choices import FreezeKind
from environments.holding import holders
from environments.models import Environment, Freeze, Space
from environments.second_person import may_second
from environments.windows import Span
from foundation.clock import db_now
from foundation.messages import localized_names
from foundation.problems import Missing

ASKED_FOR = timedelta(hours=24)
"""So long an early end waits for its second person."""


def rows() -> QuerySet[Freeze]:
    """With what a page names of each."""
    return Freeze.objects.select_related(
        "project", "space__project", "space__environment", "calendar", "made_by", "ended_by", "end_asked_by"
    )


def live() -> Q:
    """Of a freeze: not ended, and not over for good."""
    return Q(ended_at=None) & (~Q(kind=FreezeKind.ONCE) | Q(ends_at__gt=Now()))


def live_freezes() -> QuerySet[Freeze]:
    """The bare rows of those."""
    return Freeze.objects.filter(live()).order_by()


@dataclass(frozen=True)
class Frozen:
    """One freeze and its span over a moment."""

    freeze: Freeze
    span: Span


@dataclass(frozen=True)
class Outside:
    """No release window of a place is open: one of them, and when the next one opens, if any does."""

    window: Freeze
    opens_at: datetime | None


@dataclass(frozen=True)
class Freezes:
    """All that are live, at one moment of the database's clock."""

    found: Sequence[Freeze] = field(default_factory=list)
    now: datetime | None = None

    @cached_property
    def _spans(self) -> list[tuple[Freeze, Span | None]]:
        """Each with its span over the moment: the same for every space, so dates of years are gone through once."""
        return [(row, row.window.covering(self.now)) for row in self.found] if self.now else []

    def _frozen(self, is_there: Callable[[Freeze], bool]) -> list[Frozen]:
        found = [Frozen(row, span) for row, span in self._spans if span and not row.is_window and is_there(row)]
        return sorted(found, key=lambda one: one.span.ends_at, reverse=True)

    def over(self, space: Space, moment: datetime | None = None) -> list[Frozen]:
        """Those in force over the space then (now), the one that ends last first."""
        if moment is not None:
            return replace(self, now=moment).over(space)
        return self._frozen(lambda row: row.is_over(space))

    def outside(self, space: Space) -> Outside | None:
        """That the space has release windows and none is open now; None where deploying is open."""
        windows = [(row, span) for row, span in self._spans if row.is_window and row.is_over(space)]
        if self.now is None or not windows or any(span for _row, span in windows):
            return None
        nexts = [(span.begins_at, row) for row, _span in windows if (span := row.window.next_after(self.now))]
        opens_at, row = min(nexts, key=lambda one: one[0], default=(None, windows[0][0]))
        return Outside(row, opens_at)

    def shut(self, spaces: Iterable[Space]) -> set[int]:
        """The ids of those where nothing is deployed now, but by break-glass."""
        return {space.pk for space in spaces if self.over(space) or self.outside(space) is not None}

    def of_site(self, environment: Environment) -> Frozen | None:
        """The site's own that is in force in the environment now and ends last."""
        is_production = environment.is_production
        found = self._frozen(lambda row: row.whose is None and (is_production or not row.only_production))
        return next(iter(found), None)


def read(now: datetime | None = None) -> Freezes:
    """One query; they are few in a site. ``now``: the database's clock, where it was just read."""
    moment = ExpressionWrapper(Now(), output_field=DateTimeField())
    found = list(rows().filter(live()).annotate(moment=moment).order_by("pk"))
    return Freezes(found, now or (getattr(found[0], "moment") if found else None))  # noqa: B009 - of the query


# ---------------------------------------------------------------- rights
def verb_of(row: Freeze) -> str:
    """The site's are for platform administrators, a project's for its own."""
    return "freeze" if row.whose else "freeze_site"


def confirming_verb(row: Freeze) -> str:
    """Whose word lets one over production end early."""
    return "confirm_rule_change" if row.whose else "confirm_site_rule"


def covers_production(row: Freeze) -> bool:
    """Whether its end loosens a rule of production."""
    return row.space.environment.is_production if row.space else True


def project_id_of(row: Freeze) -> int | None:
    """As rights ask for it."""
    return row.whose.pk if row.whose else None


def is_asked_to_end(row: Freeze) -> bool:
    """Somebody, who has the right to it still, asked less than a day ago, and nobody has confirmed it yet."""
    if row.ended_at is not None or row.end_asked_by is None or row.end_asked_at is None:
        return False
    if row.end_asked_at + ASKED_FOR <= db_now():
        return False
    return Rights(row.end_asked_by).can(verb_of(row), project_id=project_id_of(row))


def is_second(person: User, row: Freeze) -> bool:
    """May this person confirm its early end? Never who asked, nor two names behind which one person stands."""
    if row.end_asked_by_id is None:
        return False
    verb, project_id = confirming_verb(row), project_id_of(row)
    entitling = memberships_that_allow(verb, project_id=project_id)
    asker = row.end_asked_by_id, memberships_that_allow(verb_of(row), project_id=project_id)
    return may_second(person, verb, project_id, entitling, asker)


def seconds(row: Freeze) -> list[User]:
    """Everybody who could confirm it now."""
    held = memberships_that_allow(confirming_verb(row), project_id=project_id_of(row))
    return [person for person in holders(held).filter(is_active=True) if is_second(person, row)]


def who_confirms(row: Freeze) -> str:
    """Three names of them, and how many more."""
    return localized_names(person.shown_name for person in seconds(row))


def who_ends(row: Freeze) -> str:
    """Who may end it, or ask for its end."""
    return localized_names(names_who_may(verb_of(row), project_id=project_id_of(row)))


# ---------------------------------------------------------------- lists
def visible_freezes(user: User, *, only_live: bool = False, rights: Rights | None = None) -> QuerySet[Freeze]:
    """The site's, and those of the projects that the person sees, newest first."""
    seen = visible_to(user, rights=rights) | visible_to(user, rights=rights, field="space__project_id")
    found = rows().filter(Q(project=None, space=None) | seen).order_by("-pk")
    return found.filter(live()) if only_live else found


def find_freeze(user: User, pk: int) -> Freeze:
    """One of them; raises Missing also where the person may not see it."""
    row = visible_freezes(user).filter(pk=pk).first()
    if row is None:
        raise Missing
    return row
