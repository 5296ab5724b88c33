"""The site's minimum for production, and whether a policy makes sense at all. Plain values in, messages out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from environments.verbs import VERBS
from foundation import patterns
from foundation.messages import MessageLike
from foundation.messages import message as _

if TYPE_CHECKING:
    # Models need the minimum of nothing here; the policy is read of one of their rows.
    from environments.models import Space

POLICY_FIELDS = (
    "creators_may_promote",
    "promote_automatically",
    "asks_review",
    "approvals",
    "approver_roles",
    "approver_groups",
    "approvals_per_group",
    "approval_hours",
    "approval_needs_comment",
    "four_eyes",
    "operations_only",
    "scale_minimum",
    "scale_maximum",
    "settle_seconds",
    "deploy_deadline_seconds",
    "force_conflicts",
    "auto_rollback",
    "branch_pattern",
    "change_ticket_required",
)
"""Columns of a space that its project administrator may change."""


@dataclass(frozen=True)
class Minimum:
    """One value that a production space never goes below: a yes that stays yes, a number that is at least so large."""

    field: str
    least: bool | int
    reason: MessageLike

    def is_kept(self, value: Any) -> bool:
        """True when the value is not below the minimum."""
        return int(value) >= int(self.least)


PRODUCTION_MINIMUM = (
    Minimum("asks_review", True, _("Nothing goes to production without a review: it stays on.")),
    Minimum("approvals", 1, _("Production needs at least one approval.")),
    Minimum("four_eyes", True, _("In production nobody deploys what they wrote or built: four eyes stay on.")),
    Minimum("operations_only", True, _("Only operations deploy to production: a grant does not reach there.")),
)
"""The site's rule. It is data of the product, not of a row, so that nobody can lower it between two releases."""

APPROVERS = frozenset(VERBS["approve"].roles)
"""Roles that the table lets approve; a space may ask for some of them only."""


def minimum_values() -> dict[str, Any]:
    """The policy fields of :data:`PRODUCTION_MINIMUM` at their least: what a new production space starts with."""
    return {rule.field: rule.least for rule in PRODUCTION_MINIMUM}


def policy_in_force(space: Space) -> dict[str, Any]:
    """Every rule that holds there at this moment, as plain values: what a deployment keeps as evidence."""
    return {name: getattr(space, name) for name in POLICY_FIELDS} | {
        "is_production": space.environment.is_production,
        "change_ticket_pattern": space.project.change_ticket_pattern,
    }


def below_minimum(policy: Mapping[str, Any], *, is_production: bool) -> dict[str, list[MessageLike]]:
    """Reasons by field where the policy is below the site's minimum; empty outside of production."""
    if not is_production:
        return {}
    return {rule.field: [rule.reason] for rule in PRODUCTION_MINIMUM if not rule.is_kept(policy[rule.field])}


def contradictions(policy: Mapping[str, Any], *, is_entry: bool) -> dict[str, list[MessageLike]]:
    """Reasons by field why the values do not go together. ``is_entry``: the environment follows none."""
    found: dict[str, list[MessageLike]] = {}
    if policy["approvals"] and not policy["asks_review"]:
        found["approvals"] = [_("An approval belongs to a review: ask for a review here, or for no approvals.")]
    if problem := _of_each_group(policy):
        found["approvals_per_group"] = [problem]
    if not set(policy["approver_roles"]) <= APPROVERS:
        found["approver_roles"] = [_("Only operations and project administrators may approve.")]
    if policy["promote_automatically"] and not is_entry:
        found["promote_automatically"] = [
            _("Only the first environment of the flow can be entered by itself: later ones need a test verdict.")
        ]
    least, most = policy["scale_minimum"], policy["scale_maximum"]
    if least is not None and most is not None and least > most:
        found["scale_maximum"] = [_("The upper bound of a scale is not below the lower one.")]
    if problem := patterns.problem_of(policy["branch_pattern"]):
        found["branch_pattern"] = [problem]
    return found


def _of_each_group(policy: Mapping[str, Any]) -> MessageLike:
    """The number of all says how many are needed at most: those of each group are among them."""
    each, groups = policy["approvals_per_group"], len(set(policy["approver_groups"]))
    if each and not groups:
        return _("Choose the groups that so many approvals are needed of.")
    if each * groups > policy["approvals"]:
        return _("%(each)s of each group are %(count)s approvals: ask for at least so many.", each=each,
                 count=each * groups)  # fmt: skip
    return ""
