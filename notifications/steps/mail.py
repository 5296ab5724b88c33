"""Sends one mail, and again after a pause that doubles, for a day at most.

Its intent is committed before it is sent, its success after: a worker that is killed in between leaves a mail that is
sent once more, with the same Message-ID. The process that takes the run over sends it, a late one writes nothing more.
Where the server has the text and says nothing, it may have taken it: such a mail is sent a few times only.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage

from accounts.models import User
from deployer.errors import DeployerError, OutcomeUnknown, Rejected, TooLate
from environments.access import Rights
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from notifications import smtp
from notifications.letters import letter
from notifications.models import Mail, Mute, Notice
from notifications.selectors.notices import own_notices
from notifications.steps.attempts import GIVEN_UP_AFTER, begin_attempt, end, pause_after

ANSWER_SECONDS = 3.0
"""For each word of the server before the text: a dozen of them leave time for the text and its answer in a step."""
MOST_UNANSWERED = 5
"""So often a mail is sent whose text got no answer: its receiver may have each of them."""
MOST_LINES = 200
"""Of one night in one mail, which says how many more are in the list."""


def step(lease: Lease) -> Outcome:
    """One attempt. Raises Unavailable: the engine asks again while the server is silent."""
    left = (lease.read().due_at - db_now()).total_seconds()
    if left > 0:
        # Woken with all others of the mail server, which is back: the night is not over.
        return Again(left)
    # From now on no notice joins it.
    begin_attempt(lease)
    mail = Mail.objects.select_related("person").get(pk=lease.pk)
    notices, more = _readable(mail)
    server = smtp.mail_server(ANSWER_SECONDS)
    if why := _why_not(mail.person, notices):
        return end(lease, RunState.CANCELLED, why)
    if server is None or db_now() - mail.due_at > GIVEN_UP_AFTER:
        return end(lease, RunState.FAILED, mail.message or _("It could not be sent within a day."))
    try:
        with lease.open(smtp.connect, server) as postman:
            return _sent(lease, mail, postman, letter(mail, notices, more))
    except Rejected as error:
        if error.reason != "later":
            return end(lease, RunState.FAILED, error.message)
        return _later(lease, mail.attempts, error)
    except TooLate as error:
        # Nothing was sent. Who has lost the lease by now writes nothing: this raises then.
        return _later(lease, mail.attempts, error)


def _sent(lease: Lease, mail: Mail, postman: smtp.Postman, text: EmailMessage) -> Outcome:
    """Caught while the server is open: one that spoke up to the text is there, and others' mails go to it as before."""
    try:
        postman.send(text, deadline=lease.remaining)
    except OutcomeUnknown as error:
        count = mail.unanswered + 1
        lease.save(unanswered=count)
        if count >= MOST_UNANSWERED:
            message = _("The mail server gave no answer to its text, %(n)s times: it may have arrived.", n=count)
            return end(lease, RunState.FAILED, message)
        return _later(lease, count, error)
    return end(lease, RunState.SUCCEEDED)


def _readable(mail: Mail) -> tuple[list[Notice], int]:
    """What its receiver may read now, of no order that they muted; of a night only what was not read meanwhile.

    And how many more there are than one mail has.
    """
    rows = own_notices(mail.person, Rights(mail.person), only_unread=mail.is_digest).filter(mail=mail)
    rows = rows.exclude(order__in=Mute.objects.filter(person=mail.person).values("order"))
    found = list(rows.order_by("pk")[:MOST_LINES])
    return found, rows.count() - len(found) if len(found) == MOST_LINES else 0


def _why_not(person: User, notices: Sequence[Notice]) -> MessageLike:
    if not person.is_active or not person.email:
        return _("Its receiver may not sign in, or has no mail address.")
    return "" if notices else _("Its receiver has read it, muted its order, or may not read it any more.")


def _later(lease: Lease, count: int, error: DeployerError) -> Outcome:
    lease.save(message=error.message)
    return Again(pause_after(count))
