"""The log of all pods of a place: for its page, for the viewer that follows it, and as one text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.text import slugify

from deployer.interfaces import LogWanted
from foundation.clock import db_now
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from releases import live_reads
from releases.live_reads import PodRead
from releases.logs.merged import JOINED, LEFT, MOST_PODS, MergedLine, chosen_pods, colours_of, merged, stamp
from releases.logs.plain import strip_escapes, visible
from releases.models import Placement
from releases.models.orders import short_number
from releases.presenters.runtime import short_name, tail_of
from releases.presenters.states import pod_state

MOST_LINES = 500
"""Of each pod, in one answer."""
POD_BYTES = 512 * 1024
WHOLE_LINES = 20_000
WHOLE_BYTES = 4 * 1024 * 1024
"""Of each pod, and of all pods together, in the text that is downloaded."""
PIECE = 64 * 1024
OVERLAP = timedelta(seconds=10)
"""Answers are asked of the cluster from whole tens of seconds on, so that who follows the same pods shares them."""


@dataclass(frozen=True)
class PlaceLogAsked:
    """``names``: only these pods. ``known``: pods that the reader has, up to ``since`` (a line's own time)."""

    container: str = ""
    previous: bool = False
    names: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    since: str = ""


@dataclass(frozen=True)
class PlaceLog:
    """``pods``: those that are followed, as plain data; ``left_out``: how many more there are."""

    lines: list[MergedLine]
    pods: list[dict[str, Any]]
    left_out: int
    now: datetime

    def data(self, text: str = "") -> dict[str, Any]:
        """As the API and the viewer have it; with ``text`` only the lines that contain it, blind to case."""
        wanted = text.casefold()
        found = [line for line in self.lines if not wanted or wanted in strip_escapes(line.text).casefold()]
        return {
            "lines": [asdict(line) for line in found], "pods": self.pods, "left_out": self.left_out,
            "now": stamp(self.now), "most_lines": MOST_LINES, "most_pods": MOST_PODS,
        }  # fmt: skip


def read_place_log(place: Placement, asked: PlaceLogAsked) -> PlaceLog:
    """Asks the cluster, within 5 s; raises Refused where it answers for no pod."""
    followed, left_out = chosen_pods(place.pods, asked.names)
    since = moment_of(asked.since)
    wanted = [
        (str(pod["name"]), LogWanted(asked.container, asked.previous, MOST_LINES, _from(pod, asked, since), POD_BYTES))
        for pod in followed
    ]
    reads = live_reads.timed_logs(place.space, wanted) if wanted else ()
    now = db_now()
    said = [*_joined(followed, reads, asked, now), *_left(place, asked, now)]
    lines = [line for line in merged({read.pod: read.log for read in reads}, said) if _is_new(line, asked, since)]
    return PlaceLog(lines, _pods(followed, reads), left_out, now)


def _joined(
    followed: Sequence[Any], reads: Sequence[PodRead], asked: PlaceLogAsked, now: datetime
) -> Iterator[MergedLine]:
    """Of each pod that the reader does not have yet, where its lines are there from the first one on."""
    for pod, read in zip(followed, reads, strict=True):
        if asked.previous or read.pod in asked.known or read.log.is_cut:
            continue
        names = {"pod": short_name(read.pod), "order": short_number(str(pod.get("order") or ""))}
        joined = (
            _("pod %(pod)s of order %(order)s has joined", **names)
            if pod.get("order")
            else _("pod %(pod)s has joined", pod=names["pod"])
        )
        started = parse_datetime(str(pod.get("started_at") or ""))
        yield MergedLine(_joined_at(read, started, now), read.pod, str(joined), kind=JOINED)


def _left(place: Placement, asked: PlaceLogAsked, now: datetime) -> Iterator[MergedLine]:
    here = {str(pod["name"]) for pod in place.pods}
    for name in asked.known:
        if name not in here:
            yield MergedLine(stamp(now), name, str(_("pod %(pod)s has left", pod=short_name(name))), kind=LEFT)


def moment_of(text: str) -> datetime | None:
    """A time with its zone, in UTC; None for anything else."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found and found.tzinfo else None


def _from(pod: Any, asked: PlaceLogAsked, since: datetime | None) -> str:
    """From when on a pod is read: the whole end of one that the reader does not have yet."""
    if since is None or pod["name"] not in asked.known:
        return ""
    ten = since - timedelta(seconds=since.second % OVERLAP.seconds)
    return f"{ten:%Y-%m-%dT%H:%M:%SZ}"


def _is_new(line: MergedLine, asked: PlaceLogAsked, since: datetime | None) -> bool:
    return since is None or line.pod not in asked.known or bool(line.kind) or line.at >= stamp(since)


def _joined_at(read: PodRead, started: datetime | None, now: datetime) -> str:
    """Not after its first line: the kubelet's clock and that of the API server may differ."""
    at = stamp(started.astimezone(UTC)) if started else stamp(now)
    return min(at, read.log.times[0]) if read.log.times else at


def _pods(followed: Sequence[Any], reads: Sequence[PodRead]) -> list[dict[str, Any]]:
    colours = colours_of(followed)
    read_of = {read.pod: read for read in reads}
    return [
        {
            "name": pod["name"],
            "short_name": tail_of(str(pod["name"])),
            "order": str(pod.get("order") or ""),
            "colour": colours[str(pod["name"])],
            "state": pod_state(pod).state,
            "state_word": str(pod_state(pod).word),
            "trouble": str(read_of[str(pod["name"])].trouble),
            "is_cut": read_of[str(pod["name"])].log.is_cut,
        }
        for pod in followed
    ]


# ---------------------------------------------------------------- as one text
def plain_text(log: PlaceLog) -> str:
    """For a page without scripts: time, pod and line, safe to show."""
    return "\n".join(f"{line.at[11:19]} {tail_of(line.pod)} {visible(line.text)}" for line in log.lines)


def whole_text(place: Placement, asked: PlaceLogAsked) -> Iterator[str]:
    """All that the cluster keeps of the pods, in pieces; ends with what is not in it. Raises Refused at once."""
    followed, left_out = chosen_pods(place.pods, asked.names)
    size = WHOLE_BYTES // max(1, len(followed))
    wanted = [
        (str(pod["name"]), LogWanted(asked.container, asked.previous, WHOLE_LINES, limit_bytes=size))
        for pod in followed
    ]
    reads = live_reads.timed_logs(place.space, wanted) if wanted else ()
    return _pieces(reads, left_out)


def _pieces(reads: Sequence[PodRead], left_out: int) -> Iterator[str]:
    piece: list[str] = []
    size = 0
    for line in merged({read.pod: read.log for read in reads}):
        piece.append(f"{line.at} {line.pod} {strip_escapes(line.text)}\n")
        size += len(piece[-1])
        if size >= PIECE:
            yield "".join(piece)
            piece, size = [], 0
    yield "".join(piece) + "".join(f"# {told}\n" for told in missing_from(reads, left_out))


def missing_from(reads: Sequence[PodRead], left_out: int) -> list[MessageLike]:
    """What the reader does not have, in words."""
    troubles = [(read.pod, read.trouble) for read in reads if read.trouble]
    return _missing(troubles, [read.pod for read in reads if read.log.is_cut], left_out)


def missing_words(log: PlaceLog) -> list[MessageLike]:
    """The same of what a page shows."""
    troubles = [(pod["short_name"], pod["trouble"]) for pod in log.pods if pod["trouble"]]
    return _missing(troubles, [pod["short_name"] for pod in log.pods if pod["is_cut"]], log.left_out)


def _missing(troubles: Sequence[tuple[str, MessageLike]], cut: Sequence[str], left_out: int) -> list[MessageLike]:
    found: list[MessageLike] = [_("%(pod)s: %(why)s", pod=pod, why=why) for pod, why in troubles]
    if cut:
        found.append(_("Older lines of these pods are not here: %(pods)s.", pods=localized_list(cut)))
    if left_out:
        found.append(_("%(count)s more pods are not here: at most %(most)s are read.", count=left_out, most=MOST_PODS))
    return found


def file_name(place: Placement, names: Collection[str]) -> str:
    """``sis-omm-gw-fat.log``."""
    what = next(iter(names)) if len(names) == 1 else place.component.slug
    return f"{slugify(what)}-{place.space.environment.slug}.log"
