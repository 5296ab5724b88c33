"""The end of a log: what is stored is compared with what Jenkins has, and replaced where it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import structlog
from django.db import transaction

from deployer.errors import NoFact, NotFound, Rejected, TooLate
from deployer.interfaces import BuildServerClient
from deployer.messages import message as _
from foundation.clock import db_now
from foundation.runs.lease import Lease
from releases.events import append_event
from releases.live.notify import send_signal
from releases.logs.storage import append_log, clear_log
from releases.logs.truth import LogReader, LogSum
from releases.logs.whole import WholeLog
from releases.models import Build, LogCheck

log = structlog.get_logger(__name__)

Save = Callable[..., None]
"""Writes columns of the build, if the lease stands."""
MOST_COMPARED = 16 * 1024 * 1024
"""Bytes of a log that is read a second time before its build ends; a longer one is compared afterwards."""
MOST_AWAITED = 64 * 1024 * 1024
"""Bytes of a log with something doubtful in it for which the end waits."""
SPARE_SECONDS = 8.0
GIVEN_UP_SECONDS = 300.0
MISSED_SECONDS = 90.0
"""Two reads that miss it and lie further apart had something else between them."""
PIECE = 1_000_000
NOT_THE_LOG = _("Jenkins answers, but not with the log of this build: what was read before stays.")


def settle_log(lease: Lease, build: Build, server: BuildServerClient) -> None:
    """Once for a log that was read to its end: now, or after the end where it is long.

    Jenkins does not give a log from its middle on, and a step of a build is too short for hundreds of megabytes.
    """
    reader = LogReader.read(build.log_reader)
    most = MOST_AWAITED if reader.is_doubtful else MOST_COMPARED
    is_later = max(reader.sum.bytes, build.log_offset) > most or LogCheck.objects.filter(build=build).exists()
    if not (is_later or reader.is_checked):
        try:
            compare_log(lease, build, server, lease.save)
        except TooLate:
            is_later = True
    if is_later:
        LogCheck.objects.get_or_create(build=build)
    lease.save(log_is_complete=not LogReader.read(build.log_reader).is_doubtful)


def compare_log(lease: Lease, build: Build, server: BuildServerClient, save: Save) -> None:
    """Read it a second time, and replace it where it differs. A log that Jenkins does not give as a whole stays: read
    in pieces, it is whole as far as anybody knows. Raises NoFact where something else came in its place, and TooLate
    where there is more than there is time for."""
    reader = LogReader.read(build.log_reader)
    try:
        whole = WholeLog.of(_whole(lease, build, server))
        if whole.sum != reader.sum:
            _replace(lease, build, server, save, whole)
            reader = LogReader.read(build.log_reader)
        reader.is_doubtful = False
    except Rejected as refused:
        # A login page says nothing of the log; another no is one to this account, and will not change.
        if refused.reason == "sign_in":
            raise NoFact(refused.message) from refused
    except NotFound:
        pass
    reader.is_checked = True
    save(**_kept(build, {"log_reader": reader.as_stored(), "log_is_complete": not reader.is_doubtful}))


def is_given_up(build: Build, save: Save) -> bool:
    """Counts a read that missed the log of a build that Jenkins shows to have ended: so it is for five minutes."""
    reader, now = LogReader.read(build.log_reader), db_now().timestamp()
    if now - reader.missed_at > MISSED_SECONDS:
        reader.missed_since = now
    reader.missed_at = now
    is_whole = build.log_is_complete and not reader.is_doubtful
    save(**_kept(build, {"log_reader": reader.as_stored(), "log_is_complete": is_whole}))
    return now - reader.missed_since >= GIVEN_UP_SECONDS


def _whole(lease: Lease, build: Build, server: BuildServerClient) -> Iterator[str]:
    assert build.build_number is not None
    return iter(server.read_whole_log(build.job, build.build_number, deadline=lease.deadline - SPARE_SECONDS))


def _replace(lease: Lease, build: Build, server: BuildServerClient, save: Save, whole: WholeLog) -> None:
    """In transactions of about a megabyte: a process that dies in between leaves a log that is doubtful, and read anew.

    Viewers are told at the beginning and at the end. Raises NoFact where what came is not this log, or where the
    second read brought another text.
    """
    if not whole.is_log_of(build):
        raise NoFact(NOT_THE_LOG)
    log.info("a stored log is replaced", order=build.order_id, attempt=build.attempt, size=build.log_size)
    pieces = _whole(lease, build, server)
    held = next(pieces, "")  # before anything is taken out: a no to the question must leave what there is
    if not whole.begins_like(held):
        raise NoFact(NOT_THE_LOG)
    with transaction.atomic():
        append_event(build.order_id, "log.replaced", data={"id": build.pk, "attempt": build.attempt})
        cleared = {**clear_log(build), "log_reader": LogReader(LogSum(), {}, is_doubtful=True).as_stored()}
        save(**_kept(build, {**cleared, "log_is_complete": False}))
    for piece in pieces:
        held += piece
        if len(held) >= PIECE:
            _store(save, build, held)
            held = ""
    _store(save, build, held)
    send_signal(build.order_id)
    if LogReader.read(build.log_reader).sum != whole.sum:
        raise NoFact(NOT_THE_LOG)


def _store(save: Save, build: Build, text: str) -> None:
    """It stays doubtful until all of it is there."""
    with transaction.atomic():
        fields = append_log(build, text, is_doubtful=True)
        save(**_kept(build, fields))


def _kept(build: Build, fields: dict[str, object]) -> dict[str, object]:
    for name, value in fields.items():
        setattr(build, name, value)
    return fields
