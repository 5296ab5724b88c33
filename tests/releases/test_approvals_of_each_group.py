"""Production that needs an approval of each of two groups: gates, inbox, rights, warnings, rule changes, sheet."""

from __future__ import annotations

from typing import Any

import pytest

from desk.selectors.approvals import to_approve
from environments.access import Rights
from environments.explaining import Matter, explain_right
from environments.models import Group, GroupMember, Membership, RuleChange, Space
from environments.policy import policy_in_force
from environments.services import groups
from environments.services.rule_decisions import confirm_rule_change
from environments.services.spaces import edit_policy
from environments.staff import warnings_of_taking_out
from foundation.problems import Invalid, Refused
from releases import gates
from releases.gate import Gate
from releases.models import Placement, Promotion, Snapshot
from releases.services import approvals, deployments
from releases.services.scale_requests import approve_scale, ask_scale
from releases.waiting import scales_to_approve
from tests.cast import World, browse
from tests.releases.rows import make_built, make_component, make_review, make_success
from tests.releases.test_api import Caller
from tests.releases.test_scaling import WORKLOAD

pytestmark = [pytest.mark.django_db, pytest.mark.security("skipped-steps")]
EACH: dict[str, Any] = {"approvals": 2, "approver_groups": ["risk", "dba"], "approvals_per_group": 1}
RISK, DBA = ("petra", "oskar"), ("oskar", "olli")


@pytest.fixture
def space(world: World) -> Space:
    """PRD needs one of risk and one of dba; oskar is in both."""
    for slug, people in (("risk", RISK), ("dba", DBA)):
        group = Group.objects.create(slug=slug, name=slug)
        GroupMember.objects.bulk_create([GroupMember(group=group, user=world.people[name]) for name in people])
    Space.objects.filter(pk=world.spaces["prd"].pk).update(**EACH)
    world.spaces["prd"].refresh_from_db()
    return world.spaces["prd"]


@pytest.fixture
def snapshot(world: World, space: Space) -> Snapshot:
    order = make_built(make_component(world), world.dana)
    for slug in ("fat", "uat"):
        make_success(order, world.spaces[slug], world.olli)
    Promotion.objects.create(order=order, component=order.component, space=space, promoted_by=world.tess)
    found = make_review(order, space).snapshot
    assert found is not None
    return found


def gate(snapshot: Snapshot, deployer: Any = None) -> Gate:
    found = gates.approval_gates(snapshot.order, snapshot.space, snapshot, deployer)
    return next(one for one in found if one.code == "approved")


def test_one_person_in_two_groups_is_one_approval(world: World, snapshot: Snapshot) -> None:
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    closed = gate(snapshot)
    assert not closed.is_open
    assert str(closed.message) == "1 of 2 approvals: Oskar for risk; missing of dba (1)."
    # Petra would fill the place that Oskar leaves by counting for dba.
    assert str(closed.who) == "Olli, Petra"
    approvals.approve(actor=world.petra, snapshot=snapshot)
    opened = gate(snapshot)
    assert opened.is_open
    assert str(opened.message) == "2 of 2 approvals: Oskar for dba, Petra for risk."


def test_two_of_one_group_are_not_one_of_each(world: World, space: Space, snapshot: Snapshot) -> None:
    GroupMember.objects.filter(user=world.oskar, group__slug="dba").delete()
    for person in (world.oskar, world.petra):
        approvals.approve(actor=person, snapshot=snapshot)
    closed = gate(snapshot)
    assert str(closed.message) == "2 of 2 approvals: Oskar for risk; missing of dba (1)." and closed.who == "Olli"
    # Who would deploy it is the last of the group: nobody is left, and it is said.
    alone = gate(snapshot, world.olli)
    assert not alone.is_open and "is left in dba" in str(alone.message) and alone.who == "Ada"
    order = snapshot.order
    with pytest.raises(Refused, match="is left in dba"):
        deployments.start_deployment(actor=world.olli, order=order, space=space, snapshot_hash=snapshot.hash)
    # From any of them, as before.
    Space.objects.filter(pk=space.pk).update(approvals_per_group=0)
    snapshot.space.refresh_from_db()
    assert str(gate(snapshot).message) == "2 of 2 approvals." and gate(snapshot).is_open


def test_an_approval_counts_by_the_groups_of_this_moment(world: World, snapshot: Snapshot) -> None:
    for person in (world.oskar, world.petra):
        approvals.approve(actor=person, snapshot=snapshot)
    assert gate(snapshot).is_open
    groups.take_from_group(actor=world.ada, group=Group.objects.get(slug="risk"), username="petra")
    closed = gate(snapshot)
    assert not closed.is_open and "missing of dba (1)" in str(closed.message)


def test_the_inbox_asks_those_who_fill_a_place(world: World, snapshot: Snapshot) -> None:
    GroupMember.objects.filter(user=world.oskar, group__slug="dba").delete()
    people = (world.olli, world.oskar, world.petra)
    assert [len(to_approve(Rights(one))) for one in people] == [1, 1, 1]
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    assert [len(to_approve(Rights(one))) for one in people] == [1, 0, 0]
    number = snapshot.order.number
    assert "Approve for PRD" in browse(world, "olli").get(f"/orders/{number}/").content.decode()
    assert "Approve for PRD" not in browse(world, "petra").get(f"/orders/{number}/").content.decode()


def test_a_scale_outside_the_bounds_needs_them_too(world: World, space: Space, snapshot: Snapshot) -> None:
    make_success(snapshot.order, space, world.olli)
    Snapshot.objects.update(manifests=[WORKLOAD])
    place = Placement.objects.get(space=space)
    row = ask_scale(actor=world.olli, space=space, placement=place, replicas=0, reason="sleep")
    GroupMember.objects.create(group=Group.objects.get(slug="dba"), user=world.petra)
    approve_scale(actor=world.oskar, row=row)
    assert [len(scales_to_approve(Rights(one))) for one in (world.petra, world.oskar)] == [1, 0]
    GroupMember.objects.filter(user__in=[world.petra, world.oskar], group__slug="dba").delete()
    assert not scales_to_approve(Rights(world.petra)), "risk has its place filled"
    with pytest.raises(Refused, match="in dba"):
        deployments.scale(actor=world.olli, space=space, placement=place, replicas=0)


def test_the_explainer_names_the_groups_it_counts_for(world: World, space: Space) -> None:
    found = explain_right(Matter(Rights(world.oskar), "approve", world.project, space))
    assert found.may and "counts for one of these groups: dba, risk" in str(found.message)
    assert not explain_right(Matter(Rights(world.dana), "approve", world.project, space)).may


def test_from_each_to_any_and_a_lower_number_need_a_second_person(world: World, space: Space) -> None:
    edit_policy(actor=world.petra, space=space, approvals_per_group=0, reason="quicker")
    change = RuleChange.objects.get()
    assert change.after == {"approvals_per_group": 0} and Space.objects.get(pk=space.pk).approvals_per_group == 1
    confirm_rule_change(actor=world.ada, change=change, reason="agreed")
    assert Space.objects.get(pk=space.pk).approvals_per_group == 0
    # More of each tightens, at once.
    edit_policy(actor=world.petra, space=space, approvals_per_group=1)
    assert Space.objects.get(pk=space.pk).approvals_per_group == 1


def test_groups_and_how_many_of_each_are_one_change(world: World, space: Space) -> None:
    Space.objects.filter(pk=space.pk).update(approver_groups=[], approvals_per_group=0, approvals=1)
    edit_policy(actor=world.petra, space=space, reason="two hats", **EACH)
    change, row = RuleChange.objects.get(), Space.objects.get(pk=space.pk)
    assert change.after == {"approver_groups": ["risk", "dba"], "approvals_per_group": 1}
    assert (row.approvals, row.approver_groups, row.approvals_per_group) == (2, [], 0)
    confirm_rule_change(actor=world.ada, change=change, reason="agreed")
    assert (
        policy_in_force(Space.objects.select_related("environment", "project").get(pk=space.pk)).items() >= EACH.items()
    )


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"approver_groups": []}, "Choose the groups"),
        ({"approvals_per_group": 2}, "2 of each group are 4 approvals"),
        ({"approvals": 1}, "1 of each group are 2 approvals"),
    ],
)
def test_numbers_that_do_not_go_together_are_said(
    world: World, space: Space, wanted: dict[str, Any], words: str
) -> None:
    with pytest.raises(Invalid) as problem:
        edit_policy(actor=world.petra, space=space, reason="x", **wanted)
    assert words in str(problem.value.fields["approvals_per_group"][0])


def test_a_policy_that_leaves_nobody_is_told_before(world: World, space: Space) -> None:
    Space.objects.filter(pk=space.pk).update(approvals_per_group=0)
    GroupMember.objects.filter(user=world.olli).delete()
    GroupMember.objects.filter(user=world.petra).delete()
    GroupMember.objects.create(group=Group.objects.get(slug="risk"), user=world.olli)
    # Two may approve, each in a group; one of them deploys, and nobody else does.
    Space.objects.filter(pk=space.pk).update(approvals=1, approver_groups=["risk"])
    with pytest.raises(Invalid) as warning:
        edit_policy(actor=world.petra, space=space, reason="both", **EACH)
    assert "1 of each group must approve" in str(warning.value.fields["despite_warnings"][0])


def test_taking_somebody_out_of_a_group_warns_where_it_was_needed(world: World, space: Space) -> None:
    risk = Group.objects.get(slug="risk")
    Membership.objects.create(user=world.dave, role="operations", project=world.project)
    GroupMember.objects.create(group=Group.objects.get(slug="dba"), user=world.dave)
    assert not warnings_of_taking_out(risk, [world.petra]), "oskar counts for risk, and olli or dave for dba"
    GroupMember.objects.filter(group=risk, user=world.oskar).delete()
    assert list(warnings_of_taking_out(risk, [world.petra])) == [world.petra.pk], "three are left, and none of risk"


def test_page_and_api_take_the_number(world: World, space: Space) -> None:
    form = {"approvals": "2", "approver_groups": ["risk", "dba"], "approvals_per_group": "1", "asks_review": "on",
            "operations_only": "on", "four_eyes": "on", "approval_hours": "0", "settle_seconds": "0",
            "approver_roles": ["operations", "project_admin"], "deploy_deadline_seconds": "900"}  # fmt: skip
    petra = browse(world, "petra")
    address = "/spaces/sis-omm/prd/policy/"
    assert 'name="approvals_per_group"' in petra.get(address).content.decode()
    assert petra.post(address, form | {"approvals_per_group": "0", "reason": "quicker"}).status_code == 302
    assert RuleChange.objects.get().after == {"approvals_per_group": 0}
    told = petra.post(address, form | {"approvals_per_group": "2"})
    assert told.status_code == 400 and "2 of each group are 4 approvals" in told.content.decode()
    shown = Caller(world, "petra").get("projects/sis-omm/spaces/prd/").json()
    assert shown["policy"]["approvals_per_group"] == 1
