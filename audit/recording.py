"""Writing down what somebody did or was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.utils.functional import Promise

from audit.choices import Outcome
from foundation.problems import Sentence
from foundation.redaction import redact, redact_value
from foundation.request_context import Actor, current
from foundation.sentences import in_english, redacted

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
    reason: Sentence = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Inserts one event in the caller's transaction: it stands if and only if the act does.

    ``before`` and ``after`` hold what changed as plain JSON data (dates as text); what looks like a secret is
    masked, but do not rely on that. Request number and address come from the request context. Text that is too
    long for its column is cut. Proof has one language: sentences of ours are kept in English, a ``reason`` in parts
    besides, so that a page can say it in the reader's language.
    """
    context = current()
    sentence = redacted(reason) if isinstance(reason, Promise) else None
    # By name: this module is the package's face and is loaded before the models are.
    events = apps.get_model("audit", "AuditEvent")._default_manager
    event: AuditEvent = events.create(
        actor_id=str(actor.id)[:64],
        actor_name=str(actor.name)[:150],
        verb=verb[:64],
        object_type=object_type[:64],
        object_id=str(object_id)[:64],
        object_name=object_name[:255],
        project=project[:100],
        environment=environment[:100],
        outcome=outcome,
        reason=(sentence.in_english if sentence else redact(str(reason)))[:500],
        sentence=sentence,
        before=None if before is None else redact_value(in_english(dict(before))),
        after=None if after is None else redact_value(in_english(dict(after))),
        request_number=context.number[:32],
        address=context.address[:64],
    )
    return event


class Platform:
    """The actor of what the product does by itself."""

    id = "platform"
    name = "Prism4k"


platform = Platform()
