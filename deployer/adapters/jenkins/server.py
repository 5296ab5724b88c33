"""The build server as the steps need it: every call is one to three requests, see each method."""

from __future__ import annotations

import copy
import functools
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from deployer.errors import DeployerError, Forbidden, NotFound, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import (
    AgentWait,
    BuildDetail,
    BuildRequest,
    BuildServerTarget,
    BuildStatus,
    FoundBuild,
    JobFacts,
    LogPage,
    OnAnswer,
    QueueStatus,
    ServerFacts,
    StageStatus,
)
from deployer.messages import Message
from deployer.messages import message as _

from . import shapes
from .jobs import JobAdministration
from .wire import (
    SIGN_IN,
    Answer,
    Wire,
    asks_for_sign_in,
    begins_as_page,
    forget_after_fork,
    healthy,
    job_path,
    refusal,
    session_of,
)

MOST_JOBS = 64
T = TypeVar("T")


@dataclass
class _Slot(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: float = float("-inf")
    ended: float = float("-inf")
    answers: T | None = None
    error: DeployerError | None = None


class SharedReads(Generic[T]):
    """Answers of ``read(key)`` no older than ``seconds``, counted from when it was asked; errors are shared too, so
    that a hung Jenkins holds each waiting thread once and not one after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot[T]] = OrderedDict()

    def get(self, key: str, read: Callable[[], T]) -> T:
        """The shared answer, or a new one; raises what ``read`` raises."""
        arrived = time.monotonic()
        slot = self._slot(key)
        with slot.lock:
            has_failed_meanwhile = slot.error is not None and slot.ended >= arrived
            if slot.asked < arrived - self._seconds and not has_failed_meanwhile:
                self._refresh(slot, read)
            if slot.error is not None:
                raise copy.copy(slot.error)
            assert slot.answers is not None
            return slot.answers

    def _slot(self, key: str) -> _Slot[T]:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > MOST_JOBS:
                self._slots.popitem(last=False)
            return slot

    def _refresh(self, slot: _Slot[T], read: Callable[[], T]) -> None:
        slot.asked = time.monotonic()
        try:
            slot.answers, slot.error = read(), None
        except DeployerError as exc:
            slot.error = exc
        slot.ended = time.monotonic()


MOST_LOG_BYTES = 1024 * 1024
MOST_CACHED = 64
SHARED_SECONDS = 1.0
WAITS_SECONDS = 3.0
STOP_LEVELS = ("stop", "term", "kill")
CONTROL_NAMES = frozenset({"delay", "token", "cause", "json", "Jenkins-Crumb"})
_BUILD_TREE = "number,queueId,building,result"
_NEWEST = 100  # `builds` holds no more, and asking for them all (`allBuilds`) reads every build.xml from disk


class JenkinsBuildServer(JobAdministration):
    """:class:`deployer.interfaces.BuildServerClient` for one controller and account. Thread-safe; make it by
    :func:`connect`, after a fork, never before."""

    def __init__(self, target: BuildServerTarget) -> None:
        # A bare number would be milliseconds. TRIGGER_ID keeps the items of two attempts apart, so no period is needed
        # for that: it is for the POST that a proxy repeats by itself, which then meets the waiting item (303).
        self._delay = f"{int(target.quiet_period_seconds)}sec"
        self._wire = Wire(target)
        self._reads: SharedReads[Mapping[int, BuildStatus]] = SharedReads(SHARED_SECONDS)
        self._waits: SharedReads[Mapping[int, AgentWait]] = SharedReads(WAITS_SECONDS)

    def heard_by(self, on_answer: OnAnswer) -> JenkinsBuildServer:
        """The same client over the same connections, which tells of each answer that its own calls got.

        An answer of ``builds`` that another thread asked for is told to that one.
        """
        view = copy.copy(self)
        view._wire = self._wire.heard_by(on_answer)
        return view

    @property
    def session(self) -> str:
        """``X-Jenkins-Session`` of the newest answer; empty where a proxy takes it away."""
        return self._wire.known.session_id

    # ------------------------------------------------------------ reads
    def confirm(self, job: str) -> str:
        """Two requests. A login page, an anonymous answer and another web server do not pass."""
        account = self.describe().user
        if not account or account == "anonymous":
            raise Forbidden(SIGN_IN, reason="sign_in")
        return self.job(job).session

    def describe(self) -> ServerFacts:
        """Version and identity of the account; raises Forbidden for a bad token."""
        started = time.monotonic()
        answer = self._wire.get("me/api/json", query={"depth": "0"})
        latency = int((time.monotonic() - started) * 1000)
        bean = healthy(answer, _("this account")).json()
        notes = () if "X-Jenkins" in answer.headers else (_("Jenkins does not say which version it is."),)
        return ServerFacts(self._wire.known.version, shapes.plain_text(bean.get("id"), 200), latency, notes)

    def job(self, job: str) -> JobFacts:
        """The job's declared parameters; raises NotFound."""
        tree = "buildable,nextBuildNumber,property[parameterDefinitions[name,type]]"
        answer = self._get(f"{job_path(job)}api/json", _("job %(job)s", job=job), {"tree": tree})
        return shapes.job_facts(answer.json(), session_of(answer, self._wire.known.session_id))

    def find(self, job: str, trigger_id: str, *, since_number: int) -> FoundBuild | None:
        """Queue, builds, queue again: an item that leaves the queue between two reads is a build by the second,
        and one that comes into it after the first read is there at the third. Raises NotFound for the job."""
        return (
            self._find_queued(trigger_id)
            or self._find_build(job, trigger_id, since_number)
            or self._find_queued(trigger_id)
        )

    def queue_item(self, queue_id: int, trigger_id: str) -> QueueStatus:
        """The item now. Queue ids repeat after a crash of Jenkins, hence the trigger id."""
        tree = "id,why,stuck,inQueueSince,cancelled,executable[number],actions[parameters[name,value]]"
        try:
            answer = self._get(
                f"queue/item/{int(queue_id)}/api/json", _("queue item %(number)s", number=queue_id), {"tree": tree}
            )
        except NotFound:
            return QueueStatus(known=False)
        bean = answer.json()
        if shapes.whole(bean.get("id")) is None:
            raise Unavailable(shapes.NOT_JENKINS)
        return shapes.queue_item_status(bean) if shapes.has_trigger(bean, trigger_id) else QueueStatus(known=False)

    def builds(self, job: str) -> Mapping[int, BuildStatus]:
        """The newest 100 builds by number, no older than a second; one request for all threads."""
        return self._reads.get(job, lambda: self._read_builds(job))

    def agent_waits(self, job: str) -> Mapping[int, AgentWait]:
        """The items of ``node`` steps, no older than three seconds; one request for all threads."""
        return self._waits.get(job, lambda: self._read_waits(job))

    def build(self, job: str, number: int) -> BuildDetail:
        """One build with its parameters; raises NotFound."""
        tree = f"{_BUILD_TREE},description,actions[parameters[name,value],causes[shortDescription]]"
        answer = self._get(
            f"{_build_path(job, number)}api/json",
            _("build %(number)s of %(job)s", number=number, job=job),
            {"tree": tree},
        )
        return shapes.build_detail(answer.json())

    def stages(self, job: str, number: int) -> tuple[StageStatus, ...]:
        """Stages entered so far; () when Jenkins has no stage view (or no such build), or its plugin fails over it.

        A proxy's errors, and those of a controller that starts, are 502 to 504: they say nothing of the plugin.
        """
        answer = self._wire.get(f"{_build_path(job, number)}wfapi/describe")
        if answer.status in (404, 500):
            return ()
        what = _("stages of build %(number)s of %(job)s", number=number, job=job)
        return shapes.stage_statuses(healthy(answer, what).json())

    def read_log(self, job: str, number: int, offset: int) -> LogPage:
        """Console text from a byte offset of Jenkins' file, 1 MiB at most; raises NotFound."""
        if not self._wire.known.version:
            self.describe()  # how an offset goes on depends on the version, which log answers do not carry
        is_legacy = shapes.is_legacy_log(self._wire.known.version)
        path = f"{_build_path(job, number)}logText/progressiveText"
        query = {"start": str(max(0, int(offset)))}
        # Of the older ones' answer, which cannot be gone on with, a longer part is read for its end.
        limit = 2 * MOST_LOG_BYTES if is_legacy else MOST_LOG_BYTES
        answer = healthy(
            self._wire.get(path, query=query, limit=limit),
            _("log of build %(number)s of %(job)s", number=number, job=job),
        )
        page = shapes.legacy_log_page if is_legacy else shapes.log_page
        return page(
            answer.body,
            is_cut=answer.is_cut,
            offset=max(0, int(offset)),
            size=shapes.text_size(answer.headers),
            has_more=answer.headers.get("X-More-Data", "") == "true",
            most=MOST_LOG_BYTES,
        )

    def read_whole_log(self, job: str, number: int, *, deadline: float) -> Iterator[str]:
        """``consoleText`` as a stream: it is never in memory as a whole."""
        what = _("log of build %(number)s of %(job)s", number=number, job=job)
        with self._wire.stream(f"{_build_path(job, number)}consoleText", deadline=deadline) as (answer, chunks):
            kind = healthy(answer, what).headers.get("Content-Type", "").lower()
            if (kind and not kind.startswith("text/plain")) or begins_as_page(answer):
                raise Unavailable(shapes.NOT_JENKINS)
            yield from shapes.whole_log(chunks)

    # ------------------------------------------------------------ writes
    def trigger(self, request: BuildRequest, *, deadline: float) -> int:
        """Queue a build. 201 is a new item, 303 an equal one that still waits; the id is the end of Location."""
        if request.parameters.get("TRIGGER_ID") != request.trigger_id or CONTROL_NAMES & set(request.parameters):
            raise Rejected(_("The parameters of this build are wrong: TRIGGER_ID is missing, or a name is reserved."))
        form = {**request.parameters, "delay": self._delay}
        answer = self._wire.post(f"{job_path(request.job)}buildWithParameters", form=form, deadline=deadline)
        if answer.status in (201, 303):
            match = re.search(r"/queue/item/([0-9]{1,15})/?$", answer.headers.get("Location", ""))
            if match is None and asks_for_sign_in(answer):
                raise Forbidden(SIGN_IN, reason="sign_in")
            if match is None:
                raise _no_item(answer)
            return int(match.group(1))
        raise _trigger_refusal(request.job, answer)

    def stop(self, job: str, number: int, *, level: str, deadline: float) -> None:
        """Ask for the end of a build. Jenkins answers 302 in any case; raises NotFound, Forbidden."""
        if level not in STOP_LEVELS:
            raise ValueError(f"level is one of {', '.join(STOP_LEVELS)}")
        answer = self._wire.post(f"{_build_path(job, number)}{level}", form={}, deadline=deadline)
        if answer.status not in (200, 204, 302, 303) or asks_for_sign_in(answer):
            raise refusal(answer, _("build %(number)s of %(job)s", number=number, job=job), is_write=True)

    def cancel_queued(self, queue_id: int, *, deadline: float) -> bool:
        """204: taken out. 404: it had left already."""
        answer = self._wire.post(f"queue/cancelItem?id={int(queue_id)}", form={}, deadline=deadline)
        if answer.status in (204, 302) and not asks_for_sign_in(answer):  # 302 before Jenkins 2.211
            return True
        if answer.status == 404:
            return False
        if answer.status == 422:
            raise Rejected(
                _("Jenkins does not allow the platform's account to cancel queued builds."), reason="permission"
            )
        raise refusal(answer, _("queue item %(number)s", number=queue_id), is_write=True)

    # ------------------------------------------------------------ parts
    def _get(self, path: str, what: Message, query: Mapping[str, str] | None = None) -> Answer:
        return healthy(self._wire.get(path, query=query), what)

    def _read_builds(self, job: str) -> Mapping[int, BuildStatus]:
        query = {"tree": f"builds[{_BUILD_TREE}]{{0,{_NEWEST}}}"}
        return shapes.build_statuses(self._get(f"{job_path(job)}api/json", _("job %(job)s", job=job), query).json())

    def _read_waits(self, job: str) -> Mapping[int, AgentWait]:
        tree = "items[why,inQueueSince,task[url]]"
        return shapes.agent_waits(self._get("queue/api/json", _("queue"), {"tree": tree}).json(), job_path(job))

    def _find_queued(self, trigger_id: str) -> FoundBuild | None:
        tree = "items[id,task[name],actions[parameters[name,value]]]"
        bean = self._get("queue/api/json", _("queue"), {"tree": tree}).json()
        for item in shapes.listed(bean, "items"):
            queue_id = shapes.whole(item.get("id"))
            if queue_id is not None and shapes.has_trigger(item, trigger_id):
                return FoundBuild(queue_id=queue_id, number=None)
        return None

    def _find_build(self, job: str, trigger_id: str, since_number: int) -> FoundBuild | None:
        """Parameters carry whole templates, so no more builds are asked for than can be meant."""
        next_number = self.job(job).next_number
        # A number that went down means a job made anew: then any of its builds may be ours.
        many = next_number - since_number + 5 if next_number >= since_number else next_number + 5
        name = "builds" if many <= _NEWEST else "allBuilds"
        tree = f"{name}[{_BUILD_TREE},actions[parameters[name,value]]]{{0,{many}}}"
        bean = self._get(f"{job_path(job)}api/json", _("job %(job)s", job=job), {"tree": tree}).json()
        found = [one for one in shapes.listed(bean, name) if shapes.has_trigger(one, trigger_id)]
        first = shapes.first_number(found)
        if first is None:
            return None
        build = shapes.build_status(first)
        return FoundBuild(queue_id=build.queue_id if build.queue_id >= 0 else None, number=build.number)


def _build_path(job: str, number: int) -> str:
    return f"{job_path(job)}{int(number)}/"


def _no_item(answer: Answer) -> Exception:
    """201 or 303 that does not lead to a queue item: a proxy's, or Jenkins' with a changed Location."""
    return refusal(Answer(502, answer.headers, answer.body), _("queue item"), is_write=True)


def _trigger_refusal(job: str, answer: Answer) -> Exception:
    """Jenkins' own no to buildWithParameters; where nothing says that it was not queued, OutcomeUnknown."""
    if asks_for_sign_in(answer):
        return Forbidden(SIGN_IN, reason="sign_in")
    if answer.status < 300:
        # Something answered that is neither Jenkins' yes nor its no: whether the request went on to it, nobody knows.
        return OutcomeUnknown(shapes.NOT_JENKINS)
    refused = {
        302: ("vetoed", _("Jenkins did not queue a build of %(job)s: the job may be about to be deleted.", job=job)),
        400: ("not_parameterised", _("The Jenkins job %(job)s declares no parameters.", job=job)),
        404: (
            "no_job",
            _("Jenkins has no %(what)s, or the platform's account may not see it.", what=_("job %(job)s", job=job)),
        ),
        405: ("not_post", _("Jenkins, or a proxy before it, does not accept the request (POST).")),
        409: ("disabled", _("The Jenkins job %(job)s is disabled.", job=job)),
        413: ("too_large", _("The parameters are larger than Jenkins, or a proxy before it, accepts.")),
        414: ("too_large", _("The request's headers are larger than Jenkins accepts.")),
        431: ("too_large", _("The request's headers are larger than Jenkins accepts.")),
    }
    if answer.status in refused:
        reason, message = refused[answer.status]
        return Rejected(message, reason=reason)
    return refusal(answer, _("job %(job)s", job=job), is_write=True)


class _Cache:
    """Clients by target. Replaced as a whole after a fork: lock and sessions belong to the parent."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.make = functools.lru_cache(maxsize=MOST_CACHED)(JenkinsBuildServer)


_cache = _Cache()


def connect(target: BuildServerTarget, *, on_answer: OnAnswer | None = None) -> JenkinsBuildServer:
    """The client of this target: one per target and process, the 64 last used are kept.

    With ``on_answer`` a view of it that tells of each answer.
    """
    with _cache.lock:
        client = _cache.make(target)
    return client if on_answer is None else client.heard_by(on_answer)


def _start_anew() -> None:
    global _cache
    _cache = _Cache()


forget_after_fork(_start_anew)
