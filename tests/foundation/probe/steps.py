"""Does what the row's script says: one word a pass, noted in ``seen`` with the process that did it.

again | later:S (look again after S seconds) | park | done | mistake (Done without an end) | raise | away (no contact)
sleep:S (sleep, then again) | sleep-first:S (sleep only under the first fence) | exit (the process dies on the spot)
exit-first:N (the same under the first N fences)
quiet (asks nobody outside) | other (asks the remote elsewhere:1 besides) | other-away
late (lets its own lease be taken over before it writes) | cancelled-meanwhile | wake-meanwhile | too-late
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from django.db import transaction

from deployer.errors import TooLate, Unavailable
from foundation.runs.engine import Again, Done, Lease, Outcome, Parked, RunState, begin, finish, wake
from tests.foundation.probe.models import ProbeRun


def note(lease: Lease, word: str) -> None:
    with transaction.atomic():
        row = lease.hold()
        row.seen.append({"word": word, "process": os.environ.get("PRISM4K_PROCESS", ""), "fence": lease.fence})
        lease.save(seen=row.seen, script=row.script[1:])


@dataclass(frozen=True)
class Place:
    """Somewhere outside."""

    key: str


def connect(target: Place, *, on_answer: Callable[[], None]) -> Callable[[], None]:
    """A client whose one call is answered."""
    return on_answer


def step(lease: Lease) -> Outcome:
    row = lease.read()
    begin(ProbeRun, lease.pk, fence=lease.fence, owner=lease.owner)
    word, _, number = row.script[0].partition(":")
    amount = float(number or 0)
    if word == "exit-first" and lease.fence <= amount:
        os._exit(9)
    if word in ("sleep", "sleep-first") and (word == "sleep" or lease.fence == 1):
        time.sleep(amount)  # a step that takes long is what the script asks for
    else:
        with lease.open(connect, Place(row.remote)) if word not in ("quiet", "park") else nullcontext(str) as answer:
            BEFORE.get(word, str)(lease)
            answer()
    note(lease, word)
    if word == "done":
        finish(ProbeRun, lease.pk, to=RunState.SUCCEEDED, fence=lease.fence, owner=lease.owner)
    return {"park": Parked(), "done": Done(), "mistake": Done()}.get(word, Again(amount if word == "later" else 0))


def _raise(lease: Lease) -> None:
    raise RuntimeError("the script says raise")


def _away(lease: Lease) -> None:
    raise Unavailable("Jenkins at http://ci:8080 did not answer; token=abcdef123456 was not taken.")


def _other(lease: Lease) -> None:
    with lease.open(connect, Place("elsewhere:1")) as answer:
        answer()


def _other_away(lease: Lease) -> None:
    with lease.open(connect, Place("elsewhere:1")):
        _away(lease)


def _too_late(lease: Lease) -> None:
    raise TooLate("the deadline passed")


def _late(lease: Lease) -> None:
    ProbeRun.objects.filter(pk=lease.pk).update(fence=lease.fence + 1, owner="somebody else")


def _cancelled(lease: Lease) -> None:
    finish(ProbeRun, lease.pk, to=RunState.CANCELLED, reason="person")


def _wake(lease: Lease) -> None:
    note(lease, "before-wake")
    ProbeRun.objects.filter(pk=lease.pk).update(script=["wake-meanwhile", "park"])
    wake(ProbeRun, lease.pk, prompt=False)


BEFORE = {
    "raise": _raise,
    "away": _away,
    "other": _other,
    "other-away": _other_away,
    "too-late": _too_late,
    "late": _late,
    "cancelled-meanwhile": _cancelled,
    "wake-meanwhile": _wake,
    "exit": lambda lease: os._exit(9),
}


def give_up(lease: Lease, reason: str) -> None:
    ProbeRun.objects.filter(pk=lease.pk).update(value="given up")
    finish(ProbeRun, lease.pk, to=RunState.ERRORED, fence=lease.fence, owner=lease.owner, reason=reason)


contact_calls: list[int] = []
"""Who was told that contact changed, in this process."""


def contact_changed(pk: int) -> None:
    contact_calls.append(pk)
