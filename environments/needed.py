"""How many approvals a policy needs, how many of them of each group that it names, and for which one each counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from environments.models import GroupMember, Space

People = Mapping[int, Collection[str]]
"""Ids of people with the groups that each is in; who comes first is placed first."""


@dataclass(frozen=True)
class Needed:
    """``approvals`` in all; where ``per_group`` is not 0, so many of each of the ``groups`` among them."""

    approvals: int
    groups: tuple[str, ...] = ()
    per_group: int = 0

    def counted_for(self, people: People) -> dict[int, str]:
        """Each one's group, one at most, so that as many places are filled as can be; who fills none is not in."""
        held: dict[str, list[int]] = {slug: [] for slug in self.groups}
        for person in people:
            self._place(person, people, held, set())
        found = {person: slug for slug, placed in held.items() for person in placed}
        return {person: found[person] for person in people if person in found}

    def _place(self, person: int, people: People, held: dict[str, list[int]], tried: set[str]) -> bool:
        """A free place in one of their groups, or one of somebody who can move on to another group."""
        for slug in self.groups:
            if slug in tried or slug not in people[person]:
                continue
            tried.add(slug)
            if len(held[slug]) < self.per_group:
                held[slug].append(person)
                return True
            for number, other in enumerate(held[slug]):
                if self._place(other, people, held, tried):
                    held[slug][number] = person
                    return True
        return False

    def missing(self, people: People) -> dict[str, int]:
        """How many of each group are still to come."""
        found = list(self.counted_for(people).values())
        return {slug: left for slug in self.groups if (left := self.per_group - found.count(slug)) > 0}

    def lacking(self, people: People) -> int:
        """How many more approvals it takes at least."""
        return max(self.approvals - len(people), sum(self.missing(people).values()), 0)

    def is_reached(self, people: People) -> bool:
        """Are these enough?"""
        return not self.lacking(people)

    def is_helped_by(self, groups: Collection[str], people: People) -> bool:
        """Would one more person, who is in ``groups``, leave less to come? 0 is the id of nobody."""
        return self.lacking({**people, 0: groups}) < self.lacking(people)


def needed_in(space: Space, *, least: int = 0) -> Needed:
    """By its policy of today; ``least`` for an act that never goes without."""
    groups = tuple(dict.fromkeys(space.approver_groups))
    return Needed(max(space.approvals, least), groups, space.approvals_per_group if groups else 0)


def groups_of(space: Space, people: Iterable[int]) -> dict[int, list[str]]:
    """By id, which of the groups that the policy names each is in; read only where it matters which."""
    found: dict[int, list[str]] = {person: [] for person in people}
    if needed_in(space).per_group and found:
        rows = GroupMember.objects.filter(user__in=list(found), group__slug__in=space.approver_groups)
        for person, slug in rows.order_by("group__slug").values_list("user_id", "group__slug"):
            found[person].append(slug)
    return found
