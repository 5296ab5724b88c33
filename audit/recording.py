"""Writing down what somebody did or was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from django.apps import apps
from django.utils.functional import Promise

from audit.choices import Outcome
from audit.marks import digest_of_values, new_mark
from foundation.clock import db_now
from foundation.messages import Message, MessageLike, in_english, redacted_message
from foundation.redaction import redact, redact_value
from foundation.request_context import Actor, current

if TYPE_CHECKING:
    from audit.models import AuditEvent


def record(  # noqa: PLR0913 (the columns of one row, nearly all optional)
    actor: Actor,
    verb: str,
    *,
    object_type: str,
    object_id: str | int = "",
    object_name: str = "",
    project: str = "",
    environment: str = "",
    outcome: str = Outcome.DONE,
    reason: MessageLike = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditEvent:
    """Inserts one event in the caller's transaction: it stands if and only if the act does.

    ``before`` and ``after`` hold what changed as plain JSON data (dates as text); what looks like a secret is
    masked, but do not rely on that. Request number and address come from the request context. Text that is too
    long for its column is cut. Proof has one language: messages are kept in English, a ``reason`` in parts
    besides, so that a page can show it in the reader's language. ``at``: the database's clock, where the caller has
    just read it.
    """
    context = current()
    reason_message = redacted_message(reason) if isinstance(reason, Message | Promise) else None
    values = {
        "at": at or db_now(),
        "actor_id": str(actor.id)[:64],
        "actor_name": str(actor.name)[:150],
        "verb": verb[:64],
        "object_type": object_type[:64],
        "object_id": str(object_id)[:64],
        "object_name": str(object_name)[:255],
        "project": project[:100],
        "environment": environment[:100],
        "outcome": str(outcome),
        "reason": (reason_message.in_english if reason_message else redact(str(reason)))[:500],
        "reason_message": reason_message,
        "before": None if before is None else redact_value(in_english(dict(before))),
        "after": None if after is None else redact_value(in_english(dict(after))),
        "request_number": context.number[:32],
        "address": context.address[:64],
    }
    # By name: this module is the package's face and is loaded before the models are.
    events = apps.get_model("audit", "AuditEvent")._default_manager
    event: AuditEvent = events.create(**values, mark=new_mark(digest_of_values(values)))
    return event


@dataclass(frozen=True)
class Subject:
    """What an act is about, as the audit names it; ``project`` and ``environment`` by short name, empty where none."""

    type: str
    id: str | int
    name: str
    project: str = ""
    environment: str = ""


class HasSubject(Protocol):
    """A row that people act on."""

    @property
    def audit_subject(self) -> Subject:
        """How the audit names the row."""


def record_act(
    actor: Actor,
    verb: str,
    row: HasSubject,
    *,
    environment: str = "",
    reason: MessageLike = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """One act on a row, as :func:`record` keeps it; ``environment`` where the row has none but the act does."""
    subject = row.audit_subject
    return record(
        actor,
        verb,
        object_type=subject.type,
        object_id=subject.id,
        object_name=subject.name,
        project=subject.project,
        environment=environment or subject.environment,
        reason=reason,
        before=before,
        after=after,
    )


class Platform:
    """The actor of what the product does by itself."""

    id = "platform"
    name = "Prism4k"


platform = Platform()
