"""Jenkins' JSON read into our frozen shapes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from deployer.errors import Unavailable
from deployer.interfaces import AgentWait, BuildDetail, BuildStatus, JobFacts, LogPage, QueueStatus, StageStatus
from deployer.messages import Message
from deployer.messages import message as _

Bean = Mapping[str, Any]
NOTE = re.compile(rb"\x1b\[8mha:.*?\x1b\[0m", re.DOTALL)
_LONGEST_LINE = 1024 * 1024
_REST_BYTES = 65_536
"""What is being written while an answer comes is no rest: it comes with the next one."""
_LONGEST_TEXT = 2000
_MOST_STAGES = 500
_MOST_NUMBER = 2**31 - 1
_LAST_MOMENT = 253_402_300_799_999
"""Milliseconds to the end of the year 9999."""
_NOTE_START = b"\x1b[8mha:"
NOT_JENKINS = _("The address of Jenkins answers, but not with the API of Jenkins.")
POST_ACTIONS = "Declarative: Post Actions"
_STATES = {
    "NOT_EXECUTED": "skipped",
    "ABORTED": "cancelled",
    "SUCCESS": "succeeded",
    "IN_PROGRESS": "running",
    "PAUSED_PENDING_INPUT": "waiting",
    "FAILED": "failed",
    "UNSTABLE": "failed",
}


def beans(value: Any) -> list[Bean]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def whole(value: Any, most: int = 2**53) -> int | None:
    """A number of Jenkins that a column holds; None for anything else."""
    is_one = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if is_one else None


def plain_text(value: Any, most: int = _LONGEST_TEXT) -> str:
    """Words of Jenkins that a column holds: without NUL and halves of characters, and not without end."""
    return "" if value is None else str(value)[:most].replace("\0", "").encode("utf-8", "replace").decode()


def _time(value: Any) -> int:
    return whole(value, _LAST_MOMENT) or 0


def _number(bean: Bean) -> int:
    value = whole(bean.get("number"), _MOST_NUMBER)
    if not value:
        raise Unavailable(NOT_JENKINS)
    return value


def parameters(actions: Any) -> dict[str, str]:
    """Names and values of a build's or queue item's parameters; a hidden value (a password) is ''."""
    found: dict[str, str] = {}
    for action in beans(actions):
        for parameter in beans(action.get("parameters")):
            value = parameter.get("value")
            found[str(parameter.get("name", ""))] = "" if value is None else str(value)
    return found


def listed(bean: Bean, name: str) -> list[Bean]:
    """A list that Jenkins has in its answer also when it is empty: where it is missing, something else answered."""
    value = bean.get(name)
    if not isinstance(value, list):
        raise Unavailable(NOT_JENKINS)
    return beans(value)


def job_facts(bean: Bean, session: str) -> JobFacts:
    """A job: which parameters it declares."""
    if "_class" not in bean and "nextBuildNumber" not in bean:
        raise Unavailable(NOT_JENKINS)
    names = [
        str(definition.get("name", ""))
        for prop in beans(bean.get("property"))
        for definition in beans(prop.get("parameterDefinitions"))
    ]
    return JobFacts(
        buildable=bool(bean.get("buildable")),
        parameters=frozenset(names),
        next_number=whole(bean.get("nextBuildNumber"), _MOST_NUMBER) or 1,
        session=session,
    )


def queue_item_status(bean: Bean) -> QueueStatus:
    """A queue item that is known."""
    executable = bean.get("executable")
    return QueueStatus(
        known=True,
        why=plain_text(bean.get("why")),
        since_ms=_time(bean.get("inQueueSince")),
        stuck=bool(bean.get("stuck")),
        cancelled=bool(bean.get("cancelled")),
        number=_number(executable) if isinstance(executable, dict) else None,
    )


def agent_waits(bean: Bean, job_path: str) -> dict[int, AgentWait]:
    """Of everything that is queued, what belongs to a running build: its task's address is the build's.

    Of several branches that wait, the one that has waited longest.
    """
    found: dict[int, AgentWait] = {}
    # Unquoted: Jenkins and this product need not quote the same characters (c++).
    at_build = re.compile(rf"{re.escape(unquote(job_path))}([0-9]{{1,10}})/")
    for item in listed(bean, "items"):
        task = item.get("task")
        url = unquote(str(task.get("url") or "")) if isinstance(task, dict) else ""
        # Jenkins' own address may have a path of its own; the folders of a job are part of its path.
        match = at_build.fullmatch(url if url.startswith("job/") else "job/" + url.partition("/job/")[2])
        if match is None:
            continue
        wait = AgentWait(plain_text(item.get("why")), _time(item.get("inQueueSince")))
        number = int(match.group(1))
        found[number] = min(found.get(number, wait), wait, key=lambda one: one.since_ms)
    return found


def build_statuses(bean: Bean) -> dict[int, BuildStatus]:
    """All builds that a job shows, by number."""
    builds = (build_status(build) for build in listed(bean, "builds"))
    return {build.number: build for build in builds}


def build_status(bean: Bean) -> BuildStatus:
    """One build. Jenkins may carry a result while it still builds: only ``is_building`` False makes it final."""
    return BuildStatus(
        number=_number(bean),
        queue_id=whole(bean.get("queueId")) or -1,
        is_building=bool(bean.get("building")),
        result=_result(bean),
    )


def _result(bean: Bean) -> str | None:
    value = bean.get("result")
    return plain_text(value, 20) if isinstance(value, str) else None


def build_detail(bean: Bean) -> BuildDetail:
    """One build with why it was aborted: a person, a timeout, a lost node."""
    causes = [
        plain_text(cause.get("shortDescription"))
        for action in beans(bean.get("actions"))
        if str(action.get("_class", "")).endswith("InterruptedBuildAction")
        for cause in beans(action.get("causes"))
    ]
    return BuildDetail(
        number=_number(bean),
        is_building=bool(bean.get("building")),
        result=_result(bean),
        description=plain_text(bean.get("description")),
        abort_cause="; ".join(cause for cause in causes if cause),
        parameters=parameters(bean.get("actions")),
        queue_id=whole(bean.get("queueId")) or -1,
    )


def stage_statuses(bean: Bean) -> tuple[StageStatus, ...]:
    """The stages entered so far.

    In a declarative pipeline every stage after the failing one is entered and shows FAILED for some milliseconds
    (``ModelInterpreter.evaluateStage``): the first FAILED is the culprit, later ones were skipped. The last stage shows
    the result of the run and not its own (``StatusAndTiming.computeChunkStatus2``).
    """
    found: list[StageStatus] = []
    stages = beans(bean.get("stages"))[:_MOST_STAGES]
    for place, stage in enumerate(stages):
        before = [str(one.get("status", "")) for one in stages[:place]]
        found.append(_stage_status(stage, _stage_state(stage, before, is_last=place == len(stages) - 1)))
    return tuple(found)


def _stage_state(stage: Bean, before: list[str], *, is_last: bool) -> str:
    status = str(stage.get("status", ""))
    is_own = status not in before or isinstance(stage.get("error"), dict)
    if status in ("FAILED", "UNSTABLE", "ABORTED") and not is_own:
        if str(stage.get("name", "")) == POST_ACTIONS:
            return "succeeded"  # it runs after every build, and its own error would be named
        if status == "UNSTABLE" and is_last:
            return "succeeded"
    if status == "FAILED" and "FAILED" in before:
        return "skipped"
    return _STATES.get(status, "running")


def _stage_status(stage: Bean, state: str) -> StageStatus:
    error = stage.get("error")
    message: Message | str = plain_text(error.get("message")) if isinstance(error, dict) and state == "failed" else ""
    if stage.get("status") == "UNSTABLE" and state == "failed":
        message = message or _("unstable")
    return StageStatus(
        name=plain_text(stage.get("name"), 200),
        state=state,
        started_ms=_time(stage.get("startTimeMillis")),
        duration_ms=_time(stage.get("durationMillis")),
        message=message,
    )


def text_size(headers: Mapping[str, str]) -> int:
    """X-Text-Size; raises Unavailable without it: then it was not Jenkins that answered."""
    value = headers.get("X-Text-Size", "")
    if not re.fullmatch("[0-9]{1,18}", value):
        raise Unavailable(NOT_JENKINS)
    return int(value)


def is_legacy_log(version: str) -> bool:
    """True before 2.509: there X-Text-Size is where the body ends and console notes are stripped by Jenkins."""
    match = re.match(r"([0-9]{1,6})\.([0-9]{1,6})", version)
    return match is not None and (int(match.group(1)), int(match.group(2))) < (2, 509)


def log_text(body: bytes) -> str:
    """Lines as people read them: no console notes, LF only."""
    text = NOTE.sub(b"", body).decode("utf-8", "replace")
    return re.sub(r"\r*\n", "\n", text).replace("\r", "\n")


def whole_lines(body: bytes) -> bytes:
    """A cut body up to its last line break; without one, up to the last whole note and whole character."""
    end = body.rfind(b"\n") + 1
    if end:
        return body[:end]
    note = body.rfind(_NOTE_START)
    if note > 0 and NOTE.match(body, note) is None:
        return body[:note]
    escape = body.rfind(b"\x1b")
    if escape > 0 and _NOTE_START.startswith(body[escape:]):
        return body[:escape]
    cut = len(body)
    while cut and body[cut - 1] & 0xC0 == 0x80:
        cut -= 1
    is_lead = cut > 0 and body[cut - 1] >= 0xC0
    return body[: cut - 1] if is_lead else body


def whole_log(chunks: Iterable[bytes]) -> Iterator[str]:
    """The same text from a stream of bytes: cut behind lines, so that notes and characters stay whole."""
    held = b""
    for chunk in chunks:
        held += chunk
        if b"\n" in chunk or len(held) > _LONGEST_LINE:
            ready = whole_lines(held)
            held = held[len(ready) :]
            yield log_text(ready)
    if held:
        yield log_text(held)


def log_page(body: bytes, *, is_cut: bool, offset: int, size: int, has_more: bool, most: int) -> LogPage:
    """A piece of the log of Jenkins 2.509 or later.

    While the log is open, X-Text-Size is the length of the file although the body ends at a line break or after
    10,000 lines: going on from there loses text. So the next offset is counted from what came: the file has LF
    where the body has CRLF, and both have the console notes.
    """
    was_rewound = size < offset
    start = 0 if was_rewound else offset
    if is_cut or len(body) > most:
        body, is_cut = whole_lines(body[:most]), True
    elif has_more:
        # Jenkins ends at a line break; where something else cut it, the line comes as a whole next time.
        body = body[: body.rfind(b"\n") + 1]
    if is_cut or has_more:
        following = start + len(body.replace(b"\r\n", b"\n"))
    else:
        following = size
    has_rest = bool(body) and (is_cut or size - following >= _REST_BYTES)
    is_complete = not (has_more or is_cut)
    return LogPage(log_text(body), following, is_complete, was_rewound=was_rewound, has_rest=has_rest)


def legacy_log_page(body: bytes, *, is_cut: bool, offset: int, size: int, has_more: bool, most: int) -> LogPage:
    """A piece of the log before 2.509: only X-Text-Size says where to go on.

    The middle of a long piece is left out for the time being: the whole log is read once it has ended.
    """
    has_gap = is_cut or len(body) > most
    if has_gap:
        head, tail = body[: most * 3 // 4], body[-most // 4 :]
        left_out = len(body) - len(head) - len(tail)
        note = f"\n[… {'more than ' if is_cut else ''}{left_out} bytes left out here; Jenkins has them …]\n"
        text = log_text(whole_lines(head)) + note + log_text(tail[tail.find(b"\n") + 1 :])
    else:
        text = log_text(body)
    return LogPage(text, size, is_complete=not has_more, was_rewound=size < offset, has_gap=has_gap)


def has_trigger(bean: Bean, trigger_id: str) -> bool:
    """True when the build or queue item was started with this trigger id."""
    return parameters(bean.get("actions")).get("TRIGGER_ID") == trigger_id


def first_number(builds: Iterable[Bean]) -> Bean | None:
    """Of several builds of one trigger, the one that counts: the lowest number."""
    return min(builds, key=_number, default=None)
