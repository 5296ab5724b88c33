"""Whom the closed gates of a deployment name: people who could clear them at this moment, and nobody else."""

from __future__ import annotations

from django.utils.functional import lazy

from accounts.models import User
from environments.access import can, names_who_may
from environments.models import Space
from foundation.messages import localized_names
from releases.approval_gates import deployers_left
from releases.models import ReleaseOrder


def names_who_deploy(order: ReleaseOrder, space: Space) -> list[str]:
    """Those who may deploy this very order there, four eyes heeded; where nobody is left, who can give the role."""
    return deployers_left(order, space, set()) or names_who_may("manage_members", space=space)


def who_deploys(order: ReleaseOrder, space: Space) -> str:
    """Three names of them and how many more."""
    return localized_names(names_who_deploy(order, space))


def who_stops(person: User, space: Space) -> str:
    """Who may cancel what this person deploys there, or take it out of the line: the person first, while they may."""
    is_able = can(person, "cancel_deployment", space=space, owner_id=person.pk)
    names = [person.shown_name] if is_able else []
    return localized_names(dict.fromkeys([*names, *names_who_may("cancel_deployment", space=space)]))


who_deploys_when_read = lazy(who_deploys, str)
who_stops_when_read = lazy(who_stops, str)
"""A page has many gates and shows the names of few."""
