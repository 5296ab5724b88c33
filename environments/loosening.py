"""Which change of a rule of production loosens it, by one table: such a change needs two persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from environments.policy import APPROVERS

Judge = Callable[[Any, Any], bool]
"""From the value in force and the one wanted: does it loosen the rule?"""


def _switched_on(before: Any, after: Any) -> bool:
    return bool(after) and not before


def _switched_off(before: Any, after: Any) -> bool:
    return bool(before) and not after


def _fewer(before: Any, after: Any) -> bool:
    return int(after) < int(before)


def _longer(before: Any, after: Any) -> bool:
    """0 is for ever."""
    return bool(before) and (not after or int(after) > int(before))


def _others(before: Any, after: Any) -> bool:
    """Other roles are other people, fewer roles may leave one's friends alone: either way somebody else looks at it."""
    return (set(before) or APPROVERS) != (set(after) or APPROVERS)


def _other_groups(before: Any, after: Any) -> bool:
    """As with roles: other groups are other people, and a smaller circle may be one's friends."""
    return set(before) != set(after)


def _lower_floor(before: Any, after: Any) -> bool:
    """Empty is from 1 in production."""
    return (1 if after is None else int(after)) < (1 if before is None else int(before))


def _higher_ceiling(before: Any, after: Any) -> bool:
    """Empty is to twice each component's allocation: no number is above or below that for all of them."""
    return before != after and (before is None or after is None or int(after) > int(before))


def _another_pattern(before: Any, after: Any) -> bool:
    """No two patterns can be told wider and narrower: only the first one is certain to tighten."""
    return bool(before) and before != after


def _another(before: Any, after: Any) -> bool:
    """Of a twin also none: it takes what its sibling had, and without one what the flow brings."""
    return bool(before != after)


def _more_ways_in(before: Any, after: Any) -> bool:
    """An environment that follows none takes every built order; a further one is a further way."""
    return bool(set(after) - set(before)) or bool(before and not after)


POLICY: dict[str, Judge] = {
    "creators_may_promote": _switched_on,
    "promote_automatically": _switched_on,
    "asks_review": _switched_off,
    "approvals": _fewer,
    "approver_roles": _others,
    "approver_groups": _other_groups,
    "approvals_per_group": _fewer,
    "approval_hours": _longer,
    "approval_needs_comment": _switched_off,
    "four_eyes": _switched_off,
    "operations_only": _switched_off,
    "scale_minimum": _lower_floor,
    "scale_maximum": _higher_ceiling,
    "force_conflicts": _switched_on,
    "branch_pattern": _another_pattern,
    "change_ticket_required": _switched_off,
}
"""Of a production space. Settling, deadline and automatic roll back say how it rolls out, not what may go there."""

PLACE: dict[str, Judge] = {"cluster": _another, "namespace": _another, "is_archived": _switched_on}
"""Of a production space: its rules hold where it is, and what it leaves may be taken by a space with other rules."""

ENVIRONMENT: dict[str, Judge] = {
    "is_production": _switched_off,
    "follows": _more_ways_in,
    "twin": _another,
}
"""Of an environment that is marked as production; ``follows`` as short names, ``twin`` blank for none."""

PROJECT: dict[str, Judge] = {"change_ticket_pattern": _another_pattern}
"""Of a project with a space in production."""


WITH = {"approvals_per_group": "approver_groups"}
"""Fields that say something of another one: a change of both is one change, and waits as one."""


def loosened(table: Mapping[str, Judge], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of the fields that the change loosens, in the order of the table; fields not in ``after`` stay."""
    loose = {name for name, judge in table.items() if name in after and judge(before[name], after[name])}
    loose |= {name for name in WITH if WITH[name] in loose and name in after and before[name] != after[name]}
    return [name for name in table if name in loose]
