"""May what stands in a place be restarted or gone back from now, and if not why, and who can clear it?

Page, API, service and step ask these functions, so that a program knows before it asks for the act. What the step asks
of the cluster itself, such as the quota of this moment, is not among them. ``scale_gates.py`` has those of a scale.
"""

from __future__ import annotations

from accounts.models import User
from environments.access import Rights, may_not, who_may
from environments.models import Space
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.gate import Gate
from releases.gates import again_gates, roll_back_gates
from releases.models import Deployment, Placement


def role_gate(rights: Rights, verb: str, space: Space) -> Gate:
    """The right itself, for answers that a program reads before it acts."""
    if rights.can(verb, space=space):
        return Gate("role", True, _("You may do this in %(name)s.", name=space.environment.label))
    return Gate("role", False, may_not(space), who_may(verb, space=space))


# ---------------------------------------------------------------- what stands there
def stands(place: Placement, good: Deployment | None) -> Gate:
    """``good``, which succeeded there last, is what stands there: a failed scale or restart of it may be undone."""
    if good is None or good.snapshot_id is None:
        return nothing_stands(place.space)
    applied = place.last_applied
    # While something is under way the queue says so.
    if place.in_progress_id is None and (applied is None or applied.snapshot_id != good.snapshot_id):
        message = _("The last deployment here did not succeed: deploy again or roll back first.")
        since = applied.finished_at if applied else None
        return Gate("stands", False, message, who_may("deploy", space=place.space), since)
    return Gate("stands", True, _("Order %(number)s stands here.", number=good.order.number), since=good.finished_at)


def nothing_stands(space: Space) -> Gate:
    """Closed: there is nothing there to do anything with."""
    message = _("Nothing of this component has succeeded here yet: deploy it first.")
    return Gate("stands", False, message, who_may("deploy", space=space))


def restart_gates(place: Placement, good: Deployment | None, *, own: Deployment | None = None) -> list[Gate]:
    """What must hold before the pods of ``good``, which succeeded there last, are replaced. ``own``: who asks, if it
    runs."""
    first = stands(place, good)
    if good is None or good.snapshot is None:
        return [first]
    since = good.finished_at if good.state == RunState.SUCCEEDED else None
    again = again_gates(good.order, place.space, snapshot=good.snapshot, deployer=None, own=own, since=since)
    return [first, *again]


def back_gates(to: Deployment, space: Space, *, deployer: User | None) -> list[Gate]:
    """What must hold before ``to``, an earlier deployment there, is applied again."""
    if to.snapshot is None:
        return [not_proven(space)]
    found = roll_back_gates(to.order, space, snapshot=to.snapshot, deployer=deployer)
    if to.state == RunState.SUCCEEDED and to.kind != DeploymentKind.REMOVE:
        return found
    return [not_proven(space) if gate.code == "proven" else gate for gate in found]


def not_proven(space: Space) -> Gate:
    """Closed: what is asked for never succeeded there."""
    message = _("This deployment did not succeed here: choose one that did.")
    return Gate("proven", False, message, who_may("deploy", space=space))
