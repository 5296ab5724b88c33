"""Is the platform well? Processes, stuck runs, other sides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from components.models import GitServer, ImageRegistry, JenkinsServer
from environments.models import Cluster
from foundation.clock import PARKED, db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.models import Remote
from foundation.runs.choices import ACTIVE, ENGINE_REASON, RunState
from foundation.runs.heartbeat import BEAT_SECONDS
from foundation.runs.kinds import Kind, all_kinds
from foundation.runs.models import Heartbeat, Run
from notifications.models import OutgoingWebhook
from notifications.smtp import KEY as MAIL_KEY

ROLE_LABELS: dict[str, MessageLike] = {"worker": _("worker"), "watcher": _("watcher")}
KINDS: dict[str, MessageLike] = {
    "audit-seal": _("audit sealing"),
    "audit-check": _("audit check"),
    "space-sync": _("space sync"),
    "cluster-test": _("cluster test"),
    "cluster-contact": _("contact with a cluster"),
    "cluster-nodes": _("capacity of a cluster's nodes"),
    "preview": _("template preview"),
    "server-test": _("server test"),
    "repository-read": _("branches after a push"),
    "build": _("build"),
    "log_check": _("comparison of a long log"),
    "late_image": _("image after a build's end"),
    "review": _("review"),
    "deployment": _("deployment"),
    "prune": _("removal after a success"),
    "train": _("release train"),
    "drp": _("DRP switch or drill"),
    "readiness": _("readiness of a twin"),
    "observe_space": _("runtime watch"),
    "watch": _("namespace watch"),
    "housekeeping": _("housekeeping"),
    "contact_deadline": _("deadlines without contact"),
    "expiry": _("what ends by its time"),
    "schedule": _("scheduled deployment"),
    "telling": _("who is told of what"),
    "mail": _("mail"),
    "dispatch": _("delivery to a webhook"),
}
PHASES: dict[str, MessageLike] = {
    "start": pgettext_lazy("phase", "not begun"),
    "triggering": pgettext_lazy("phase", "being handed to Jenkins"),
    "queued": pgettext_lazy("phase", "in Jenkins' queue"),
    "building": pgettext_lazy("phase", "building"),
    "finalizing": pgettext_lazy("phase", "collecting the result"),
    "applying": pgettext_lazy("phase", "applying"),
    "reviewing": pgettext_lazy("phase", "being reviewed once more"),
    "rolling": pgettext_lazy("phase", "rolling out"),
    "checking": pgettext_lazy("phase", "asking the entry"),
    "handing-back": pgettext_lazy("phase", "handing the number of replicas back"),
    "removing": pgettext_lazy("phase", "removing"),
    "terminating": pgettext_lazy("phase", "waiting for the old namespace to go"),
    "namespace": pgettext_lazy("phase", "making the namespace"),
    "quota": pgettext_lazy("phase", "setting the quota"),
    "counting": pgettext_lazy("phase", "reading the quota"),
    "namespaces": pgettext_lazy("phase", "asking namespace by namespace"),
}
CHECKS: dict[str, MessageLike] = {"database": _("Database"), "migrations": _("Migrations"), "audit": _("Audit guard")}
COMPLAINTS: dict[str, MessageLike] = {
    "pending": _("The database is older than the program: run manage.py migrate."),
    "unreachable": _("The database does not answer."),
    "triggers missing: run manage.py migrate": _(
        "The audit could be changed: its triggers are missing. Run manage.py migrate."
    ),
}


def word(words: Mapping[str, MessageLike], code: str) -> MessageLike:
    """The word for a code; the code itself where it has none (an app that is new)."""
    return words.get(code, code)


@dataclass(frozen=True)
class Check:
    """One thing that must be so before the platform can serve; ``complaint`` says what is not."""

    name: MessageLike
    is_good: bool
    complaint: MessageLike


def checks_shown(checks: Mapping[str, str]) -> list[Check]:
    """What ``/readyz`` found, for a reader."""
    return [
        Check(word(CHECKS, name), said == "ok", "" if said == "ok" else word(COMPLAINTS, said))
        for name, said in checks.items()
    ]


_MODELS: dict[str, tuple[type[models.Model], MessageLike]] = {
    "jenkins": (JenkinsServer, _("Jenkins %(name)s")),
    "git": (GitServer, _("Git host %(name)s")),
    "registry": (ImageRegistry, _("Registry %(name)s")),
    "cluster": (Cluster, _("Cluster %(name)s")),
    "hook": (OutgoingWebhook, _("Webhook %(name)s")),
}


def sides_of(remotes: Collection[Remote]) -> dict[str, str]:
    """Names of breakers (``jenkins:3``) with what people call the other side; one query for each kind."""
    wanted: dict[str, dict[int, str]] = {}
    for remote in remotes:
        kind, _colon, key = remote.name.partition(":")
        if kind in _MODELS and key.isdigit():
            wanted.setdefault(kind, {})[int(key)] = remote.name
    found = {remote.name: str(_("Mail server")) for remote in remotes if remote.name == MAIL_KEY}
    for kind, names in wanted.items():
        model, message = _MODELS[kind]
        rows = model._default_manager.in_bulk(list(names))
        found |= {names[pk]: str(message) % {"name": row} for pk, row in rows.items()}
    return found


@dataclass(frozen=True)
class Process:
    """A worker or watcher; ``is_alive`` when it was heard of within three beats."""

    beat: Heartbeat
    is_alive: bool

    @property
    def role(self) -> MessageLike:
        """What it does, in a word."""
        return word(ROLE_LABELS, self.beat.role)


@dataclass(frozen=True)
class StuckRun:
    """A run that should have been driven and was not."""

    kind: str
    run: Run
    why: MessageLike
    can_wake: bool

    @property
    def name(self) -> MessageLike:
        """What kind of run it is, in words."""
        return word(KINDS, self.kind)

    @property
    def phase(self) -> MessageLike:
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
    now = db_now()
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
    message = _("The platform gave up after 20 unfinished passes.")
    return found + [StuckRun(kind.name, run, message, False) for run in given_up.order_by("-pk")[:MOST_STUCK]]


def _why_stuck(run: Run, late: datetime) -> MessageLike:
    if run.claims >= STUCK_CLAIMS:
        return _("%(n)s unfinished passes in a row.", n=run.claims)
    if run.contact_lost_since:
        return _("No contact with the other system.")
    return _("It has been due for more than a minute, and no process took it.")
