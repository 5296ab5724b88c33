"""Is the log whole? Every link, every mark, every head that is kept outside, and the guards of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from audit.chain import CHUNK, StoredEvent, is_here, stored, unsealed_events
from audit.heads import RESTORED, START, Gap, Head, KeptHead, gap_of, heads_file, kept_heads
from audit.marks import link_mac, mark_fits
from audit.models import AuditEvent, AuditLink, SealRun
from audit.stored_links import StoredLink, digest_of_stored, read_links
from audit.triggers import guard_faults

BEFORE_ALL = -(2**63)
"""Before any number that a link can be given: the chain begins at 1, and what stands before that is named."""

AT_ONCE = 5000
"""How many links are read at a time."""

T = TypeVar("T")


@dataclass(frozen=True)
class Verification:
    """``broken_at`` is the sequence of the first link that does not fit (0: none does not), ``problems`` say how.

    ``restored``: gaps that a restore of the database left and named; they are no problem.
    """

    checked: int
    unsealed: int
    head: Head
    broken_at: int = 0
    problems: tuple[str, ...] = ()
    restored: tuple[Gap, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True when everything fits."""
        return not self.problems

    @property
    def problem(self) -> str:
        """The first, which names the first wrong row; empty when everything fits."""
        return self.problems[0] if self.problems else ""


@dataclass
class Reading:
    """How far the chain was followed: ``checked`` links fit, ``mac`` is the last one's."""

    checked: int = 0
    mac: str = START
    problem: str = ""
    is_at_end: bool = False
    is_of_all: bool = field(init=False, default=False)
    """Nothing was read by an earlier pass."""

    def __post_init__(self) -> None:
        """Goes on from ``checked``, where an earlier pass has read up to."""
        self.is_of_all = self.checked == 0

    def go_on(self, links: int | None = None) -> None:
        """Follows so many links more (None: all), in chunks; stops at the first that does not fit."""
        left = links
        while not (self.problem or self.is_at_end) and left != 0:
            size = AT_ONCE if left is None else min(AT_ONCE, left)
            self._chunk(size)
            left = None if left is None else left - size

    def _chunk(self, size: int) -> None:
        checked, mac = self.checked, self.mac
        # Written out for speed: what does not fit is looked at again, to say what is wrong with it.
        for sequence, event_id, previous, own, pk, mark, *content in read_links(after=checked or BEFORE_ALL, size=size):
            digest = digest_of_stored(content)
            if (
                sequence != checked + 1
                or pk is None
                or previous != mac
                or link_mac(mac, sequence, event_id, mark, digest) != own
                or not mark_fits(mark, digest)
            ):
                link = StoredLink(sequence, event_id, previous, own, pk, mark, digest)
                self.problem = _problem(link, checked + 1, mac)
                break
            checked, mac = sequence, own
        self.is_at_end = not self.problem and checked - self.checked < size
        self.checked, self.mac = checked, mac


def verify(*, known_head: str = "", heads: Path | None = None) -> Verification:
    """Recomputes the whole log; the first link that does not fit ends the chain.

    ``known_head`` ("sequence:mac" from a log line or an export) must be in it, or in a gap that a restore of the
    database named; so must each line of ``heads``, a file of them (None: the installation's own). That finds a chain
    that was cut short or made anew. Raises ValueError for a head that is none.
    """
    wanted = Head.parse(known_head)
    reading = Reading()
    reading.go_on()
    return conclude(reading, wanted=wanted, heads=heads)


def conclude(reading: Reading, *, wanted: Head | None = None, heads: Path | None = None) -> Verification:
    """What the links read so far and everything beside the chain say together."""
    gaps, gap_problem = _gaps()
    unsealed, unsealed_problem = (0, "") if _is_all_sealed(reading) else _check_unsealed()
    found = [(reading.checked + 1, reading.problem)] if reading.problem else []
    found += [
        one for one in (gap_problem, _check_known(wanted, reading, gaps), _check_kept(heads, reading, gaps)) if one
    ]
    # A link that was read and is wrong is named before heads that it makes wrong too.
    found = sorted(found, key=lambda one: one[0]) if not reading.problem else found
    problems = [*(text for _sequence, text in found), unsealed_problem, *guard_faults()]
    return Verification(
        checked=reading.checked,
        unsealed=unsealed,
        head=Head(reading.checked, reading.mac),
        broken_at=min(found[0][0], reading.checked + 1) if found else 0,
        problems=tuple(text for text in problems if text),
        restored=tuple(gaps),
    )


def _problem(link: StoredLink, expected: int, previous_mac: str) -> str:
    if link.sequence < expected:
        return f"There is a link {link.sequence} where link {expected} must be."
    if link.sequence != expected:
        return f"Link {expected} is missing."
    if link.id is None:
        return f"Event {link.event_id} of link {expected} is missing."
    if link.previous_mac != previous_mac:
        return f"Link {expected} does not follow the link before it."
    if link_mac(previous_mac, expected, link.event_id, link.mark, link.digest) != link.mac:
        return f"Event {link.event_id} of link {expected} was changed, or another AUDIT_KEY sealed it."
    return f"Event {link.event_id} of link {expected} was not recorded by the product: its mark does not fit."


def _gaps() -> tuple[list[Gap], tuple[int, str] | None]:
    """Gaps that sealed restores name, and the first restore that explains nothing: it begins at no link of the log."""
    gaps: list[Gap] = []
    for event in AuditEvent.objects.filter(verb=RESTORED).order_by("pk"):
        link = AuditLink.objects.filter(event_id=event.pk).first()
        gap = gap_of(event)
        if link is None or gap is None:
            continue
        if not (is_here(gap.kept) and gap.kept.sequence < link.sequence):
            return gaps, (link.sequence, f"The restore of link {link.sequence} names no link.")
        gaps.append(gap)
    return gaps, None


def _is_all_sealed(reading: Reading) -> bool:
    """Each link that was read has an event of its own: with as many events as links none waits.

    Looking for events without a link costs a tenth of the whole verification.
    """
    return reading.is_of_all and reading.is_at_end and AuditEvent.objects.count() == reading.checked


def _check_unsealed() -> tuple[int, str]:
    """How many events wait for their link, and what is wrong with the first that nobody recorded."""
    count, last, problem = 0, 0, ""
    while chunk := list(stored(unsealed_events().filter(pk__gt=last)[:CHUNK])):
        problem = problem or _problem_of_unsealed(chunk)
        count, last = count + len(chunk), chunk[-1].id
    return count, problem


def _problem_of_unsealed(chunk: list[StoredEvent]) -> str:
    for event in chunk:
        if not mark_fits(event.mark, event.digest):
            return f"Event {event.id}, not sealed yet, was changed, or was not recorded by the product."
        if AuditEvent.objects.filter(mark=event.mark).count() > 1:
            return f"Event {event.id}, not sealed yet, is a copy of another one."
    return ""


def _check_known(wanted: Head | None, reading: Reading, gaps: list[Gap]) -> tuple[int, str] | None:
    if wanted is None or reading.problem or is_here(wanted) or any(gap.holds(wanted) for gap in gaps):
        return None
    if wanted.sequence > reading.checked:
        text = f"The chain ends at link {reading.checked}, but the known head is link {wanted.sequence}."
    else:
        text = f"Link {wanted.sequence} is not the one that the known head names."
    return wanted.sequence, text


def _check_kept(heads: Path | None, reading: Reading, gaps: list[Gap]) -> tuple[int, str] | None:
    """The first head kept outside that this log does not have."""
    path = heads or heads_file()
    if path is None:
        return None
    try:
        return _compare_kept(kept_heads(path), path, reading, gaps)
    except FileNotFoundError:
        return _problem_of_no_file(path, reading)
    except (OSError, ValueError) as error:
        return reading.checked + 1, f"The heads that are kept outside cannot be read. {error}"


def _problem_of_no_file(path: Path, reading: Reading) -> tuple[int, str] | None:
    if not SealRun.objects.filter(head_logged_at__isnull=False).exists():
        return None
    text = f"The file of heads {path} is gone: without it a shorter chain looks whole. Give a copy by --heads."
    return reading.checked + 1, text


def _compare_kept(lines: Iterable[KeptHead], path: Path, reading: Reading, gaps: list[Gap]) -> tuple[int, str] | None:
    good, bad = 0, None
    for chunk in _chunks(lines):
        numbers = {one.head.sequence for one in chunk}
        macs = dict(AuditLink.objects.filter(sequence__in=numbers).values_list("sequence", "mac"))
        for one in chunk:
            if one.head.sequence == 0 or macs.get(one.head.sequence) == one.head.mac:
                good = max(good, one.head.sequence) if bad is None else good
            elif not any(gap.holds(one.head, at=one.at) for gap in gaps):
                bad = one if bad is None or one.head.sequence < bad.head.sequence else bad
    if bad is None:
        return None
    first, last = min(good + 1, bad.head.sequence), bad.head.sequence
    where = f"{path} kept link {last} at {bad.at:%Y-%m-%d %H:%M:%S} UTC (line {bad.line})"
    if last > reading.checked and not reading.problem:
        return reading.checked + 1, f"The chain ends at link {reading.checked}, but {where}."
    return first, f"Links {first} to {last} are not those that were sealed: {where}."


def _chunks(lines: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(lines)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
