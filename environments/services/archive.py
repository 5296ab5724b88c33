"""The archive of spaces and environments: out of lists, gates and flows, and back."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

import audit
from accounts.models import User
from environments import occupancy
from environments.access import require
from environments.models import Environment, Space
from environments.services.rule_changes import propose
from environments.services.spaces import launch_sync
from foundation.messages import message as _
from foundation.problems import Refused


def archive_space(*, actor: User, space: Space, reason: str = "") -> Space:
    """Nothing goes there any more. The namespace stays as it is in the cluster.

    In production it becomes a rule change with the ``reason`` and waits for a second person. Raises Denied, Invalid,
    and Refused while something runs, is under way or is promoted there, or where orders of the project could not go on
    to a space that comes after it.
    """
    require(actor, "manage_places")
    with transaction.atomic():
        row = _lock(space)
        if row.is_archived:
            return row
        _ensure_free(row)
        if row.environment.is_production:
            before, after = {"is_archived": False}, {"is_archived": True}
            propose(actor=actor, subject=row, before=before, after=after, reason=reason)
            return row
        row.is_archived = True
        row.save(update_fields=["is_archived", "changed_at"])
        audit.record_act(actor, "space.archived", row, reason=reason)
    return row


def put_archived(space: Space) -> None:
    """Into the archive by a confirmed rule change, inside the transaction that locked the space. Raises Refused."""
    row = _lock(space)
    _ensure_free(row)
    row.is_archived = True
    row.save(update_fields=["is_archived", "changed_at"])


def _ensure_free(row: Space) -> None:
    if held := occupancy.what_holds(row):
        raise Refused(held, "space-in-use")
    live = _live_environments(row.project_id) - {row.environment_id}
    if after := _cut_off(row.environment, live):
        message = _(
            "%(after)s comes after %(name)s: its orders could not go there any more. Change the flow or archive "
            "%(after)s first.",
            after=after.label,
            name=row.environment.label,
        )
        raise Refused(message, "flow-goes-through")


def restore_space(*, actor: User, space: Space) -> Space:
    """Takes the space out of the archive and applies its namespace and quota again. Raises Denied, Refused."""
    require(actor, "manage_places")
    with transaction.atomic():
        row = _lock(space)
        if not row.is_archived:
            return row
        if row.environment.is_archived:
            raise Refused(_("%(name)s is archived: take it out first.", name=row.environment.label), "archived")
        if row.cluster.is_archived:
            raise Refused(_("%(name)s is archived: take it out first.", name=row.cluster.name), "archived")
        row.is_archived = False
        row.save(update_fields=["is_archived", "changed_at"])
        launch_sync(actor=actor, space=row)
        audit.record_act(actor, "space.restored", row)
    return row


def archive_environment(*, actor: User, environment: Environment) -> Environment:
    """No project gets a space there any more, and nothing follows it.

    Raises Denied, and Refused while a space of it is not archived, or another environment follows it or is its twin.
    """
    require(actor, "manage_places")
    with transaction.atomic():
        row = _lock_all()[environment.pk]
        space = row.spaces.filter(is_archived=False, project__is_archived=False).select_related("project").first()
        if space is not None:
            raise Refused(_("%(space)s is not archived: archive it first.", space=space), "environment-in-use")
        after = row.followed_by.filter(is_archived=False).first()
        if after is not None:
            message = _("%(after)s follows %(name)s: change the flow first.", after=after.label, name=row.label)
            raise Refused(message, "flow-goes-through")
        twin = row.twins.filter(is_archived=False).first()
        if twin is not None:
            message = _("%(after)s is the twin of %(name)s: archive it first.", after=twin.label, name=row.label)
            raise Refused(message, "flow-goes-through")
        return _set_archived(actor, row, is_archived=True)


def restore_environment(*, actor: User, environment: Environment) -> Environment:
    """Takes the environment out of the archive; its spaces are taken out one by one. Raises Denied, Refused."""
    require(actor, "manage_places")
    with transaction.atomic():
        row = _lock_all()[environment.pk]
        before = row.follows.filter(is_archived=True).first() or (
            row.twin if row.twin and row.twin.is_archived else None
        )
        if before is not None:
            raise Refused(_("%(name)s is archived: take it out first.", name=before.label), "archived")
        return _set_archived(actor, row, is_archived=False)


def _set_archived(actor: User, row: Environment, *, is_archived: bool) -> Environment:
    if row.is_archived != is_archived:
        row.is_archived = is_archived
        row.save(update_fields=["is_archived"])
        audit.record_act(actor, "environment.archived" if is_archived else "environment.restored", row)
    return row


def _lock(space: Space) -> Space:
    # Not against keys: a deployment that holds its placement may refer to the space while we wait for that placement.
    rows = Space.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("project", "environment__twin", "cluster").get(pk=space.pk)


def _lock_all() -> dict[int, Environment]:
    """All environments, locked as for a change of the flow: nobody draws an arrow to it meanwhile."""
    return {row.pk: row for row in Environment.objects.select_for_update().order_by("pk")}


def _live_environments(project_id: int) -> set[int]:
    rows = Space.objects.filter(project_id=project_id, is_archived=False)
    return set(rows.values_list("environment_id", flat=True))


def _cut_off(environment: Environment, live: set[int]) -> Environment | None:
    """The first live environment that nothing live leads to once this one is gone: by its arrows, or as its twin."""
    for after in [*environment.followed_by.all(), *environment.twins.all()]:
        before: Iterable[int] = after.follows.values_list("pk", flat=True)
        if after.pk in live and (after.twin_id == environment.pk or not live & set(before)):
            return after
    return None
