"""May what runs there have so many replicas now? Inside the space's bounds alone, outside with a second person."""

from __future__ import annotations

from accounts.models import User
from deployer.manifests import autoscaled, bounds_in
from environments.access import who_may
from environments.models import Space
from environments.needed import Needed, needed_in
from foundation.messages import message as _
from releases import scaling, selectors
from releases.approval_gates import agreement, fair_approvers, four_eyes_gates, rejected
from releases.choices import ApprovalState
from releases.gate import Gate
from releases.models import Approval, Deployment, Placement, ScaleRequest
from releases.place_gates import restart_gates
from releases.scale_requests import request_for, used_request
from releases.scaling import bounds_of, needs_second


def scale_gates(
    place: Placement,
    good: Deployment | None,
    replicas: int,
    *,
    deployer: User | None,
    own: Deployment | None = None,
) -> list[Gate]:
    """What must hold before ``good``, which succeeded there last, gets so many pods. ``own``: the scale that asks."""
    found = restart_gates(place, good, own=own)
    if good is None or good.snapshot is None:
        return found
    found += _number_gates(place, good, replicas)
    if not needs_second(place.space, good, replicas):
        bounds = bounds_of(place.space, good.snapshot).words
        return [*found, Gate("bounds", True, _("So many pods need no approval here: %(bounds)s.", bounds=bounds))]
    return [*found, *_second_person(place.space, good, replicas, deployer, own)]


def asking_gates(place: Placement, good: Deployment, replicas: int) -> list[Gate]:
    """What must hold before so many pods are asked for: all that no approval opens."""
    return [*restart_gates(place, good), *_number_gates(place, good, replicas)]


def _number_gates(place: Placement, good: Deployment, replicas: int) -> list[Gate]:
    return [_autoscaler(good, place.space), _ceiling(place, replicas)]


def _autoscaler(good: Deployment, space: Space) -> Gate:
    bounds = bounds_in(good.snapshot.manifests) if good.snapshot else None
    if bounds:
        return Gate("autoscaler", False, autoscaled(bounds), who_may("edit_allocation", space=space), good.finished_at)
    return Gate("autoscaler", True, _("No autoscaler says the number of pods here."))


def _ceiling(place: Placement, replicas: int) -> Gate:
    if beyond := scaling.beyond_bounds(place, replicas):
        return Gate("ceiling", False, beyond, who_may("manage_places"))
    return Gate("ceiling", True, _("The ceilings of %(name)s allow it.", name=place.space.environment.label))


def _second_person(
    space: Space, good: Deployment, replicas: int, deployer: User | None, own: Deployment | None
) -> list[Gate]:
    """Asked for with a reason, approved by others, set by nobody who made the order."""
    row = used_request(own, good, replicas) if own else request_for(good, replicas)
    eyes = four_eyes_gates(good.order, space, deployer)
    if row is not None:
        return [*request_gates(row, deployer), *eyes]
    assert good.snapshot is not None
    message = _(
        "Without an approval %(name)s takes %(bounds)s pods: ask for one, with a reason.",
        name=space.environment.label,
        bounds=bounds_of(space, good.snapshot).words,
    )
    who = fair_approvers(good.order, space, but=deployer.pk if deployer else None)
    return [Gate("bounds", False, message, who), *eyes]


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
    agreed = agreement(
        row.order,
        row.space,
        given,
        deployer,
        needed=needed_for_scale(row.space),
        asked_by=row.asked_by_id,
        since=row.created_at,
    )
    return [*found, agreed]


def needed_for_scale(space: Space) -> Needed:
    """As for a deployment there, and one approval where that needs none."""
    return needed_in(space, least=1)
