"""What a space asks of an order by itself, wherever that stands: its branch and its change ticket. No query."""

from __future__ import annotations

from environments.access import who_may_when_read
from environments.models import Space
from foundation import patterns
from foundation.messages import message as _
from releases.gate import Gate
from releases.models import ReleaseOrder


def branch_gate(order: ReleaseOrder, space: Space) -> Gate:
    """Its branch is one that the space takes."""
    if space.branch_pattern and not patterns.matches(space.branch_pattern, order.branch):
        message = _(
            "Branch %(branch)s may not go to %(name)s: it takes %(pattern)s only.",
            branch=order.branch,
            name=space.environment.label,
            pattern=space.branch_pattern,
        )
        return Gate("branch", False, message, who_may_when_read("edit_policy", project_id=order.project_id))
    return Gate("branch", True, _("The branch may go there."))


def ticket_gate(order: ReleaseOrder, space: Space) -> Gate:
    """It has a change ticket of the project's form, where the space asks for one."""
    if not space.change_ticket_required:
        return Gate("ticket", True, _("No change ticket is needed."))
    pattern = order.project.change_ticket_pattern
    if not order.change_ticket:
        return Gate(
            "ticket",
            False,
            _("%(name)s asks for a change ticket: repeat the order with one.", name=space.environment.label),
            who_may_when_read("create_order", project_id=order.project_id),
        )
    if pattern and not patterns.matches(pattern, order.change_ticket):
        return Gate(
            "ticket",
            False,
            _(
                "The change ticket %(ticket)s does not look like %(pattern)s.",
                ticket=order.change_ticket,
                pattern=pattern,
            ),
            who_may_when_read("create_order", project_id=order.project_id),
        )
    return Gate("ticket", True, _("Change ticket %(ticket)s.", ticket=order.change_ticket))
