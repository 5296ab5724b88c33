"""People, as a platform administrator keeps them; a change of rights makes open sockets read them again."""

from __future__ import annotations

import re

from django.db import transaction
from django.db.models import F, QuerySet

import audit
from accounts.models import Project, User
from accounts.services import create_user, reset_password
from accounts.sessions import end_sessions, end_tokens
from environments import departures
from environments.access import require, who_may
from environments.choices import Role
from environments.holding import holders, in_force
from environments.models import Group, Membership
from environments.services.edits import save_changes
from foundation.messages import message as _
from foundation.models import Installation
from foundation.problems import Denied, Invalid, Refused


def rights_changed(people: QuerySet[User]) -> None:
    """Raises the epoch of these people, in the transaction that changed their rights."""
    # By key: an UPDATE over a join is not allowed, and doubled rows must count once.
    User.objects.filter(pk__in=list(people.values_list("pk", flat=True))).update(rights_epoch=F("rights_epoch") + 1)


_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


def create_person(*, actor: User, username: str, name: str, password: str, **fields: str) -> User:
    """A new person without any role. ``fields``: name_en, email, note, note_en. Raises Denied, Invalid, Stale."""
    require(actor, "manage_people")
    _check_username(username)
    with transaction.atomic():
        person = create_user(username=username, name=name, password=password, **fields)
        audit.record_act(actor, "person.created", person, after={"name": name, **fields})
    return person


def _check_username(username: str) -> None:
    if not _USERNAME.fullmatch(username.strip()):
        raise Invalid({"username": [_("At most 64 Latin letters, digits and . _ @ - and a letter or digit first.")]})


def create_first_administrator(*, username: str, name: str, password: str, **fields: str) -> User:
    """A new person who is platform administrator, for an installation where nobody is. ``fields``: name_en, email.

    No right is asked for: only somebody with a shell on a machine of the platform gets here. Raises Invalid, and
    Refused while an active platform administrator exists.
    """
    _check_username(username)
    with transaction.atomic():
        # The one row of the installation is the lock: two who set it up at once do not both become the first.
        Installation.objects.select_for_update().get()
        if _platform_admins().exists():
            raise Refused(
                _("There is a platform administrator already, who makes people and gives roles."),
                "administrator-exists",
            )
        person = create_user(username=username, name=name, password=password, **fields)
        Membership.objects.create(user=person, role=Role.PLATFORM_ADMIN, reason="first administrator")
        after = {"name": name, "role": str(Role.PLATFORM_ADMIN), **fields}
        audit.record_act(audit.platform, "person.first_administrator", person, after=after)
    return person


def edit_person(*, actor: User, person: User, **values: str) -> User:
    """Changes name, name_en, email, note, note_en; the user name stays. Raises Denied, Invalid."""
    require(actor, "manage_people")
    return save_changes(actor, person, "person.changed", values)


def set_password(*, actor: User, person: User, password: str) -> User:
    """A new password for somebody, who must change it at the next sign-in; their sessions and tokens end.

    Raises Denied, Invalid, and Refused for one's own, which is changed by who knows the old one.
    """
    require(actor, "manage_people")
    if person.pk == actor.pk:
        raise Refused(_("Change your own password in your settings: the old one is asked for there."), "own-password")
    with transaction.atomic():
        row = User.objects.select_for_update(no_key=True).get(pk=person.pk)
        reset_password(actor=actor, user=row, password=password)
    return row


def set_password_by_shell(*, username: str, password: str, reason: str) -> User:
    """The shell of a machine sets it, only where nobody is left who may; ends and asks as :func:`set_password` does.

    Raises Invalid, and Refused while somebody else could set it on the pages.
    """
    if not reason.strip():
        raise Invalid({"reason": [_("Say why: the audit keeps it.")]})
    with transaction.atomic():
        # The one row of the installation is the lock of who administers the platform.
        Installation.objects.select_for_update().get()
        row = User.objects.select_for_update(no_key=True).filter(username=username.strip()).first()
        if row is None:
            raise Invalid({"username": [_("Nobody has this name.")]})
        if _platform_admins().exclude(pk=row.pk).exists():
            names = who_may("manage_people", but=row)
            message = _("Somebody else can set it, on the page of this person: %(names)s.", names=names)
            raise Refused(message, "administrator-exists", names)
        reset_password(actor=audit.platform, user=row, password=password, reason=reason)
    return row


def deactivate_person(*, actor: User, person: User, reason: str = "") -> User:
    """They may not sign in any more, at once: sessions and tokens end, approvals not yet used are void.

    Raises Denied, Refused for the last one.
    """
    require(actor, "manage_people")
    with transaction.atomic():
        # Without its key: who writes a row that refers to the person has an order's lock, which we take next.
        row = User.objects.select_for_update(no_key=True).get(pk=person.pk)
        if row.is_active:
            row.is_active = False
            row.save(update_fields=["is_active"])
            ended = {"sessions": end_sessions(row), "revoked": end_tokens(row)}
            rights_changed(User.objects.filter(pk=row.pk))
            departures.tell(actor, row)
            audit.record_act(actor, "person.deactivated", row, reason=reason, after=ended)
            ensure_platform_admin()
    return row


def activate_person(*, actor: User, person: User, reason: str = "") -> User:
    """They may sign in again, with the memberships that are still in force. Raises Denied."""
    require(actor, "manage_people")
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=person.pk)
        if not row.is_active:
            row.is_active = True
            row.save(update_fields=["is_active"])
            rights_changed(User.objects.filter(pk=row.pk))
            audit.record_act(actor, "person.activated", row, reason=reason)
    return row


def refuse_own_role(actor: User, holder: User | Group | None, project: Project | None) -> None:
    """Raises Denied where somebody would give a role or a grant to himself, or to a group that he is in."""
    if isinstance(holder, Group):
        if not holder.members.filter(user=actor).exists():
            return
        message = _("You are in this group, and nobody gives himself a role or a grant: somebody else who may has to.")
    elif holder is None or holder.pk != actor.pk:
        return
    else:
        message = _("Nobody gives himself a role or a grant: somebody else who may has to do it.")
    verb = "manage_site_roles" if project is None else "manage_members"
    others = who_may(verb, project_id=project.pk if project else None, but=actor)
    raise Denied(message, "own-role", others)


def ensure_platform_admin() -> None:
    """Raises Refused when nobody could administer the platform any more. Call it last in the act that takes a right."""
    # One row for all, so that two administrators who remove each other at the same moment do not both succeed.
    Installation.objects.select_for_update().get()
    if not _platform_admins().exists():
        raise Refused(
            _("This is the last platform administrator: make somebody else one first."), "last-platform-administrator"
        )


def _platform_admins() -> QuerySet[User]:
    held = Membership.objects.filter(in_force(), role=Role.PLATFORM_ADMIN)
    return holders(held).filter(is_active=True)
