"""Who deploys and who approves in a project's spaces, read once: what would be left without somebody?

Asked before the click that ends a role, switches a person off or takes somebody out of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import User
from environments.access import Holding, Rights, may_approve
from environments.enough import are_enough
from environments.holding import each_holder, in_force, of_person
from environments.models import Group, GroupMember, Membership, Space
from foundation.messages import MessageLike
from foundation.messages import message as _


@dataclass(frozen=True)
class Held:
    """A role as one person holds it, by a membership of their own or by a group's."""

    membership_id: int
    group_id: int | None
    person_id: int
    holding: Holding


Gone = Callable[[Held], bool]


class Staff:
    """One project's; four queries, however many questions are asked of it."""

    def __init__(self, project_id: int) -> None:
        rows = Membership.objects.filter(in_force(), Q(project=None) | Q(project=project_id))
        found = [
            Held(row.pk, row.group_id, row.holder_id, Holding(row.role, row.project_id, row.environment_id))
            for row in each_holder(rows)
        ]  # fmt: skip
        self.people = User.objects.filter(is_active=True).in_bulk({held.person_id for held in found})
        self.held = [held for held in found if held.person_id in self.people]
        spaces = Space.objects.filter(project=project_id, is_archived=False).select_related("environment", "project")
        self.spaces = list(spaces.order_by("environment__position"))
        named = {slug for space in self.spaces for slug in space.approver_groups}
        self.groups: dict[str, set[int]] = {slug: set() for slug in named}
        for slug, user_id in GroupMember.objects.filter(group__slug__in=named).values_list("group__slug", "user_id"):
            self.groups[slug].add(user_id)

    def warning(self, is_gone: Gone, *, leaves: tuple[str, int] | None = None) -> MessageLike:
        """Where somebody deploys now and nobody could afterwards; empty where nothing is lost.

        ``leaves``: short name of a group and who is taken out of it.
        """
        left = [held for held in self.held if not is_gone(held)]
        groups = self.groups
        if leaves and leaves[0] in groups:
            groups = groups | {leaves[0]: groups[leaves[0]] - {leaves[1]}}
        now, then = self._rights(self.held, self.groups), self._rights(left, groups)
        lost = [
            space.environment.label for space in self.spaces if _is_staffed(space, now) and not _is_staffed(space, then)
        ]
        if not lost:
            return ""
        return _("Then nobody could deploy to %(places)s: too few are left who deploy or approve there.", places=lost)

    def _rights(self, held: Iterable[Held], groups: dict[str, set[int]]) -> list[Rights]:
        """Of everybody who holds one of these roles, without a query."""
        holdings: dict[int, list[Holding]] = {}
        for one in held:
            holdings.setdefault(one.person_id, []).append(one.holding)
        found = [Rights(self.people[pk], held=own) for pk, own in holdings.items()]
        for rights in found:
            rights.know_groups(slug for slug, people in groups.items() if rights.user.pk in people)
        return found


def _is_staffed(space: Space, everybody: Iterable[Rights]) -> bool:
    deployers = {rights.user.pk for rights in everybody if rights.can("deploy", space=space)}
    approvers = {rights.user.pk: rights.groups for rights in everybody if may_approve(rights, space)}
    return bool(deployers) and are_enough(space, deployers, approvers)


def warnings_of_ending(rows: Iterable[Membership], staffs: dict[int, Staff] | None = None) -> dict[int, MessageLike]:
    """What each of these memberships leaves behind when it is ended, by its id; those that leave nothing are not in.

    ``staffs``: by project, for who asks several times; filled here.
    """
    staffs = {} if staffs is None else staffs
    found: dict[int, MessageLike] = {}
    for row in rows:
        if row.project_id is None:
            continue
        if row.project_id not in staffs:
            staffs[row.project_id] = Staff(row.project_id)
        if warning := staffs[row.project_id].warning(_by(row.pk)):
            found[row.pk] = warning
    return found


def _by(membership_id: int) -> Gone:
    return lambda held: held.membership_id == membership_id


def warnings_of_leaving(person: User) -> dict[str, MessageLike]:
    """What is lost where this person may not sign in any more, by short name of the project."""
    rows = Membership.objects.filter(in_force(), of_person(person), project__isnull=False, project__is_archived=False)
    projects = dict(rows.order_by("project__slug").values_list("project__slug", "project_id"))
    told = {slug: Staff(pk).warning(lambda held: held.person_id == person.pk) for slug, pk in projects.items()}
    return {slug: warning for slug, warning in told.items() if warning}


def warnings_of_taking_out(group: Group, people: Iterable[User]) -> dict[int, dict[str, MessageLike]]:
    """By the person's id, what is lost where they are in the group no more, by short name of the project."""
    staffs = {slug: Staff(pk) for slug, pk in _projects_of(group).items()}
    found: dict[int, dict[str, MessageLike]] = {}
    for person in people:
        told = {
            slug: staff.warning(_through(group, person), leaves=(group.slug, person.pk))
            for slug, staff in staffs.items()
        }
        if lost := {slug: warning for slug, warning in told.items() if warning}:
            found[person.pk] = lost
    return found


def _through(group: Group, person: User) -> Gone:
    return lambda held: held.group_id == group.pk and held.person_id == person.pk


def _projects_of(group: Group) -> dict[str, int]:
    """Where the group holds a role, or a policy names it."""
    held = group.memberships.filter(in_force(), project__isnull=False, project__is_archived=False)
    found = dict(held.values_list("project__slug", "project_id"))
    # No database that we support looks into a list alike: there are few such policies.
    rows = Space.objects.exclude(approver_groups=[]).filter(is_archived=False, project__is_archived=False)
    found |= {
        space.project.slug: space.project_id
        for space in rows.select_related("project")
        if group.slug in space.approver_groups
    }
    return dict(sorted(found.items()))
