"""Policies of the random desk, and what they ask of approvals, written down a second time: nothing of the product."""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations
from typing import Any

from environments.models import Group, GroupMember
from releases.models import Deployment, Placement
from tests.cast import World

APPROVERS = ("operations", "project_admin")
EACH: dict[str, Any] = {"approvals": 2, "approver_groups": ["risk", "dba"], "approvals_per_group": 1}
POLICIES: tuple[dict[str, Any], ...] = (
    {"approvals": 1}, {"approvals": 2}, {"approvals": 0, "four_eyes": False}, {"four_eyes": False}, {"four_eyes": True},
    {"approver_roles": []}, {"approver_roles": ["operations"]}, {"approver_roles": ["project_admin"]},
    {"approval_hours": 0}, {"approval_hours": 4}, {"approval_hours": 24},
    {"approval_needs_comment": True}, {"approval_needs_comment": False},
    EACH, {"approver_groups": [], "approvals_per_group": 0}, {"approver_groups": ["risk", "dba"]},
    {"approver_groups": ["dba"], "approvals_per_group": 1}, {"approvals_per_group": 1}, {"approvals_per_group": 0},
)  # fmt: skip
POLICY_FIELDS = (
    "approvals", "approver_roles", "approver_groups", "approvals_per_group", "approval_hours",
    "approval_needs_comment", "four_eyes",
)  # fmt: skip
GROUPS = {"risk": ("petra", "oskar"), "dba": ("oskar", "olli", "dave")}


def loosens(name: str, old: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """For the fields of :data:`POLICIES`."""
    before, after = old[name], wanted[name]
    if name == "approver_roles":
        return set(before or APPROVERS) != set(after or APPROVERS)
    if name == "approver_groups":
        return set(before) != set(after)
    if name == "approvals_per_group":
        others = set(wanted.get("approver_groups", old["approver_groups"])) != set(old["approver_groups"])
        return bool(after < before or (others and after != before))
    if name == "approval_hours":
        return bool(before) and (not after or after > before)
    return int(after) < int(before)


def make_groups(world: World) -> None:
    for slug, names in GROUPS.items():
        group = Group.objects.create(slug=slug, name=slug)
        GroupMember.objects.bulk_create([GroupMember(group=group, user=world.people[name]) for name in names])


def may_by_group(policy: dict[str, Any], person: str) -> bool:
    """Is the person in one of the groups named, if some are?"""
    named = policy["approver_groups"]
    return not named or any(person in GROUPS[slug] for slug in named)


def lacking(policy: dict[str, Any], people: Collection[str]) -> int:
    """How many approvals are still to come, by trying everybody in every place of a group."""
    places = [slug for slug in policy["approver_groups"] for _number in range(policy["approvals_per_group"])]
    seated = permutations([*people, *[""] * len(places)], len(places))
    filled = max(sum(who in GROUPS[slug] for slug, who in zip(places, whom, strict=True)) for whom in seated)
    return max(policy["approvals"] - len(people), len(places) - filled)


def is_older(to: Deployment, rows: list[Deployment]) -> bool:
    """Neither the last success nor the newest of another snapshot than the one that stands; ``rows`` newest first."""
    stands = Placement.objects.get(space=to.space_id, component=to.component_id).last_applied
    others = [row.snapshot_id for row in rows if stands is None or row.snapshot_id != stands.snapshot_id]
    return to.snapshot_id not in (rows[0].snapshot_id, *others[:1])
