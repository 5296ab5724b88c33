"""Sends one delivery to one webhook, and again after a pause that doubles, for a day at most.

Its intent is committed before it is sent, its success after: a worker that is killed in between leaves a delivery that
is sent once more, under the same number. A webhook is a remote of its own: while one is silent only probes go out to
it, and nobody else waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import override, pgettext

from deployer.adapters.pinned import pinned
from deployer.adapters.timed import timed
from deployer.errors import OutcomeUnknown, Rejected, TooLate, Unavailable
from foundation.clock import db_now
from foundation.messages import as_message, join_messages, redacted_message, verbatim
from foundation.messages import message as _
from foundation.outbound import HostUnknown, check_url
from foundation.problems import Refused
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from foundation.runs.writeback import tell_contact_is_lost
from notifications.bodies import TAKEN_BY_STATUS, Parcel, Request, request_for, why_not_taken
from notifications.masking import quoted
from notifications.models import Dispatch
from notifications.steps.attempts import GIVEN_UP_AFTER, begin_attempt, end, pause_after

MOST_COPIES = 8
"""So often it is sent without an answer: a receiver that does the work and answers too late has done it each time."""
ANSWER_SECONDS = 10.0
"""A whole request: to connect, send and hear. Well below what a pass may take, or another worker sends it again."""
MOST_READ = 4096
"""So much of an answer is read: a chat's own word fits."""
MOST_QUOTED = 200
"""So many characters of it are shown."""
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Prism4k",
    # Packed, some bytes of an answer are a thousand times as many of memory.
    "Accept-Encoding": "identity",
}
SCHEMES = ("https", "http")
"""``http`` besides only where OUTBOUND_ALLOW names it."""


@dataclass(frozen=True)
class Endpoint:
    """Where one webhook leads."""

    key: str


@dataclass(frozen=True)
class Answer:
    """``body`` is its beginning; ``is_whole`` is False where the connection or our patience ended before that did."""

    status: int
    body: bytes
    is_whole: bool


class Courier:
    """Sends requests to one webhook, to no other address than was checked."""

    def __init__(self, on_answer: Callable[[], None]) -> None:
        self._on_answer = on_answer

    def post(self, request: Request, *, deadline: Callable[[], float]) -> Answer:
        """What it answers within ``ANSWER_SECONDS``. Raises Rejected for an address that is not allowed, Unavailable,
        OutcomeUnknown, TooLate."""
        _check(request.url)
        if deadline() <= ANSWER_SECONDS:
            raise TooLate(_("It took too long to begin: nothing was sent."))
        headers = {**HEADERS, **request.headers}
        with _client(time.monotonic() + ANSWER_SECONDS) as client:
            try:
                with client.stream("POST", request.url, content=request.body, headers=headers) as answer:
                    self._on_answer()
                    return Answer(answer.status_code, *_beginning(answer))
            except httpx.InvalidURL as error:
                # It is none of its own errors: an address that was saved before it was checked so.
                raise Rejected(_("The address cannot be sent to: write it in another way.")) from error
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                raise Unavailable(_("It does not answer: %(why)s", why=verbatim(type(error).__name__))) from error
            except httpx.HTTPError as error:
                raise OutcomeUnknown(_("It gave no answer: %(why)s", why=verbatim(type(error).__name__))) from error


def connect(target: Endpoint, *, on_answer: Callable[[], None]) -> Courier:
    """For ``lease.open``: nothing is connected before something is sent."""
    return Courier(on_answer)


def step(lease: Lease) -> Outcome:
    """One attempt. Raises Unavailable, where nothing was sent: the engine asks again while the other side is away."""
    begin_attempt(lease)
    row = Dispatch.objects.select_related("webhook__project").get(pk=lease.pk)
    if row.webhook.project.is_archived or not row.webhook.is_on:
        return end(lease, RunState.CANCELLED, _("The webhook is switched off, or its project is archived."))
    if db_now() - row.due_at > GIVEN_UP_AFTER:
        return end(lease, RunState.FAILED, row.message or _("It could not be delivered within a day."))
    try:
        with lease.open(connect, Endpoint(row.webhook.key)) as courier:
            request = _request(row)
            answer = courier.post(request, deadline=lease.remaining)
        _check_whole(row, answer)
    except OutcomeUnknown as error:
        return _unanswered(lease, row, error)
    except Unavailable as error:
        lease.save(message=error.message)
        raise
    except Rejected as error:
        return end(lease, RunState.FAILED, error.message)
    return _heard(lease, row, request, answer)


def _unanswered(lease: Lease, row: Dispatch, error: OutcomeUnknown) -> Outcome:
    """Perhaps it was taken. The engine would ask at least each half minute, which is as many copies: few go out here,
    further and further apart. What is new to the webhook waits for a probe meanwhile."""
    if lease.contact.lost:
        tell_contact_is_lost(lease.contact.lost, error, was_probe=lease.is_probe)
    if row.unanswered + 1 >= MOST_COPIES:
        said = _("It was sent %(count)s times and gave no answer: it may have taken them.", count=MOST_COPIES)
        return end(lease, RunState.FAILED, join_messages(said, error.message))
    lease.save(message=error.message, unanswered=F("unanswered") + 1)
    return Again(pause_after(row.unanswered + 1))


def _check_whole(row: Dispatch, answer: Answer) -> None:
    """A chat says in the body whether it took it: without that nobody knows. Raises OutcomeUnknown."""
    if answer.status < 300 and not answer.is_whole and row.webhook.form not in TAKEN_BY_STATUS:
        raise OutcomeUnknown(_("It gave no answer: %(why)s", why=verbatim("IncompleteBody")))


def _heard(lease: Lease, row: Dispatch, request: Request, answer: Answer) -> Outcome:
    status, body = answer.status, answer.body
    said = why_not_taken(row.webhook.form, body) if status < 300 else body.decode("utf-8", "replace")
    if status < 300 and not said:
        return end(lease, RunState.SUCCEEDED, status=status)
    said = quoted(said, MOST_QUOTED, request.url, row.webhook.secret)
    message = redacted_message(_("It answered %(status)s: %(said)s", status=status, said=verbatim(said or "–")))
    if status >= 500 or status in (408, 425, 429):
        lease.save(message=message, status=status)
        return Again(pause_after(row.attempts))
    return end(lease, RunState.FAILED, message, status=status)


def _request(row: Dispatch) -> Request:
    """In the webhook's language; signed anew each time."""
    with override(row.webhook.language), timezone.override(settings.TIME_ZONE):
        parcel = Parcel(
            number=str(row.number), kind=row.kind, at=row.at, project=row.webhook.project.slug, order=row.order_number,
            component=row.component, environment=row.environment, text=str(row.text), detail=str(row.detail),
            url=f"{settings.PLATFORM_URL}{row.path}", link=pgettext("link in a chat", "Open in Prism4k"),
        )  # fmt: skip
    return request_for(row.webhook.form, row.webhook.url, row.webhook.secret, parcel, db_now())


def _check(url: str) -> None:
    try:
        check_url(url, allowed_schemes=SCHEMES)
    except HostUnknown as unknown:
        raise Unavailable(as_message(unknown.message)) from unknown
    except Refused as refusal:
        raise Rejected(as_message(refusal.message)) from refusal


@contextmanager
def _client(moment: float) -> Iterator[httpx.Client]:
    """Pinned to checked addresses, until ``moment``; follows no redirect, and heeds no proxy of the environment."""
    transport = pinned(timed(httpx.HTTPTransport(), moment))
    with httpx.Client(transport=transport, timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False) as client:
        yield client


def _beginning(answer: httpx.Response) -> tuple[bytes, bool]:
    """As much as is read of the body, and whether that came; the status is known even where it did not."""
    found = b""
    try:
        for piece in answer.iter_raw(MOST_READ):
            found += piece
            if len(found) >= MOST_READ:
                break
    except httpx.HTTPError:
        return found, False
    return found[:MOST_READ], True
