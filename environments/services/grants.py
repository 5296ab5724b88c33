"""Ways out of a space: which hosts, node ports, load balancers, claims and accounts its components may use."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

import audit
from accounts.models import User
from environments.access import require
from environments.grants import check_grants, check_registries, read_grants, take_node_ports
from environments.models import Space
from environments.services.spaces import launch_sync, lock_grants, lock_space


def edit_grants(*, actor: User, space: Space, version: str = "", **grants: Sequence[str]) -> Space:
    """Sets the granted names by kind (:data:`environments.grants.GRANTS`); kinds left out stay.

    What was reviewed before keeps what it was reviewed with; the next review asks the new grants. Raises Denied,
    Invalid where a name is none or belongs to another space of the cluster, Stale.
    """
    require(actor, "edit_grants")
    given = read_grants(grants)
    with transaction.atomic():
        lock_grants()
        row = lock_space(space, version)
        before = {name: row.grants.get(name, []) for name in given}
        after = {name: values for name, values in given.items() if values != before[name]}
        if not after:
            return row
        row.grants = {name: values for name, values in (row.grants | given).items() if values}
        check_grants(row)
        check_registries([one for one in after.get("registries", []) if one not in before["registries"]])
        row.save()
        take_node_ports(row)
        if "registries" in after:
            launch_sync(actor=actor, space=row)
        old = {name: before[name] for name in after}
        audit.record_act(actor, "space.grants_changed", row, before=old, after=after)
    return row


def sync_spaces_that_pull(*, actor: User | None, registry: str) -> None:
    """The registry's credentials changed: every space that has them is due, inside the caller's transaction."""
    spaces = (
        Space.objects.filter(is_archived=False).exclude(grants={}).select_related("project", "environment", "cluster")
    )
    for space in spaces.order_by("pk"):
        if registry in space.grants.get("registries", []):
            launch_sync(actor=actor, space=space)
