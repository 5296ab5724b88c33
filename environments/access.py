"""``can()`` and ``visible_to()``: every page, API call, websocket and step asks here and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.functional import lazy

from accounts.models import Project, User
from environments.choices import Role
from environments.holding import held_by, holders, in_force, of_person
from environments.models import GroupMember, Membership, Space
from environments.verbs import STILL_IN_ARCHIVE, VERBS, Where
from foundation.clock import db_now
from foundation.idempotency import note_right
from foundation.messages import MessageLike, localized_names
from foundation.messages import message as _
from foundation.problems import Asked, Denied, Missing, Refused
from foundation.request_context import note_place

NOWHERE = 0
"""The id of no environment: only roles in the whole project are held there."""


@dataclass(frozen=True)
class Holding:
    """One role in force now; nulls mean everywhere."""

    role: str
    project_id: int | None
    environment_id: int | None


class Rights:
    """What one person may do, read from the rows once: make a new one for every request and every step.

    ``only_project_id`` (by default the one a token is bound to) leaves the rights in that project alone: roles that
    count everywhere count there only, and no verb of the site is left. ``held``: the roles in force, if already read.
    """

    def __init__(
        self, user: User, *, only_project_id: int | None = None, held: Collection[Holding] | None = None
    ) -> None:
        self.user = user
        only = user.only_project_id if only_project_id is None else only_project_id
        self.only_project_id = only
        if held is None:
            # Unordered: the model's own order joins two tables, for every page and call.
            unordered = Membership.objects.filter(in_force(), of_person(user)).order_by()
            rows = unordered.values_list("role", "project_id", "environment_id")
            held = [Holding(*row) for row in rows] if user.is_active else []
        if only is not None:
            held = [Holding(one.role, only, one.environment_id) for one in held if one.project_id in (None, only)]
        self.holdings = tuple(held)
        self._groups: list[frozenset[str]] = []
        """Read when first asked for; shared with :meth:`alone`."""

    @property
    def groups(self) -> frozenset[str]:
        """Short names of the groups that the person is in."""
        if not self._groups:
            slugs = GroupMember.objects.filter(user=self.user).order_by().values_list("group__slug", flat=True)
            self._groups.append(frozenset(slugs))
        return self._groups[0]

    def know_groups(self, slugs: Iterable[str]) -> None:
        """For who has read them for many people at once."""
        self._groups[:] = [frozenset(slugs)]

    @cached_property
    def archived_ids(self) -> frozenset[int]:
        """Archived projects: nothing but reading is left there."""
        return frozenset(Project.objects.filter(is_archived=True).order_by().values_list("pk", flat=True))

    @cached_property
    def now(self) -> datetime:
        """The database's clock when it was first asked for."""
        return db_now()

    @cached_property
    def spaces(self) -> list[Space]:
        """The live spaces of the projects that this person sees, in flow order, with project and environment."""
        rows = Space.objects.filter(visible_to(self.user, rights=self), project__is_archived=False, is_archived=False)
        rows = rows.select_related("project", "environment__twin")
        return list(rows.order_by("environment__position", "environment__slug", "pk"))

    def alone(self, one: Holding) -> Rights:
        """What the same person might do with this role and no other."""
        other = Rights(self.user, only_project_id=self.only_project_id, held=[one])
        other.archived_ids, other._groups = self.archived_ids, self._groups
        return other

    def roles_in(self, project_id: int, environment_id: int | None = None) -> set[str]:
        """Roles held in the project (or any of its spaces), or, with an environment, in that very space."""
        found = set()
        for held in self.holdings:
            in_place = environment_id is None or held.environment_id in (None, environment_id)
            if held.project_id is None or (held.project_id == project_id and in_place):
                found.add(held.role)
            # A grant's holder counts as a developer in the project, for all environments.
            if held.role == Role.GRANT and held.project_id == project_id and environment_id is None:
                found.add(Role.DEVELOPER)
        return found

    def can(
        self, verb: str, *, project_id: int | None = None, space: Space | None = None, owner_id: int | None = None
    ) -> bool:
        """True when the table lets this person do it there. ``owner_id``: author, deployer or giver of the thing."""
        if not self.user.is_active:
            return False
        rule = VERBS[verb]
        is_own = owner_id is not None and owner_id == self.user.pk
        if rule.where is Where.SITE:
            return any(held.project_id is None and held.role in rule.roles for held in self.holdings)
        if self._is_shut_there(verb, project_id, space) or _is_gone(verb, space):
            return False
        if rule.where is Where.PROJECT:
            roles = self.roles_in(_project(project_id, space))
            return bool(roles & rule.roles) or (rule.own and is_own and bool(roles))
        if space is None:
            # Asked for all spaces of the project: a role in one environment does not reach the others.
            return bool(self.roles_in(_project(project_id, None), NOWHERE) & rule.roles)
        roles = self.roles_in(space.project_id, space.environment_id)
        if roles & rule.roles or (not space.operations_only and roles & rule.unless_operations_only):
            return True
        # What is one's own stays so only while one still belongs to the project.
        belongs = bool(self.roles_in(space.project_id))
        return belongs and is_own and (rule.own or (rule.where_creators_may and space.creators_may_promote))

    def can_somewhere(self, verb: str, *, project_id: int) -> bool:
        """True when the table lets them do it in the whole project or in one of its environments at least."""
        if not self.user.is_active or self.is_shut(verb, project_id):
            return False
        return bool(self.roles_in(project_id) & VERBS[verb].roles)

    def is_shut(self, verb: str, project_id: int) -> bool:
        """True when the project is archived and the verb is more than reading."""
        known = self.__dict__.get("spaces", ())
        if any(space.project_id == project_id for space in known):
            return False
        return verb not in STILL_IN_ARCHIVE and project_id in self.archived_ids

    def _is_shut_there(self, verb: str, project_id: int | None, space: Space | None) -> bool:
        """The same, by the space's own project where that was read with it: no further query."""
        if space is not None and "project" in space._state.fields_cache:
            return verb not in STILL_IN_ARCHIVE and space.project.is_archived
        return self.is_shut(verb, _project(project_id, space))

    def sees(self, project_id: int) -> bool:
        """May this person see the project at all? Without access: 404."""
        return self.can("see", project_id=project_id)

    def project_ids(self) -> set[int] | None:
        """Projects this person sees; None means all."""
        if any(held.project_id is None for held in self.holdings):
            return None
        return {held.project_id for held in self.holdings if held.project_id is not None}


def may_approve(rights: Rights, space: Space) -> bool:
    """By the table, and by the space's policy of today, which may narrow it to some roles and to some groups."""
    if not rights.can("approve", space=space):
        return False
    if space.approver_groups and not rights.groups & set(space.approver_groups):
        return False
    roles = rights.roles_in(space.project_id, space.environment_id)
    return not space.approver_roles or bool(roles & set(space.approver_roles))


def read_rights(users: Iterable[User]) -> list[tuple[Rights, datetime | None]]:
    """The rights of several people, and when the first of each one's roles ends, in two queries."""
    people = list(users)
    held: dict[int, list[Holding]] = {user.pk: [] for user in people}
    ends: dict[int, datetime] = {}
    for row in held_by(people).filter(in_force()):
        held[row.holder_id].append(Holding(row.role, row.project_id, row.environment_id))
        if row.ends_at is not None:
            ends[row.holder_id] = min(row.ends_at, ends.get(row.holder_id, row.ends_at))
    return [(Rights(user, held=held[user.pk] if user.is_active else []), ends.get(user.pk)) for user in people]


def know_groups(rights: Iterable[Rights]) -> None:
    """The groups of several people, and which projects are archived, in two queries for all of them."""
    archived = frozenset(Project.objects.filter(is_archived=True).values_list("pk", flat=True))
    found = {one.user.pk: one for one in rights}
    slugs: dict[int, list[str]] = {pk: [] for pk in found}
    for user_id, slug in GroupMember.objects.filter(user__in=list(found)).values_list("user_id", "group__slug"):
        slugs[user_id].append(slug)
    for pk, one in found.items():
        one.archived_ids = archived
        one.know_groups(slugs[pk])


def _is_gone(verb: str, space: Space | None) -> bool:
    """True when the space is archived and the verb is more than reading."""
    return space is not None and space.is_archived and verb not in STILL_IN_ARCHIVE


def _project(project_id: int | None, space: Space | None) -> int:
    if space is not None:
        return space.project_id
    if project_id is None:
        raise ValueError("a project or a space is needed")
    return project_id


def can(
    user: User, verb: str, *, project_id: int | None = None, space: Space | None = None, owner_id: int | None = None
) -> bool:
    """Shorthand for one question."""
    return Rights(user).can(verb, project_id=project_id, space=space, owner_id=owner_id)


def require(
    user: User,
    verb: str,
    *,
    project_id: int | None = None,
    space: Space | None = None,
    owner_id: int | None = None,
    rights: Rights | None = None,
) -> None:
    """Raise Missing without access to the project, Denied (with whom to ask) for somebody without the right.

    Refused for everybody where the project or the space is archived. ``rights``: the person's, if just read.
    """
    rights = rights or Rights(user)
    note_place(space.project_id if space else project_id, space.pk if space else None)
    if rights.can(verb, project_id=project_id, space=space, owner_id=owner_id):
        note_right({"verb": verb, "project": project_id, "space": space.pk if space else None, "owner": owner_id})
        return
    if VERBS[verb].where is not Where.SITE and not rights.sees(_project(project_id, space)):
        raise Missing(_("There is no such thing, or it is not yours to see."))
    if VERBS[verb].where is not Where.SITE and rights.is_shut(verb, _project(project_id, space)):
        message = _("The project is archived: it can be read, and nothing in it changes.")
        raise Refused(message, "project-archived", who_may("manage_projects"), asked=asked_for(verb, project_id, space))
    if space is not None and _is_gone(verb, space):
        message = _("%(name)s is archived for this project: nothing goes there.", name=space.environment.label)
        raise Refused(message, "space-archived", who_may("manage_places"), asked=asked_for(verb, project_id, space))
    who = who_may(verb, project_id=project_id, space=space)
    raise Denied(may_not(space), who_can_help=who, asked=asked_for(verb, project_id, space))


def may_not(space: Space | None) -> MessageLike:
    """What page, API and gates say of a missing right."""
    return (
        _("You may not do this in %(name)s.", name=space.environment.label) if space else _("You may not do this here.")
    )


def asked_for(verb: str, project_id: int | None, space: Space | None) -> Asked:
    """What was asked, by names; read only when it is refused."""
    if space is not None:
        return Asked(verb, space.project.slug, space.environment.slug)
    if VERBS[verb].where is Where.SITE or project_id is None:
        return Asked(verb)
    return Asked(verb, Project.objects.values_list("slug", flat=True).get(pk=project_id))


def require_either(user: User, first: str, second: str, *, space: Space) -> None:
    """As :func:`require` for the first verb, unless the person may the second one there."""
    rights = Rights(user)
    require(user, second if rights.can(second, space=space) else first, space=space, rights=rights)


def require_again(user: User, asked: Iterable[Mapping[str, Any]]) -> None:
    """Asks for rights that were found before, as they are now; raises as :func:`require`."""
    for one in asked:
        space = None
        if one["space"] is not None:
            space = Space.objects.select_related("environment").filter(pk=one["space"]).first()
            if space is None:
                raise Missing(_("There is no such thing, or it is not yours to see."))
        require(user, one["verb"], project_id=one["project"], space=space, owner_id=one["owner"])


def who_may(verb: str, *, project_id: int | None = None, space: Space | None = None, but: User | None = None) -> str:
    """Names of three people who may, ``but`` for one, and how many more; the roles when nobody holds one."""
    return localized_names(names_who_may(verb, project_id=project_id, space=space, but=but))


def who_may_when_read(verb: str, *, project_id: int | None = None, space: Space | None = None) -> MessageLike:
    """The same, asked once somebody reads it: a page has many gates and shows the names of few."""
    return _when_read(verb, project_id=project_id, space=space)


_when_read = lazy(who_may, str)


def names_who_may(
    verb: str, *, project_id: int | None = None, space: Space | None = None, but: User | None = None
) -> list[str]:
    """All of them, one by one; of approvers those whom the space's policy lets."""
    if verb == "approve" and space is not None:
        people = approvers_in(space)
    else:
        held = memberships_that_allow(verb, project_id=project_id, space=space)
        people = list(holders(held).filter(is_active=True))
    names = [person.shown_name for person in people if but is None or person.pk != but.pk]
    return names or [str(Role(role).label) for role in sorted(roles_for(verb, space))]


def people_who_may(verb: str, *, space: Space, only_roles: Collection[str] = ()) -> list[User]:
    """Everybody who may do it in the space by a role held now; ``only_roles`` narrows it as a policy may."""
    return list(holders(memberships_that_allow(verb, space=space, only_roles=only_roles)).filter(is_active=True))


def approvers_in(space: Space) -> list[User]:
    """Everybody who may approve there now, by the table and the policy."""
    held = memberships_that_allow("approve", space=space, only_roles=space.approver_roles)
    people = holders(held).filter(is_active=True)
    if space.approver_groups:
        people = people.filter(pk__in=GroupMember.objects.filter(group__slug__in=space.approver_groups).values("user"))
    return list(people)


def memberships_that_allow(
    verb: str, *, project_id: int | None = None, space: Space | None = None, only_roles: Collection[str] = ()
) -> QuerySet[Membership]:
    """The memberships, of people and of groups, by which one may do it there now."""
    rule = VERBS[verb]
    roles = roles_for(verb, space)
    if only_roles:
        roles &= set(only_roles)
    if rule.where is Where.PROJECT and Role.DEVELOPER in roles:
        # As in ``roles_in``: who holds a grant counts as a developer in the project.
        roles.add(Role.GRANT)
    where = Q(project=None)
    if rule.where is not Where.SITE:
        where |= Q(project_id=_project(project_id, space))
    if rule.where is Where.SPACE:
        where &= Q(environment=None) | Q(environment_id=space.environment_id if space else NOWHERE)
    return Membership.objects.filter(in_force(), where, role__in=roles)


def roles_for(verb: str, space: Space | None) -> set[str]:
    """The roles by which the table allows it there, grants included where the space takes them."""
    rule = VERBS[verb]
    roles = set(rule.roles)
    if space is not None and not space.operations_only:
        roles |= rule.unless_operations_only
    return roles


def visible_projects(user: User) -> QuerySet[Project]:
    """The projects this person sees."""
    ids = Rights(user).project_ids()
    projects = Project.objects.all()
    return projects if ids is None else projects.filter(pk__in=ids)


def visible_to(user: User, *, rights: Rights | None = None, field: str = "project_id") -> Q:
    """A filter for rows whose ``field`` names a project.

    For who sees everything it is true of each row, and not empty: ``Q(a=1) | Q()`` would be ``Q(a=1)``.
    """
    ids = (rights or Rights(user)).project_ids()
    return ~Q(pk__in=[]) if ids is None else Q(**{f"{field}__in": ids})
