"""Groups of people, as a platform administrator keeps them; nobody comes into a role through them by his own hand."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

import audit
from accounts.models import User
from accounts.validation import save_clean
from environments.access import Rights, asked_for, require, who_may
from environments.choices import Role
from environments.holding import not_over
from environments.models import Group, GroupMember, Membership, Space
from environments.services.edits import save_changes
from environments.services.people import ensure_platform_admin, rights_changed
from foundation.messages import localized_list
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Refused


def create_group(*, actor: User, slug: str, name: str, name_en: str = "") -> Group:
    """A new group without people and roles. Raises Denied, Invalid, Stale."""
    require(actor, "manage_people")
    with transaction.atomic():
        group = save_clean(Group(slug=slug.strip(), name=name.strip(), name_en=name_en.strip()))
        audit.record_act(actor, "group.created", group, after={"name": group.name, "name_en": group.name_en})
    return group


def edit_group(*, actor: User, group: Group, **values: str) -> Group:
    """Changes ``name`` and ``name_en``; the short name stays. Raises Denied, Invalid."""
    require(actor, "manage_people")
    return save_changes(actor, group, "group.changed", values)


def remove_group(*, actor: User, group: Group, reason: str = "") -> None:
    """Takes the group away with its people's places in it. Raises Denied, and Refused while it holds a role."""
    require(actor, "manage_people")
    with transaction.atomic():
        row = Group.objects.select_for_update().get(pk=group.pk)
        held = row.memberships.filter(not_over()).select_related("project").first()
        if held is not None:
            place = held.project.slug.upper() if held.project else _("the whole site")
            message = _(
                "The group holds the role %(role)s in %(place)s: end it there first.",
                role=Role(held.role).label,
                place=place,
            )
            raise Refused(message, "group-in-use")
        named = _naming(row)
        if named:
            names = localized_list(str(space) for space in named)
            raise Refused(_("The policy of %(names)s names this group: change it first.", names=names), "group-in-use")
        people = list(row.members.values_list("user__username", flat=True))
        audit.record_act(actor, "group.removed", row, reason=reason, before={"name": row.name, "people": people})
        row.delete()


def add_to_group(*, actor: User, group: Group, username: str, reason: str = "") -> GroupMember:
    """Puts somebody into the group: they hold its roles from now on.

    Raises Invalid, Refused for who is in it already, and Denied: for oneself, and where the group holds a role that
    counts in production and that the actor could not give.
    """
    require(actor, "manage_people")
    person = User.objects.filter(username=username.strip(), is_active=True).first()
    if person is None:
        raise Invalid({"username": [_("Nobody who may sign in has this name.")]})
    if person.pk == actor.pk:
        others = who_may("manage_people", but=actor)
        message = _("Nobody adds himself to a group: its roles would be his. Somebody else who may has to do it.")
        raise Denied(message, "own-role", others)
    with transaction.atomic():
        # The row of the group is the lock: it gets no role between this question and the new member.
        row = Group.objects.select_for_update().get(pk=group.pk)
        _ensure_could_give(actor, row)
        if row.members.filter(user=person).exists():
            raise Refused(_("%(name)s is in this group already.", name=person.shown_name), "in-group-already")
        member = GroupMember.objects.create(group=row, user=person, added_by=actor)
        rights_changed(User.objects.filter(pk=person.pk))
        audit.record_act(actor, "group.person_added", row, reason=reason, after={"person": person.username})
    return member


def take_from_group(*, actor: User, group: Group, username: str, reason: str = "") -> None:
    """Takes somebody out: the group's roles end for them now. Raises Denied, Refused for the last administrator."""
    require(actor, "manage_people")
    with transaction.atomic():
        row = Group.objects.select_for_update().get(pk=group.pk)
        member = row.members.select_related("user").filter(user__username=username).first()
        if member is None:
            return
        rights_changed(User.objects.filter(pk=member.user_id))
        audit.record_act(actor, "group.person_removed", row, reason=reason, before={"person": username})
        member.delete()
        ensure_platform_admin()


def _ensure_could_give(actor: User, group: Group) -> None:
    """Whose hand puts people into a group of production must be allowed to give each of its roles there."""
    rights = Rights(actor)
    for held in _in_production(group):
        assert held.project is not None, "roles of a project were asked for"
        may_appoint = held.role == Role.PROJECT_ADMIN and rights.can("manage_projects")
        if may_appoint or rights.can("manage_members", project_id=held.project.pk):
            continue
        message = _(
            "The group holds the role %(role)s in %(place)s, in production too: who adds people must be allowed to "
            "give that role there.",
            role=Role(held.role).label,
            place=held.project.slug.upper(),
        )
        who = who_may("manage_members", project_id=held.project.pk)
        raise Denied(message, "role-of-group", who, asked=asked_for("manage_members", held.project.pk, None))
    for space in _naming(group):
        if space.environment.is_production and not rights.can("edit_policy", project_id=space.project_id):
            message = _(
                "People of this group approve in %(place)s: who adds people must be allowed to change that policy.",
                place=str(space),
            )
            who = who_may("edit_policy", project_id=space.project_id)
            raise Denied(message, "role-of-group", who, asked=asked_for("edit_policy", space.project_id, None))


def _naming(group: Group) -> list[Space]:
    """Spaces whose policy says that the group's people approve there."""
    # No database that we support looks into a list alike: there are few such policies.
    rows = Space.objects.exclude(approver_groups=[]).select_related("project", "environment")
    return [space for space in rows if group.slug in space.approver_groups]


def _in_production(group: Group) -> QuerySet[Membership]:
    """Its roles in projects that count in a space of production there; of the site's roles the table asks as much.

    Also of one in the archive: who adds people may take it out.
    """
    production = Space.objects.filter(project=OuterRef("project"), environment__is_production=True)
    here = Exists(production.filter(environment=OuterRef("environment")))
    rows = group.memberships.filter(not_over()).filter(here | (Q(environment=None) & Exists(production)))
    return rows.select_related("project")
