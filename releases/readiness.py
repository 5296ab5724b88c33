"""灾备就绪: the rows of checks, who has one, and what they say of a project."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import pgettext_lazy

from environments.models import Environment, Space
from foundation.clock import now_plus
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.models import Readiness

CODES: dict[str, MessageLike] = {
    "snapshot": _("Snapshot"),
    "image": _("Image in the registry"),
    "quota": _("Quota"),
    "names": _("Secrets and claims"),
}
"""What is asked of each component."""
READY, MISSING, UNKNOWN = "ready", "missing", "unknown"
UNCHECKED, NOTHING = "unchecked", "nothing"
WORDS: dict[str, MessageLike] = {
    READY: pgettext_lazy("readiness", "ready"),
    MISSING: pgettext_lazy("readiness", "lacks something"),
    UNKNOWN: pgettext_lazy("readiness", "not known"),
    UNCHECKED: pgettext_lazy("readiness", "not checked yet"),
    NOTHING: pgettext_lazy("readiness", "nothing serves"),
}
SIGNS = {MISSING: "blocked", UNCHECKED: "queued", NOTHING: "queued"}
"""States whose badge is another one's."""
FIRST_SECONDS = 60.0
"""A new space is first checked after so long: who makes it goes on setting it up."""


@dataclass(frozen=True)
class Lack:
    """One thing of one component that is missing or not known, and what to do."""

    component: str
    name: str
    code: str
    state: str
    message: MessageLike
    what_to_do: MessageLike

    @property
    def word(self) -> MessageLike:
        """What it is about."""
        return CODES[self.code]

    @property
    def sign(self) -> str:
        """The state of its badge."""
        return sign_of(self.state)


@dataclass(frozen=True)
class Count:
    """One thing over all components: how many of them have it."""

    code: str
    ready: int
    missing: int
    total: int

    @property
    def word(self) -> MessageLike:
        """What it is about."""
        return CODES[self.code]

    @property
    def ratio(self) -> str:
        """``6/7``: how many of all have it."""
        return f"{self.ready}/{self.total}"

    @property
    def state(self) -> str:
        """Of the worst component."""
        if self.missing:
            return MISSING
        return READY if self.ready == self.total else UNKNOWN

    @property
    def sign(self) -> str:
        """The state of its badge."""
        return sign_of(self.state)


@dataclass(frozen=True)
class Shown:
    """What the last check of a twin's space says."""

    state: str
    counts: list[Count]
    lacks: list[Lack]
    """Missing first."""
    total: int
    waves: int
    checked_at: datetime | None
    is_asked: bool

    @property
    def word(self) -> MessageLike:
        """The state as people read it, with how many things are missing."""
        if self.state == MISSING:
            return _("lacks %(n)s", n=self.missing)
        return WORDS[self.state]

    @property
    def sign(self) -> str:
        """The state of its badge."""
        return sign_of(self.state)

    @property
    def shown_counts(self) -> list[Count]:
        """None where nothing serves."""
        return self.counts if self.total else []

    @property
    def missing(self) -> int:
        """Things, over all components."""
        return sum(one.state == MISSING for one in self.lacks)


def sign_of(state: str) -> str:
    """The badge that a state has."""
    return SIGNS.get(state, state)


def readiness_of(spaces: Collection[int]) -> dict[int, Shown]:
    """By space; one query. A space without a row was never checked."""
    rows = {row.space_id: row for row in Readiness.objects.filter(space__in=spaces).defer("draft")}
    return {pk: shown(rows.get(pk)) for pk in spaces}


def shown(row: Readiness | None) -> Shown:
    """A row as plain values; None: nobody has checked."""
    if row is None or row.checked_at is None:
        return Shown(UNCHECKED, [], [], 0, 0, None, row is not None and row.is_asked)
    found: list[Mapping[str, Any]] = row.found
    lacks = sorted(_lacks(found), key=lambda one: one.state != MISSING)
    states = {one.state for one in lacks}
    state = MISSING if MISSING in states else UNKNOWN if states else READY if found else NOTHING
    counts = [_count(code, found) for code in CODES]
    return Shown(state, counts, lacks, len(found), len({one["wave"] for one in found}), row.checked_at, row.is_asked)


def _lacks(found: Iterable[Mapping[str, Any]]) -> Iterable[Lack]:
    for one in found:
        for item in one["items"]:
            if item["state"] != READY:
                yield Lack(one["component"], one["name"], item["code"], item["state"], item["message"], item["help"])


def _count(code: str, found: Iterable[Mapping[str, Any]]) -> Count:
    states = [item["state"] for one in found for item in one["items"] if item["code"] == code]
    return Count(code, states.count(READY), states.count(MISSING), len(states))


# ---------------------------------------------------------------- who has a row
def make_rows(spaces: Iterable[int]) -> None:
    """Of spaces in an environment that has a sibling; those that have one keep it."""
    Readiness.objects.bulk_create(
        [Readiness(space_id=pk, state=RunState.RUNNING, next_at=now_plus(FIRST_SECONDS)) for pk in spaces],
        ignore_conflicts=True,
    )


def make_rows_of(sender: Any, instance: Space | Environment, **kwargs: Any) -> None:
    """After a space, or an environment that may have become a twin, was saved."""
    of = {"pk": instance.pk} if isinstance(instance, Space) else {"environment": instance.pk}
    make_rows(_without_row().filter(**of).values_list("pk", flat=True))


def make_all_rows(**kwargs: Any) -> None:
    """After each migrate: of a database from before there were any."""
    make_rows(_without_row().values_list("pk", flat=True))


def _without_row() -> QuerySet[Space]:
    return Space.objects.filter(environment__twin__isnull=False, readiness=None)
