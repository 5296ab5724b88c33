"""Is a rule about to change of what may go there? It stops nothing, and tells who relies on the other gates."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q, QuerySet
from django.utils.functional import lazy

from environments.models import RuleChange, Space
from environments.second_person import waiting, who_confirms
from foundation.messages import message as _
from releases.gate import Gate

_AHEAD = "_rule_changes"
_who_confirms_when_read = lazy(who_confirms, str)
"""A page has this gate once for each environment, and shows the names where it is read."""


def rule_gate(space: Space) -> Gate:
    """Open; it names the newest change that is proposed of the space, its environment or its project."""
    rows = changes_there(space)
    if not rows:
        return Gate("rule", True, _("No rule change is proposed here."))
    row = rows[0]
    message = _(
        "%(who)s has proposed a rule change (%(where)s): once confirmed, it may change these answers.",
        who=row.proposed_by.localized_name,
        where=row.audit_subject.name,
    )
    return Gate("rule", True, message, _who_confirms_when_read(row), row.proposed_at)


def changes_there(space: Space) -> list[RuleChange]:
    """What is proposed and concerns the space, the newest first."""
    ahead: list[RuleChange] | None = space.__dict__.get(_AHEAD)
    return list(_rows([space])) if ahead is None else ahead


def read_rule_changes(spaces: Sequence[Space]) -> None:
    """Read once for a page that shows several: these very objects answer from it."""
    rows = list(_rows(spaces))
    for space in spaces:
        space.__dict__[_AHEAD] = [row for row in rows if _concerns(row, space)]


def leave_out_rule_changes(spaces: Sequence[Space]) -> None:
    """For who asks of many orders whether a gate is closed, which this one never is: nothing is read for it."""
    for space in spaces:
        space.__dict__[_AHEAD] = []


def _concerns(row: RuleChange, space: Space) -> bool:
    return row.space_id == space.pk or row.environment_id == space.environment_id or row.project_id == space.project_id


def _rows(spaces: Sequence[Space]) -> QuerySet[RuleChange]:
    subject = (
        Q(space__in=[space.pk for space in spaces])
        | Q(environment__in={space.environment_id for space in spaces})
        | Q(project__in={space.project_id for space in spaces})
    )
    related = ("proposed_by", "space__project", "space__environment", "environment", "project")
    return RuleChange.objects.filter(waiting(), subject).select_related(*related).order_by("-pk")
