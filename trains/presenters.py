"""The page of a train: its waves as columns, the first failure, and the one order that is open below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.presenters.build import seconds_between
from releases.presenters.words import diagnosis_of, reason_of
from trains.choices import OVER, MemberState
from trains.standing import Member
from trains.standing import over as over_of

TALLY: dict[str, MessageLike] = {
    "succeeded": _("succeeded"),
    "running": _("in progress"),
    "failed": _("failed"),
    "blocked": _("blocked"),
    "waiting": _("waiting"),
    "passed": _("ready"),
    "cancelled": _("skipped"),
}
"""The states that an order of a train stands in, in the order in which they are counted up."""


@dataclass(frozen=True)
class Wave:
    """One column. ``seconds`` since its first deployment was asked for; ``began`` where that still counts on."""

    number: int
    members: tuple[Member, ...]
    state: str
    word: MessageLike
    over: int
    seconds: int | None = None
    began: datetime | None = None


@dataclass(frozen=True)
class Tally:
    """How many orders stand in one state."""

    state: str
    word: MessageLike
    count: int


@dataclass(frozen=True)
class Failure:
    """The first order that failed: why, and what to do."""

    member: Member
    message: MessageLike
    next_step: MessageLike


def waves_of(members: Sequence[Member]) -> list[Wave]:
    """The members come in the order of their waves."""
    return [_wave(number, tuple(group)) for number, group in groupby(members, key=lambda one: one.row.wave)]


def _wave(number: int, members: tuple[Member, ...]) -> Wave:
    states = {one.row.state for one in members}
    over = over_of([one.row for one in members])
    if over == len(members):
        state, word = "succeeded", _("over")
    elif MemberState.FAILED in states:
        state, word = "failed", _("failed")
    elif MemberState.DEPLOYING in states:
        state, word = "running", _("in progress")
    else:
        state, word = "waiting", _("waiting")
    return Wave(number, members, state, word, over, *_span(members, is_over=over == len(members)))


def _span(members: Sequence[Member], *, is_over: bool) -> tuple[int | None, datetime | None]:
    made = [one.row.deployment for one in members if one.row.deployment is not None]
    if not made:
        return None, None
    began = min(one.created_at for one in made)
    if not is_over:
        return seconds_between(began, None), began
    ended = max((one.finished_at for one in made if one.finished_at is not None), default=None)
    return (seconds_between(began, ended), None) if ended else (None, None)


def tally_of(members: Sequence[Member]) -> list[Tally]:
    """What is not there is not counted."""
    found = Counter(one.standing.state for one in members)
    return [Tally(state, word, found[state]) for state, word in TALLY.items() if found[state]]


def failure_of(members: Sequence[Member]) -> Failure | None:
    """Of the first wave that has one; a diagnosis in the reader's language where there is one."""
    failed = next((one for one in members if one.may_retry), None)
    if failed is None:
        return None
    deployment = failed.row.deployment
    diagnosis = diagnosis_of(deployment.diagnosis) if deployment else None
    if diagnosis is not None:
        return Failure(failed, diagnosis.message, diagnosis.next_step)
    why = (deployment.message or reason_of(deployment)) if deployment else failed.standing.why
    return Failure(failed, why, "")


# ---------------------------------------------------------------- the one that is open
def chosen_of(members: Sequence[Member], number: str) -> Member | None:
    """The one that was asked for; else what needs somebody most: a failure, an own approval, what is next."""
    asked = next((one for one in members if one.row.order.number == number), None)
    if asked is not None or not members:
        return asked
    return min(members, key=_need)


def next_for_viewer(members: Sequence[Member], number: str) -> str:
    """The order after this one that waits for an approval of the viewer, else this one itself."""
    at = next((place for place, one in enumerate(members) if one.row.order.number == number), -1)
    turned = [*members[at + 1 :], *members[: at + 1]]
    return next((one.row.order.number for one in turned if one.standing.is_for_viewer), number)


def _need(one: Member) -> int:
    if one.may_retry:
        return 0
    if one.standing.is_for_viewer:
        return 1
    return 3 if one.row.state in OVER else 2
