"""Why may a person do something there, or why not: the table's answer, with the memberships that it rests on.

Nothing here decides: each yes and no is asked of :class:`Rights`, as pages, API, sockets and steps do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from accounts.models import Project, User
from environments.access import (
    Holding,
    Rights,
    approvers_in,
    may_approve,
    memberships_that_allow,
    names_who_may,
    roles_for,
)
from environments.choices import Role
from environments.holding import each_holder, of_person
from environments.models import Membership, Space
from environments.verb_words import ACTS, OWNED, OWNERS
from environments.verbs import VERBS, Where
from foundation.clock import EPOCH
from foundation.messages import MessageLike, localized_list, localized_time
from foundation.messages import message as _
from foundation.problems import Asked

MOST_SHOWN = 20
"""Memberships of one person that are told, those that count first."""
ENDED, LATER = "ended", "later"


@dataclass(frozen=True)
class Matter:
    """What is asked: may this person (by these rights) do it there? ``owner_id``: whose the thing is, if one is named.

    Site verbs have neither project nor space.
    """

    rights: Rights
    verb: str
    project: Project | None = None
    space: Space | None = None
    owner_id: int | None = None

    @property
    def person(self) -> User:
        """Whose rights are asked for."""
        return self.rights.user

    @property
    def place(self) -> str:
        """As on all pages; empty for the site."""
        if self.project is None:
            return ""
        name = self.project.slug.upper()
        return f"{name} · {self.space.environment.label}" if self.space else name

    @property
    def asked(self) -> Asked:
        """For an address."""
        project = self.project.slug if self.project else ""
        return Asked(self.verb, project, self.space.environment.slug if self.space else "")

    @property
    def may(self) -> bool:
        """The table's answer, narrowed by the space's policy where it names approvers."""
        return self.asked_of(self.rights, owner_id=self.owner_id)

    def asked_of(self, rights: Rights, *, owner_id: int | None = None) -> bool:
        """The same of other rights of the same person: one role alone, or without the thing being theirs."""
        if self.verb == "approve" and self.space is not None:
            return may_approve(rights, self.space)
        project_id = self.project.pk if self.project else None
        return rights.can(self.verb, project_id=project_id, space=self.space, owner_id=owner_id)


@dataclass(frozen=True)
class HeldExplained:
    """One membership of the person, whether it allows the act, and if not why."""

    row: Membership
    counts: bool
    why: MessageLike = ""
    when: str = ""
    """``ended`` or ``later``: it would allow the act, at another time."""

    @property
    def since(self) -> datetime:
        """When it began to count, or will."""
        return self.row.starts_at or self.row.created_at


@dataclass(frozen=True)
class Helper:
    """Somebody who may, and the membership by which: their own, or one of a group of theirs."""

    user: User
    row: Membership


@dataclass(frozen=True)
class RightExplained:
    """The answer. ``code`` is for programs; ``message`` is all of it in words, ``why`` only its reason."""

    matter: Matter
    may: bool
    code: str
    why: MessageLike
    message: MessageLike
    memberships: list[HeldExplained]
    until: datetime | None
    """When the last membership that allows it ends; None without an end, and for a no."""
    roles: list[str]
    owner: MessageLike
    helpers: list[Helper] = field(default_factory=list)
    administrators: list[str] = field(default_factory=list)
    """Who may give such a role there, the person left out: nobody gives a role to himself."""


def explain_right(matter: Matter) -> RightExplained:
    """Reads the person's memberships there and everybody's who may."""
    held = _held(matter)
    may = matter.may
    counting = [one.row for one in held if one.counts]
    if may:
        code, why = ("role", _allowing(matter, counting)) if counting else ("own", owner_of(matter.verb))
    else:
        code, why = _why_not(matter, held)
    shown = sorted(held, key=lambda one: (not one.counts, bool(one.when), -one.row.pk))[:MOST_SHOWN]
    basis = counting or [one.row for one in held if may and not _out_of_time(matter, one.row)]
    return RightExplained(
        matter=matter, may=may, code=code, why=why, message=say(matter, may, why), memberships=shown,
        until=_latest_end(basis), roles=sorted(roles_for(matter.verb, matter.space), key=Role.values.index),
        owner=owner_of(matter.verb) if _owner_may(matter) else "",
        helpers=_helpers(matter, code), administrators=_administrators(matter),
    )  # fmt: skip


def say(matter: Matter, may: bool, why: MessageLike) -> MessageLike:
    """Yes or no, and why."""
    words = {"who": matter.person.localized_name, "act": ACTS[matter.verb], "why": why, "place": matter.place}
    if matter.place:
        if may:
            return _("In %(place)s %(who)s may %(act)s, as %(why)s.", **words)
        return _("In %(place)s %(who)s may not %(act)s: %(why)s", **words)
    if may:
        return _("%(who)s may %(act)s, as %(why)s.", **words)
    return _("%(who)s may not %(act)s: %(why)s", **words)


def owner_of(verb: str) -> MessageLike:
    """Who may because the thing is theirs; empty where that does not matter."""
    return OWNERS[OWNED[verb]] if verb in OWNED else ""


def _owner_may(matter: Matter) -> bool:
    rule = VERBS[matter.verb]
    return rule.own or (rule.where_creators_may and matter.space is not None and matter.space.creators_may_promote)


def _held(matter: Matter) -> list[HeldExplained]:
    here = Q(project=None) | Q(project=matter.project) if matter.project else Q(project=None)
    rows = Membership.objects.filter(here, of_person(matter.person))
    rows = rows.select_related("project", "environment", "granted_by", "group")
    return [_explained(matter, row) for row in rows]


def _explained(matter: Matter, row: Membership) -> HeldExplained:
    allows = matter.asked_of(matter.rights.alone(Holding(row.role, row.project_id, row.environment_id)))
    if when := _out_of_time(matter, row):
        why = _("It has ended.") if when == ENDED else _("It has not begun yet.")
        return HeldExplained(row, False, why, when if allows else "")
    return HeldExplained(row, True) if allows else HeldExplained(row, False, _why_it_does_not(matter, row))


def _why_it_does_not(matter: Matter, row: Membership) -> MessageLike:
    """Of a membership in force."""
    space = matter.space
    if not matter.person.is_active:
        return _("Nothing counts of somebody who was deactivated.")
    if row.role == Role.GRANT and space is not None and space.operations_only:
        return _("Grants do not count in a space that is for operations only.")
    if not _has_such_role(matter, row):
        return _("This role does not allow it.")
    if _is_elsewhere(matter, row):
        return _("It counts in another environment.")
    return _("Something else stands in the way: see the answer above.")


def _has_such_role(matter: Matter, row: Membership) -> bool:
    return row.role in roles_for(matter.verb, matter.space)


def _is_elsewhere(matter: Matter, row: Membership) -> bool:
    if row.environment_id is None or VERBS[matter.verb].where is not Where.SPACE:
        return False
    return matter.space is None or row.environment_id != matter.space.environment_id


def _out_of_time(matter: Matter, row: Membership) -> str:
    """``ended``, ``later``, or empty for one that is in force, as ``in_force`` asks the database."""
    now = matter.rights.now
    if row.ends_at is not None and row.ends_at <= now:
        return ENDED
    return LATER if row.starts_at is not None and row.starts_at > now else ""


def _latest_end(rows: Iterable[Membership]) -> datetime | None:
    ends = [row.ends_at for row in rows]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


def _allowing(matter: Matter, rows: Sequence[Membership]) -> MessageLike:
    """The roles; of an approval also the groups of which it fills a place, where the policy needs some of each."""
    roles, space = _role_words(rows), matter.space
    if matter.verb != "approve" or space is None or not space.approvals_per_group:
        return roles
    groups = sorted(matter.rights.groups & set(space.approver_groups))
    return _("%(roles)s; the approval counts for one of these groups: %(names)s", roles=roles, names=groups)


def _role_words(rows: Sequence[Membership]) -> MessageLike:
    own = {row.role for row in rows if row.group is None}
    named: list[MessageLike] = [Role(role).label for role in sorted(own, key=Role.values.index)]
    for row in rows:
        if row.group is not None and row.role not in own:
            role, group = Role(row.role).label, row.group.slug
            named.append(_("%(role)s through the group %(group)s", role=role, group=group))
    return localized_list(named)


# ---------------------------------------------------------------- no
def _why_not(matter: Matter, held: list[HeldExplained]) -> tuple[str, MessageLike]:
    """The first of these that is so: what shuts it for everybody, the time, the place, the role."""
    rights, space = matter.rights, matter.space
    if not matter.person.is_active:
        return "deactivated", _("this person was deactivated.")
    if matter.project and rights.is_shut(matter.verb, matter.project.pk):
        return "project-archived", _("the project is archived.")
    if space is not None and space.is_archived and not matter.asked_of(rights):
        return "space-archived", _("the space is archived.")
    if matter.project is None and rights.only_project_id is not None:
        return "token", _("this token is for one project.")
    return _why_not_now(held) or _why_not_here(matter, [one.row for one in held if not _out_of_time(matter, one.row)])


def _why_not_now(held: list[HeldExplained]) -> tuple[str, MessageLike] | None:
    later = min((one for one in held if one.when == LATER), key=lambda one: one.since, default=None)
    if later is not None:
        role, at = Role(later.row.role).label, localized_time(later.row.starts_at)
        return "not-begun", _("the role %(role)s begins on %(at)s.", role=role, at=at)
    ended = [one.row for one in held if one.when == ENDED and one.row.ends_at is not None]
    if ended:
        last = max(ended, key=lambda row: row.ends_at or EPOCH)
        return "ended", _(
            "the role %(role)s ended on %(at)s.", role=Role(last.role).label, at=localized_time(last.ends_at)
        )
    return None


def _why_not_here(matter: Matter, rows: list[Membership]) -> tuple[str, MessageLike]:
    space = matter.space
    if not roles_for(matter.verb, space):
        return "not-own", _("only %(owner)s may.", owner=owner_of(matter.verb))
    here = [row for row in rows if not _is_elsewhere(matter, row)]
    if space is not None and space.operations_only and any(row.role == Role.GRANT for row in here):
        return "operations-only", _("the space is for operations only, and a grant does not count there.")
    if any(_has_such_role(matter, row) for row in here):
        # By the table they may: only the policy says otherwise.
        if space is not None and space.approver_groups and not matter.rights.groups & set(space.approver_groups):
            return "policy", _("the policy of the space names groups: %(names)s.", names=space.approver_groups)
        return "policy", _("the policy of the space names other roles.")
    away = [row for row in rows if _is_elsewhere(matter, row) and _has_such_role(matter, row)]
    if away:
        names = [row.environment.label for row in away if row.environment]
        return "elsewhere", _("the role %(role)s counts in %(names)s only.", role=Role(away[0].role).label, names=names)
    if rows:
        roles = list(dict.fromkeys(Role(row.role).label for row in rows))
        return "other-role", _("the role %(roles)s does not allow it.", roles=roles)
    return "no-role", _("no role counts there.") if matter.project else _("no role counts on the whole site.")


# ---------------------------------------------------------------- who can help
def _helpers(matter: Matter, code: str) -> list[Helper]:
    """One membership for each person who may, the viewer among them; who opens the archive, where that shuts it."""
    if code == "project-archived":
        rows = memberships_that_allow("manage_projects")
    elif code == "space-archived":
        rows = memberships_that_allow("manage_places")
    else:
        is_narrowed = matter.verb == "approve" and matter.space is not None
        rows = memberships_that_allow(
            matter.verb,
            project_id=matter.project.pk if matter.project else None,
            space=matter.space,
            only_roles=matter.space.approver_roles if is_narrowed and matter.space else (),
        )
    found: dict[int, Membership] = {}
    for row in each_holder(rows).select_related("group", "project", "environment"):
        known = found.get(row.holder_id)
        # Of several the one that lasts longest.
        if known is None or (known.ends_at is not None and (row.ends_at is None or row.ends_at > known.ends_at)):
            found[row.holder_id] = row
    people: Iterable[User] = User.objects.filter(pk__in=list(found), is_active=True)
    if matter.verb == "approve" and matter.space is not None and code not in ("project-archived", "space-archived"):
        people = approvers_in(matter.space)
    return [Helper(person, found[person.pk]) for person in people]


def _administrators(matter: Matter) -> list[str]:
    if not roles_for(matter.verb, matter.space):
        return []
    if matter.project is None:
        return names_who_may("manage_site_roles", but=matter.person)
    return names_who_may("manage_members", project_id=matter.project.pk, but=matter.person)


# ---------------------------------------------------------------- everything one may there
def acts_there(rights: Rights, project: Project | None, space: Space | None) -> list[Matter]:
    """Each verb that can be asked of the place, in the table's order; no queries beyond the rights."""
    wanted = {Where.SITE} if project is None else {Where.PROJECT} if space is None else {Where.PROJECT, Where.SPACE}
    return [Matter(rights, verb, project, space) for verb, rule in VERBS.items() if rule.where in wanted]
