"""Jenkins as the steps need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from deployer.messages import Message


@dataclass(frozen=True)
class BuildRequest:
    """What to start: ``parameters`` must hold TRIGGER_ID; they go out as a form body, never in the URL."""

    job: str
    trigger_id: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class JobFacts:
    """``parameters`` are the names that the job declares: Jenkins silently drops any other that is sent."""

    buildable: bool
    parameters: frozenset[str]
    next_number: int
    session: str


@dataclass(frozen=True)
class FoundBuild:
    """Where a trigger id was found: in the queue (``queue_id``), among the builds (``number``), or both over time."""

    queue_id: int | None
    number: int | None


@dataclass(frozen=True)
class QueueStatus:
    """A queue item now. ``number`` once it left for a build; ``cancelled``; ``why`` in Jenkins' words, and since when
    it waits, in Jenkins' milliseconds."""

    known: bool
    why: str = ""
    since_ms: int = 0
    stuck: bool = False
    cancelled: bool = False
    number: int | None = None


@dataclass(frozen=True)
class AgentWait:
    """A running build that waits for an agent: ``why`` in Jenkins' words, and since when."""

    why: str
    since_ms: int


@dataclass(frozen=True)
class BuildStatus:
    """A build now. ``result`` is final only when ``is_building`` is False."""

    number: int
    queue_id: int
    is_building: bool
    result: str | None


@dataclass(frozen=True)
class StageStatus:
    """One stage of Jenkins. ``state``: waiting, running, succeeded, failed, cancelled, skipped. Times in ms."""

    name: str
    state: str
    started_ms: int
    duration_ms: int
    message: Message | str = ""


@dataclass(frozen=True)
class BuildDetail:
    """One build's own words: ``description`` (the digest that the job reports), why it was aborted, its parameters."""

    number: int
    is_building: bool
    result: str | None
    description: str
    abort_cause: str
    parameters: Mapping[str, str]
    queue_id: int = -1


@dataclass(frozen=True)
class LogPage:
    """Console text from an offset. ``text`` has LF lines; ask again from ``next_offset``.

    ``is_complete`` when Jenkins will write no more; ``was_rewound`` when the log restarted from 0; ``has_gap`` when a
    part before ``next_offset`` was left out; ``has_rest`` when there is more than one answer holds: ask again at once.
    """

    text: str
    next_offset: int
    is_complete: bool
    was_rewound: bool = False
    has_gap: bool = False
    has_rest: bool = False


@dataclass(frozen=True)
class ServerFacts:
    """What a connection test shows."""

    version: str
    user: str
    latency_ms: int
    notes: tuple[Message, ...] = ()


class BuildServerClient(Protocol):
    """Jenkins as the steps need it."""

    def describe(self) -> ServerFacts:
        """Version and identity of the account; raises Forbidden for a bad token."""

    def job(self, job: str) -> JobFacts:
        """The job's declared parameters; raises NotFound."""

    @property
    def session(self) -> str:
        """The controller's start that the newest answer came from; another one means that it was restarted."""

    def confirm(self, job: str) -> str:
        """That the controller itself answers: it knows our account and shows it the job. Its session.

        Only then does an absence mean anything. Raises what stands in the way.
        """

    def trigger(self, request: BuildRequest, *, deadline: float) -> int:
        """Queue id of the item (an equal one already queued is returned, not doubled).

        Raises Unavailable (certainly not queued), OutcomeUnknown (perhaps queued), Rejected (Jenkins said no), TooLate.
        """

    def find(self, job: str, trigger_id: str, *, since_number: int) -> FoundBuild | None:
        """Look through queue, builds, queue again for the trigger id; None only after healthy answers."""

    def queue_item(self, queue_id: int, trigger_id: str) -> QueueStatus:
        """The item now; ``known`` False when Jenkins no longer has it (or the id now means another trigger)."""

    def builds(self, job: str) -> Mapping[int, BuildStatus]:
        """All recent builds of the job by number: one request, shared by callers within one second."""

    def agent_waits(self, job: str) -> Mapping[int, AgentWait]:
        """Running builds of the job that wait for an agent, by number: one request, shared by callers for seconds."""

    def build(self, job: str, number: int) -> BuildDetail:
        """One build with its parameters; raises NotFound."""

    def stages(self, job: str, number: int) -> tuple[StageStatus, ...]:
        """Stages entered so far, in order; () when Jenkins has no stage view."""

    def read_log(self, job: str, number: int, offset: int) -> LogPage:
        """Console text from a byte offset, at most 1 MiB."""

    def read_whole_log(self, job: str, number: int, *, deadline: float) -> Iterator[str]:
        """All of it, in pieces that end with a line; raises NotFound, and TooLate at the deadline (monotonic)."""

    def stop(self, job: str, number: int, *, level: str, deadline: float) -> None:
        """``level``: stop, term or kill. Asking is not having stopped: read again."""

    def cancel_queued(self, queue_id: int, *, deadline: float) -> bool:
        """True when the item was taken out of the queue, False when it had left already."""
