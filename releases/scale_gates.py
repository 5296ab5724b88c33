"""May what runs there have so many replicas now? Inside the space's bounds alone, outside with a second person."""

from __future__ import annotations

from accounts.models import User
from environments.models import Space
from environments.needed import Needed, needed_in
from foundation.messages import message as _
from releases import gates, selectors
from releases.approval_gates import agreement, fair_approvers, four_eyes_gates, rejected
from releases.choices import ApprovalState
from releases.gate import Gate
from releases.models import Approval, Deployment, ScaleRequest
from releases.scale_requests import request_for, used_request
from releases.scaling import bounds_of, needs_second


def scale_gates(
    space: Space, good: Deployment, replicas: int, *, deployer: User | None, own: Deployment | None = None
) -> list[Gate]:
    """What must hold before ``good``, which succeeded there last, gets so many. ``own``: the scale that asks."""
    assert good.snapshot is not None
    again = gates.again_gates(good.order, space, snapshot=good.snapshot, deployer=None, own=own)
    bounds = bounds_of(space, good.snapshot).words
    if not needs_second(space, good, replicas):
        return [*again, Gate("bounds", True, _("So many pods need no approval here: %(bounds)s.", bounds=bounds))]
    found = used_request(own, good, replicas) if own else request_for(good, replicas)
    if found is None:
        message = _(
            "Without an approval %(name)s takes %(bounds)s pods: ask for one, with a reason.",
            name=space.environment.label,
            bounds=bounds,
        )
        who = fair_approvers(good.order, space, but=deployer.pk if deployer else None)
        return [*again, Gate("bounds", False, message, who), *four_eyes_gates(good.order, space, deployer)]
    return [*again, *request_gates(found, deployer), *four_eyes_gates(good.order, space, deployer)]


def request_gates(row: ScaleRequest, deployer: User | None) -> list[Gate]:
    """That it was asked for, and whether enough people agree, by today's policy."""
    message = _("%(who)s asked for %(count)s pods: %(why)s", who=row.asked_by.localized_name, count=row.replicas,
                why=row.reason)  # fmt: skip
    found = [Gate("bounds", True, message, since=row.created_at)]
    words = Approval.objects.filter(scale_request=row)
    no = words.filter(state=ApprovalState.REJECTED).select_related("by").first()
    if no:
        found.append(rejected(no))
    given = selectors.decisions_in_force(words)
    needed = needed_for_scale(row.space)
    return [*found, agreement(row.order, row.space, given, deployer, needed=needed, asked_by=row.asked_by_id)]


def needed_for_scale(space: Space) -> Needed:
    """As for a deployment there, and one approval where that needs none."""
    return needed_in(space, least=1)
