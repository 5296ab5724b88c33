"""Reads of rule changes, and how pages and API show them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.text import capfirst

from accounts.models import Project, User
from environments.access import Rights, approvers_in
from environments.choices import RuleChangeState
from environments.enough import why_nobody_deploys
from environments.models import Environment, RuleChange, Space
from environments.policy import POLICY_FIELDS
from environments.second_person import is_second, waiting, who_confirms
from environments.selectors.places import policy_words
from foundation.clock import db_now
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from foundation.problems import Missing

EARLIER = 5
"""So many that have ended are shown beside the rules."""


@dataclass(frozen=True)
class RuleLine:
    """One field: its label, the value in force when it was proposed, and the one wanted."""

    name: str
    label: str
    before: MessageLike
    after: MessageLike


@dataclass(frozen=True)
class ShownRuleChange:
    """A rule change as one person sees it; ``who`` names the people who may be the second one while it waits."""

    row: RuleChange
    state: str
    lines: list[RuleLine]
    may_decide: bool = False
    may_withdraw: bool = False
    who: str = ""
    left: str = ""
    """How much of its day is left, as hours:minutes."""
    approvers: str = ""
    """Who could approve under the values that are wanted; empty where that is no question."""
    warning: MessageLike = ""
    """Why nobody could deploy under them."""

    @property
    def is_waiting(self) -> bool:
        return self.state == RuleChangeState.PROPOSED

    @property
    def word(self) -> str:
        """The state in the reader's language."""
        return str(RuleChangeState(self.state).label)

    @property
    def sign(self) -> str:
        """The badge of the state."""
        signs = {"proposed": "blocked", "in_force": "succeeded"}
        return signs.get(self.state, "cancelled")

    @property
    def environment(self) -> Environment | None:
        """Where it holds; None for a whole project."""
        return self.row.space.environment if self.row.space else self.row.environment

    @property
    def where(self) -> str:
        """``SIS-OMM · PRD``, or the project or the environment alone."""
        project = self.row.space.project if self.row.space else self.row.project
        names = [project.slug.upper() if project else "", self.environment.label if self.environment else ""]
        return " · ".join(name for name in names if name)

    @property
    def in_short(self) -> str:
        """Every field with before and after, in one line."""
        return " · ".join(f"{line.label} {line.before} → {line.after}" for line in self.lines)


def _rows() -> QuerySet[RuleChange]:
    return RuleChange.objects.select_related(
        "space__project", "space__environment", "environment", "project", "proposed_by", "decided_by"
    )


def list_rule_changes(actor: User, *, only_waiting: bool = False, rights: Rights | None = None) -> QuerySet[RuleChange]:
    """Those of the projects that the person sees and of environments, which everybody knows; newest first.

    ``rights``: the person's, where they were read already.
    """
    ids = (rights or Rights(actor)).project_ids()
    rows = _rows().order_by("-pk")
    if ids is not None:
        rows = rows.filter(Q(environment__isnull=False) | Q(space__project__in=ids) | Q(project__in=ids))
    return rows.filter(waiting()) if only_waiting else rows


def find_rule_change(actor: User, number: int) -> RuleChange:
    """One of them; raises Missing also where the person may not know of it."""
    row = list_rule_changes(actor).filter(pk=number).first()
    if row is None:
        raise Missing
    return row


def waits_for(actor: User, rights: Rights | None = None) -> list[RuleChange]:
    """What waits for this very person's word, oldest first."""
    rows = list_rule_changes(actor, only_waiting=True, rights=rights)
    return [row for row in reversed(rows) if is_second(actor, row)]


def waiting_on(actor: User, subject: Space | Environment | Project) -> ShownRuleChange | None:
    """The one that waits there, as the person sees it."""
    row = _of(subject).filter(waiting()).first()
    return shown(actor, row) if row else None


def waiting_by_space(spaces: Iterable[Space]) -> dict[int, RuleChange]:
    """What waits in these spaces, by their id."""
    return {row.space_id: row for row in _rows().filter(waiting(), space__in=list(spaces)) if row.space_id is not None}


def earlier_on(actor: User, subject: Space | Environment | Project) -> list[ShownRuleChange]:
    """The newest that have ended there."""
    return [shown(actor, row) for row in _of(subject).exclude(waiting())[:EARLIER]]


def changes_of_environments(actor: User) -> list[ShownRuleChange]:
    """Those of the flow that wait."""
    return [shown(actor, row) for row in _rows().filter(waiting(), environment__isnull=False).order_by("-pk")]


def _of(subject: Space | Environment | Project) -> QuerySet[RuleChange]:
    return _rows().filter(**RuleChange.naming(subject)).order_by("-pk")


def state_of(row: RuleChange, now: datetime | None = None) -> str:
    """Its state at this moment: a proposal is over at its minute, put away or not."""
    if row.state == RuleChangeState.PROPOSED and row.expires_at <= (now or db_now()):
        return RuleChangeState.EXPIRED
    return row.state


def shown(actor: User, row: RuleChange) -> ShownRuleChange:
    """With what this person may do about it."""
    now = db_now()
    state, lines = state_of(row, now), rule_lines(row)
    if state != RuleChangeState.PROPOSED:
        return ShownRuleChange(row, state, lines)
    minutes = int((row.expires_at - now).total_seconds()) // 60
    return ShownRuleChange(
        row, state, lines, is_second(actor, row), actor.pk == row.proposed_by_id, who_confirms(row),
        f"{minutes // 60}:{minutes % 60:02}", *_approvers_then(row),
    )  # fmt: skip


def _approvers_then(row: RuleChange) -> tuple[str, MessageLike]:
    """Names of who could approve under the values wanted, and what is wrong when they and a deployer are too few."""
    if row.space is None or not row.after.keys() <= set(POLICY_FIELDS):
        return "", ""
    space = copy(row.space)
    for name, value in row.after.items():
        setattr(space, name, value)
    if not space.approvals:
        return "", ""
    approvers = approvers_in(space)
    names = localized_list([person.shown_name for person in approvers])
    return names, why_nobody_deploys(space, approvers)


def rule_lines(row: RuleChange) -> list[RuleLine]:
    """Every field that it changes, in words."""
    model = type(row.subject)
    lines = []
    for name, after in row.after.items():
        label = str(model._meta.get_field(name).verbose_name)  # type: ignore[union-attr]  # a column of its own
        lines.append(RuleLine(name, capfirst(label), _words(name, row.before[name]), _words(name, after)))
    return lines


def _words(name: str, value: Any) -> MessageLike:
    if name == "follows":
        return ", ".join(slug.upper() for slug in value) or "–"
    if name == "twin":
        return value.upper() or "–"
    if name == "change_ticket_pattern" and not value:
        return _("any change ticket")
    return policy_words(name, value)
