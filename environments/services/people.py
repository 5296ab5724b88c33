"""People, as a platform administrator keeps them."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction

import audit
from accounts.cleaning import changed, clean_row
from accounts.models import Token, User
from accounts.services import create_user, password_problems
from environments.access import in_force, require
from environments.choices import Role
from environments.models import Membership
from environments.services.epochs import rights_changed
from foundation.problems import Invalid, Refused
from foundation.sentences import say as _

_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


def create_person(*, actor: User, username: str, name: str, password: str, **fields: str) -> User:
    """A new person without any role. ``fields``: name_en, email, note, note_en. Raises Denied, Invalid, Stale."""
    require(actor, "manage_people")
    if not _USERNAME.fullmatch(username.strip()):
        raise Invalid({"username": [_("At most 64 Latin letters, digits and . _ @ - and a letter or digit first.")]})
    with transaction.atomic():
        person = create_user(username=username, name=name, password=password, **fields)
        _record(actor, "person.created", person, after={"name": name, **fields})
    return person


def edit_person(*, actor: User, person: User, **values: str) -> User:
    """Changes name, name_en, email, note, note_en; the user name stays. Raises Denied, Invalid."""
    require(actor, "manage_people")
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=person.pk)
        before, after = changed(row, values)
        if before:
            clean_row(row)
            row.save(update_fields=list(before))
            _record(actor, "person.changed", row, before=before, after=after)
    return row


def set_password(*, actor: User, person: User, password: str) -> User:
    """A new password for somebody; their sessions end, their tokens stay. Raises Denied, Invalid."""
    require(actor, "manage_people")
    problems = password_problems(password, person)
    if problems:
        raise Invalid({"password": problems})
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=person.pk)
        row.set_password(password)
        row.save(update_fields=["password"])
        _record(actor, "person.password_set", row)
    return row


def deactivate_person(*, actor: User, person: User, reason: str = "") -> User:
    """They may not sign in any more, at once; their tokens are revoked. Raises Denied, Refused for the last one."""
    require(actor, "manage_people")
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=person.pk)
        if row.is_active:
            refuse_last_platform_admin(without=row)
            row.is_active = False
            row.save(update_fields=["is_active"])
            Token.objects.filter(user=row).delete()
            rights_changed(User.objects.filter(pk=row.pk))
            _record(actor, "person.deactivated", row, reason=reason)
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
            _record(actor, "person.activated", row, reason=reason)
    return row


def refuse_last_platform_admin(*, without: User) -> None:
    """Raises Refused when nobody else could administer the platform. Call it in the transaction that removes one."""
    rows = Membership.objects.filter(in_force(), role=Role.PLATFORM_ADMIN, user__is_active=True)
    # Locked, so that two administrators who remove each other at the same moment do not both succeed.
    holders = {row.user_id for row in rows.select_for_update()}
    if holders == {without.pk}:
        raise Refused(
            _("This is the last platform administrator: make somebody else one first."), "last-platform-administrator"
        )


def _record(actor: User, verb: str, person: User, **more: Any) -> None:
    audit.record(actor, verb, object_type="user", object_id=person.pk, object_name=person.username, **more)
