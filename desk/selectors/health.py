"""Is the platform well? Processes, stuck runs, other sides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from desk.selectors.health_words import KINDS, PHASES, sides_of, word
from desk.selectors.health_words import ROLES as ROLE_WORDS
from foundation.clock import PARKED
from foundation.models import Remote
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, ENGINE_REASON, RunState
from foundation.runs.heartbeat import BEAT_SECONDS
from foundation.runs.kinds import Kind, all_kinds
from foundation.runs.models import Heartbeat, Run


@dataclass(frozen=True)
class Process:
    """A worker or watcher; ``is_alive`` when it was heard of within three beats."""

    beat: Heartbeat
    is_alive: bool

    @property
    def role(self) -> Sentence:
        """What it does, in a word."""
        return word(ROLE_WORDS, self.beat.role)


@dataclass(frozen=True)
class StuckRun:
    """A run that should have been driven and was not."""

    kind: str
    run: Run
    why: Sentence
    can_wake: bool

    @property
    def name(self) -> Sentence:
        """What kind of run it is, in words."""
        return word(KINDS, self.kind)

    @property
    def phase(self) -> Sentence:
        """Where it stands, in words; nothing for one that is over."""
        return word(PHASES, self.run.phase) if self.run.is_active else ""


@dataclass(frozen=True)
class Side:
    """Another side that the platform talks to."""

    remote: Remote
    name: str

    @property
    def is_away(self) -> bool:
        """It does not answer: only probes go out to it."""
        return self.remote.is_open


@dataclass(frozen=True)
class Health:
    """Everything on the health page."""

    processes: list[Process]
    missing: list[str]
    """Roles of which no process is alive."""
    stuck: list[StuckRun]
    sides: list[Side]
    """Those that do not answer first."""

    @property
    def alive(self) -> list[Process]:
        """Processes that were heard of just now."""
        return [process for process in self.processes if process.is_alive]

    @property
    def gone(self) -> list[Process]:
        """Processes that ended or died, the last first."""
        gone = [process for process in self.processes if not process.is_alive]
        return sorted(gone, key=lambda process: process.beat.at, reverse=True)[:MOST_GONE]

    @property
    def away(self) -> list[Side]:
        """Sides that do not answer."""
        return [side for side in self.sides if side.is_away]

    @property
    def trouble(self) -> int:
        """How many things are not well, readiness aside."""
        return len(self.missing) + len(self.stuck) + len(self.away)


STUCK_SECONDS = 60
STUCK_CLAIMS = 5
ERRORED_DAYS = 1
MOST_STUCK = 50
MOST_SIDES = 200
MOST_GONE = 20
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
        sides=_sides(),
    )


def _sides() -> list[Side]:
    # Ascending puts NULL first on SQLite and last on PostgreSQL: those that are away are told apart here.
    remotes = sorted(Remote.objects.order_by("opened_at", "name")[:MOST_SIDES], key=lambda remote: not remote.is_open)
    names = sides_of(remotes)
    # What has no name is a server that was removed, or all watches together: worth a line only when it is in trouble.
    known = [remote for remote in remotes if remote.name in names or remote.is_open]
    return [Side(remote, names.get(remote.name, remote.name)) for remote in known]


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
    sentence = _("The platform gave up after 20 unfinished passes.")
    return found + [StuckRun(kind.name, run, sentence, False) for run in given_up.order_by("-pk")[:MOST_STUCK]]


def _why_stuck(run: Run, late: datetime) -> Sentence:
    if run.claims >= STUCK_CLAIMS:
        return _("%(n)s unfinished passes in a row.") % {"n": run.claims}
    if run.contact_lost_since:
        return _("No contact with the other system.")
    return _("It has been due for more than a minute, and no process took it.")
