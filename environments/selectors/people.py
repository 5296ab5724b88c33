"""Reads of people, memberships and projects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from accounts.models import Organisation, Project, User
from accounts.role_lookup import HeldRole
from environments.access import Rights, can, require, visible_projects
from environments.choices import Role
from environments.holding import held_by, holders, in_force, not_over, of_person
from environments.models import Group, GroupMember, Membership
from foundation.clock import db_now
from foundation.problems import Missing


def roles_in_force(users: Iterable[User]) -> dict[int, list[HeldRole]]:
    """Roles that count now by user id, with their labels in the active language."""
    rows = held_by(users).filter(in_force()).select_related("project", "environment", "group")
    found: dict[int, list[HeldRole]] = {}
    for row in rows:
        held = HeldRole(
            role=row.role,
            label=str(Role(row.role).label),
            project=row.project.slug if row.project else "",
            environment=row.environment.slug if row.environment else "",
            group=row.group.slug if row.group else "",
            ends_at=row.ends_at,
        )
        found.setdefault(row.holder_id, []).append(held)
    return found


def find_project(actor: User, slug: str) -> Project:
    """A project that the person sees; raises Missing for any other."""
    project = visible_projects(actor).select_related("organisation").filter(slug=slug).first()
    if project is None:
        raise Missing
    return project


def list_projects(actor: User, *, with_archived: bool = False, text: str = "") -> QuerySet[Project]:
    """The projects that the person sees, with ``member_count`` (people) and organisation; ``text`` in their names."""
    projects = visible_projects(actor) if with_archived else visible_projects(actor).filter(is_archived=False)
    if text:
        projects = projects.filter(Q(slug__icontains=text) | Q(name__icontains=text) | Q(name_en__icontains=text))
    alive = Q(memberships__ends_at=None) | Q(memberships__ends_at__gt=Now())
    people = Coalesce("memberships__user", "memberships__group__members__user")
    members = Count(people, distinct=True, filter=alive)
    return projects.select_related("organisation").annotate(member_count=members)


def list_organisations(actor: User) -> QuerySet[Organisation]:
    """Organisations of the projects that the person sees; all of them for who reads the site."""
    own = Organisation.objects.filter(projects__in=visible_projects(actor)).distinct()
    return Organisation.objects.all() if can(actor, "see_site") else own


def find_organisation(slug: str) -> Organisation:
    """The organisation; raises Missing."""
    organisation = Organisation.objects.filter(slug=slug).first()
    if organisation is None:
        raise Missing
    return organisation


def list_members(actor: User, project: Project) -> QuerySet[Membership]:
    """Memberships of the project that are not over yet (planned ones included); for everybody who sees it."""
    require(actor, "see", project_id=project.pk)
    rows = Membership.objects.filter(not_over(), project=project)
    rows = rows.select_related("user", "group", "environment", "granted_by", "project")
    # Groups first: they are few.
    return rows.order_by(F("group__slug").asc(nulls_last=True), "user__username", "role", "pk")


@dataclass(frozen=True)
class Held:
    """One membership: of a person, or of a group with the people who hold it through that."""

    membership: Membership
    people: list[User]


def by_role(members: Iterable[Membership]) -> list[tuple[str, list[Held]]]:
    """The memberships in force now under their roles, in the order in which an order meets them: one query."""
    now = db_now()
    held = [one for one in members if one.starts_at is None or one.starts_at <= now]
    people: dict[int, list[User]] = defaultdict(list)
    rows = GroupMember.objects.filter(group__in={one.group_id for one in held if one.group_id}, user__is_active=True)
    for row in rows.select_related("user").order_by("user__username"):
        people[row.group_id].append(row.user)
    found = [(role, [one for one in held if one.role == role]) for role in Role]
    return [
        (str(role.label), [Held(one, people[one.group_id] if one.group_id else []) for one in rows])
        for role, rows in found
        if rows
    ]


def find_member(actor: User, project: Project, number: int) -> Membership:
    """One membership of the project by its number; raises Missing."""
    row = list_members(actor, project).filter(pk=number).first()
    if row is None:
        raise Missing
    return row


def list_people(actor: User, *, query: str = "") -> QuerySet[User]:
    """Everybody, for who reads the site; ``query`` is a part of user name or name."""
    require(actor, "see_site")
    people = User.objects.all()
    if query:
        people = people.filter(_named(query))
    return people


def known_people(actor: User, *, text: str, rights: Rights) -> QuerySet[User]:
    """People whose user name or name contains the text: all for who reads the site, else those of one's projects."""
    people = User.objects.filter(_named(text), is_active=True).order_by("username")
    if rights.can("see_site"):
        return people
    ids = rights.project_ids()
    here = Membership.objects.filter(in_force())
    if ids is not None:
        here = here.filter(project__in=ids)
    return people.filter(Q(pk__in=holders(here).order_by().values("pk")) | Q(pk=actor.pk))


def people_of_project(project: Project, *, text: str) -> QuerySet[User]:
    """Those with a role in the project today whose user name or name contains the text, by user name."""
    here = Membership.objects.filter(in_force(), project=project)
    return holders(here).filter(_named(text), is_active=True).order_by("username")


def _named(text: str) -> Q:
    return Q(username__icontains=text) | Q(name__icontains=text) | Q(name_en__icontains=text)


def find_person(actor: User, username: str) -> User:
    """One person, for who reads the site; raises Missing."""
    person = list_people(actor).filter(username=username).first()
    if person is None:
        raise Missing
    return person


def memberships_of(person: User) -> QuerySet[Membership]:
    """All memberships of a person that are not over yet, those of their groups too."""
    rows = Membership.objects.filter(not_over(), of_person(person))
    return rows.select_related("project", "environment", "granted_by", "user", "group").order_by(
        "project__slug", "role", "pk"
    )


def people_to_add(actor: User, project: Project) -> QuerySet[User]:
    """Whom a project administrator may choose from: everybody else who may sign in."""
    require(actor, "manage_members", project_id=project.pk)
    return User.objects.filter(is_active=True).exclude(pk=actor.pk)


def find_site_role(actor: User, holder: User | Group, number: int) -> Membership:
    """A site role that a person or a group holds itself, by its number; raises Missing."""
    require(actor, "see_site")
    row = holder.memberships.filter(not_over(), pk=number, project=None).first()
    if row is None:
        raise Missing
    return row
