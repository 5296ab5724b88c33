"""Reads of groups: the people in them and the roles that they hold."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from environments.access import Rights, require
from environments.holding import not_over
from environments.models import Group, GroupMember, Membership
from foundation.problems import Missing


def list_groups(actor: User, *, query: str = "") -> QuerySet[Group]:
    """Groups that the person may know, with ``people_count``; ``query`` is a part of a name.

    All for who reads the site or gives roles in some project; else one's own and those that hold a role in a project
    that one sees.
    """
    groups = Group.objects.annotate(people_count=Count("members"))
    if query:
        groups = groups.filter(Q(slug__icontains=query) | Q(name__icontains=query) | Q(name_en__icontains=query))
    rights = Rights(actor)
    ids = rights.project_ids()
    if ids is None or any(rights.can("manage_members", project_id=one) for one in ids):
        return groups
    own = GroupMember.objects.filter(user=actor).values("group")
    here = Membership.objects.filter(project__in=ids).values("group")
    return groups.filter(Q(pk__in=own) | Q(pk__in=here))


def find_group(actor: User, slug: str) -> Group:
    """One that the person may know; raises Missing for any other."""
    group = list_groups(actor).filter(slug=slug).first()
    if group is None:
        raise Missing
    return group


def people_of(group: Group) -> QuerySet[GroupMember]:
    """Who is in the group, by user name."""
    return group.members.select_related("user", "added_by").order_by("user__username")


def roles_of_group(actor: User, group: Group) -> QuerySet[Membership]:
    """The roles that it holds or will, those of the site and of the projects that the person sees."""
    rows = group.memberships.filter(not_over()).select_related("user", "group", "project", "environment", "granted_by")
    ids = Rights(actor).project_ids()
    if ids is not None:
        rows = rows.filter(Q(project=None) | Q(project__in=ids))
    return rows.order_by("project__slug", "role", "pk")


def people_to_add(actor: User, group: Group) -> QuerySet[User]:
    """Whom a platform administrator may choose from: everybody else who may sign in and is not in it."""
    require(actor, "manage_people")
    return User.objects.filter(is_active=True).exclude(pk=actor.pk).exclude(group_members__group=group)
