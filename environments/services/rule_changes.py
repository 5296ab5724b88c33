"""What loosens a rule of production, proposed by one person: nothing of it holds until a second one confirms it.

Locks: the subject (space, environment, project) first, then the rule change. Its state changes in :func:`end` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

import audit
from accounts.models import Project, User
from environments import occupancy
from environments.choices import RuleChangeState
from environments.models import Environment, RuleChange, Space
from environments.second_person import LIFETIME, waiting
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.problems import Invalid, Refused
from foundation.request_context import Actor

LONGEST_REASON = 500

Subject = Space | Environment | Project


def propose(
    *, actor: User, subject: Subject, before: Mapping[str, Any], after: Mapping[str, Any], reason: str
) -> RuleChange:
    """A rule change that waits for a second person, inside the caller's transaction, which has locked the subject.

    ``before`` and ``after``: plain values by field. The caller has asked for the right to change them. Raises Invalid
    without a reason, and Refused while another one waits or a deployment runs there.
    """
    if not reason.strip():
        message = _("This loosens a rule of production: say why, for the second person who confirms it.")
        raise Invalid({"reason": [message]}, code="rule-change-needs-reason")
    named = RuleChange.naming(subject)
    put_away(RuleChange.objects.filter(**named))
    if RuleChange.objects.filter(waiting(), **named).exists():
        message = _("A rule change waits there already: it must be confirmed, refused or withdrawn first.")
        raise Refused(message, "rule-change-waits")
    refuse_under_way(subject)
    row = RuleChange.objects.create(
        **named, before=dict(before), after=dict(after), reason=reason.strip()[:LONGEST_REASON], proposed_by=actor,
        expires_at=db_now() + LIFETIME,
    )  # fmt: skip
    audit.record_act(actor, "rule_change.proposed", row, before=row.before, after=row.after, reason=row.reason)
    return row


def refuse_under_way(subject: Subject) -> None:
    """Raises Refused while a deployment runs where the rule holds: it began under the rules in force."""
    for space in spaces_of(subject):
        if said := occupancy.what_is_under_way(space):
            raise Refused(said, "deployment-under-way")


def spaces_of(subject: Subject) -> Iterable[Space]:
    """The spaces in production that the rule holds for, in the order in which they are locked."""
    if isinstance(subject, Space):
        return [subject]
    rows = Space.objects.filter(environment__is_production=True, is_archived=False).select_related("environment")
    named = {"environment": subject} if isinstance(subject, Environment) else {"project": subject}
    return list(rows.filter(**named).order_by("pk"))


def end(
    row: RuleChange, to: RuleChangeState, *, by: Actor, person: User | None, reason: str = "", by_shell: bool = False
) -> None:
    """The one place that ends a proposal, with its audit row; ``row`` is locked and waits.

    ``person`` decided; None where the platform did, or (``by_shell``) who has a shell on one of its machines.
    """
    row.state, row.decided_by, row.decided_at = to, person, db_now()
    row.decision_reason, row.is_by_shell = reason.strip()[:LONGEST_REASON], by_shell
    row.save(update_fields=["state", "decided_by", "decided_at", "decision_reason", "is_by_shell"])
    before = row.before | {"proposed_by": row.proposed_by.username}
    decided_by = person.username if person else str(by.name)
    audit.record_act(
        by, f"rule_change.{to}", row, before=before, after=row.after | {"decided_by": decided_by},
        reason=row.decision_reason or row.reason,
    )  # fmt: skip


def put_away(rows: QuerySet[RuleChange]) -> int:
    """Ends proposals whose day is over, inside the caller's transaction; returns how many."""
    lapsed = rows.filter(state=RuleChangeState.PROPOSED, expires_at__lte=Now())
    found = list(lapsed.select_for_update(of=("self",)).select_related("proposed_by").order_by("pk"))
    for row in found:
        end(row, RuleChangeState.EXPIRED, by=audit.platform, person=None)
    return len(found)


def put_away_lapsed() -> int:
    """Ends every proposal whose day is over; who reads one meanwhile sees it as lapsed already."""
    with transaction.atomic():
        return put_away(RuleChange.objects.all())
