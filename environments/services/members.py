"""Roles that people hold: given and ended by a project administrator, site roles by a platform administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

import audit
from accounts.models import Project, User
from accounts.validation import save_clean
from environments.access import require
from environments.choices import PLACED_ROLES, SITE_ROLES, Role
from environments.holding import holders
from environments.models import Environment, Group, Membership, Space
from environments.services.people import ensure_platform_admin, refuse_own_role, rights_changed
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Refused


def add_membership(  # noqa: PLR0913 (the columns of one row, nearly all optional)
    *,
    actor: User,
    role: str,
    username: str = "",
    group: str = "",
    project: Project | None = None,
    environment: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason: str = "",
) -> Membership:
    """Gives a role everywhere (``project`` None), in a project, or in one environment (slug) of it, for a time:
    to a person (``username``) or to a ``group`` (slug).

    Raises Missing, Denied (also for a role of one's own), Invalid, and Refused for a grant where the space is for
    operations only.
    """
    if project is None:
        require(actor, "manage_site_roles")
    else:
        require(actor, "manage_members", project_id=project.pk)
    holder = _find_holder(username.strip(), group.strip())
    refuse_own_role(actor, holder, project)
    place = Environment.objects.filter(slug=environment).first() if environment else None
    problems = _problems(role, project, place, starts_at, ends_at)
    if environment and place is None:
        problems["environment"] = [_("There is no such environment.")]
    if problems:
        raise Invalid(problems)
    with transaction.atomic():
        # The holder's row is the lock: the same role given twice at once is given once.
        type(holder)._default_manager.select_for_update().get(pk=holder.pk)
        refuse_own_role(actor, holder, project)
        if role == Role.GRANT and project is not None and place is not None:
            _check_grant(project, place)
        row = Membership(
            role=role, project=project, environment=place, starts_at=starts_at, ends_at=ends_at,
            granted_by=actor, reason=reason.strip(), **_naming(holder),
        )  # fmt: skip
        _refuse_double(row)
        save_clean(row)
        rights_changed(holders(Membership.objects.filter(pk=row.pk)))
        _record_membership(actor, "member.added", row)
    return row


def _find_holder(username: str, group: str) -> User | Group:
    """Raises Invalid by field; a person must be one who may sign in."""
    if bool(username) == bool(group):
        raise Invalid({"username": [_("Name a person or a group: one of them.")]})
    if group:
        found = Group.objects.filter(slug=group).first()
        if found is None:
            raise Invalid({"group": [_("There is no such group.")]})
        return found
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise Invalid({"username": [_("Nobody who may sign in has this name.")]})
    return person


def _naming(holder: User | Group) -> dict[str, Any]:
    """The column that names the holder, with it."""
    return {"group" if isinstance(holder, Group) else "user": holder}


def _problems(
    role: str,
    project: Project | None,
    place: Environment | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> dict[str, list[MessageLike]]:
    found = _problems_of_role(role, project, place)
    if ends_at is not None and ends_at <= max(now := db_now(), starts_at or now):
        found["ends_at"] = [_("The end must be later than the beginning, and later than now.")]
    if role == Role.GRANT and ends_at is None:
        found["ends_at"] = [_("A grant needs an end.")]
    if role == Role.GRANT and place is None:
        found["environment"] = [_("A grant is for one environment: choose it.")]
    return found


def _problems_of_role(role: str, project: Project | None, place: Environment | None) -> dict[str, list[MessageLike]]:
    if role not in Role.values:
        return {"role": [_("There is no such role.")]}
    if project is None and role not in SITE_ROLES:
        return {"role": [_("This role is held in a project: give it on the project's page.")]}
    if project is not None and role in SITE_ROLES:
        return {"role": [_("This role belongs to the whole site: a platform administrator gives it.")]}
    if place is not None and role not in PLACED_ROLES:
        return {"environment": [_("This role is held in the whole project: leave the environment empty.")]}
    return {}


def _check_grant(project: Project, place: Environment) -> None:
    space = Space.objects.select_for_update().filter(project=project, environment=place).first()
    if space is None:
        raise Invalid({"environment": [_("The project has no space in this environment.")]})
    if space.operations_only:
        raise Refused(
            _("%(place)s is for operations only: a grant to a developer is refused there.", place=place.label),
            "operations-only",
            _("Operations of the project deploy there."),
        )


def _refuse_double(row: Membership) -> None:
    same = Membership.objects.filter(
        user=row.user, group=row.group, role=row.role, project=row.project, environment=row.environment
    ).exclude(ends_at__lte=Now())
    is_held_for_good = (
        row.role != Role.GRANT and row.starts_at is None and same.filter(starts_at=None, ends_at=None).exists()
    )
    if is_held_for_good or same.filter(ends_at=row.ends_at).exists():
        raise Refused(_("%(name)s holds this role already.", name=row.holder.shown_name), "held-already")


def end_membership(*, actor: User, membership: Membership, reason: str = "") -> None:
    """Ends a role now; one that had not begun yet is removed. Raises Missing, Denied, Refused for the last A."""
    if membership.project_id is None:
        require(actor, "manage_site_roles")
    else:
        require(actor, "manage_members", project_id=membership.project_id)
    now = db_now()
    with transaction.atomic():
        rows = Membership.objects.select_related("user", "group", "project", "environment").select_for_update(
            of=("self",)
        )
        row = rows.filter(pk=membership.pk).exclude(ends_at__lte=now).first()
        if row is None:
            return
        rights_changed(holders(Membership.objects.filter(pk=row.pk)))
        _record_membership(actor, "member.ended", row, reason=reason)
        if row.starts_at is not None and row.starts_at >= now:
            row.delete()
        else:
            row.ends_at = now
            row.save(update_fields=["ends_at"])
        if row.role == Role.PLATFORM_ADMIN:
            ensure_platform_admin()


def _record_membership(actor: User, verb: str, row: Membership, *, reason: str = "") -> None:
    facts: dict[str, Any] = {
        ("group" if row.group else "person"): row.holder_name,
        "role": row.role,
        "starts_at": row.starts_at.isoformat() if row.starts_at else None,
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
    }
    audit.record_act(
        actor,
        verb,
        row,
        reason=reason or row.reason,
        after=facts if verb == "member.added" else None,
        before=facts if verb == "member.ended" else None,
    )
