"""Are there people enough to deploy somewhere under its policy? Asked before a click that would leave nobody."""

from __future__ import annotations

from collections.abc import Collection

from accounts.models import User
from environments.access import approvers_in, people_who_may
from environments.models import Space
from environments.needed import People, groups_of, needed_in
from foundation.messages import MessageLike
from foundation.messages import message as _


def why_nobody_deploys(space: Space, approvers: Collection[User] | None = None) -> MessageLike:
    """Why nobody could deploy there by the values on ``space`` and the roles of today; empty where somebody can.

    Of four eyes only what holds for every order: who deploys does not approve. ``approvers``: if already read.
    """
    if not space.approvals:
        return ""
    ids = [person.pk for person in (approvers_in(space) if approvers is None else approvers)]
    deployers = {person.pk for person in people_who_may("deploy", space=space)}
    if are_enough(space, deployers, groups_of(space, ids)):
        return ""
    needed = needed_in(space)
    if needed.per_group:
        return _(
            "Then nobody could deploy there: %(count)s of each group must approve, one group a person, none of them "
            "the deployer: %(names)s.",
            count=needed.per_group,
            names=list(needed.groups),
        )
    return _(
        "Then nobody could deploy there: %(needed)s approvals are needed from others than the deployer.",
        needed=space.approvals,
    )


def are_enough(space: Space, deployers: Collection[int], approvers: People) -> bool:
    """By ids: one of the deployers deploys, and does not approve that: enough others must be left."""
    needed = needed_in(space)
    return not space.approvals or any(
        needed.is_reached({pk: groups for pk, groups in approvers.items() if pk != deployer}) for deployer in deployers
    )
