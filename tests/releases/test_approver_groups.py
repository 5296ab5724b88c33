"""Named groups as approvers, and the warning before a policy that leaves nobody able to deploy."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from desk.selectors.approvals import to_approve
from environments.access import Rights, approvers_in
from environments.explaining import Matter, explain_right
from environments.models import Group, GroupMember, Membership, RuleChange, Space
from environments.services import groups
from environments.services.spaces import edit_policy
from foundation.problems import Denied, Invalid, Refused
from releases import gates
from releases.models import Promotion, ReleaseOrder
from releases.services import approvals
from tests.cast import World, browse
from tests.releases.rows import make_built, make_component, make_review

pytestmark = pytest.mark.security("skipped-steps")


@pytest.fixture
def risk(world: World) -> Group:
    """A group that production asks for, with oskar in it."""
    group = Group.objects.create(slug="risk", name="风控", name_en="Risk")
    GroupMember.objects.create(group=group, user=world.oskar)
    world.spaces["prd"].approver_groups = ["risk"]
    world.spaces["prd"].save()
    return group


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_built(make_component(world), world.dana)


def test_only_people_of_the_group_approve(world: World, risk: Group, order: ReleaseOrder) -> None:
    space = world.spaces["prd"]
    snapshot = make_review(order, space).snapshot
    assert approvers_in(space) == [world.oskar]
    with pytest.raises(Denied, match="only people of these groups approve: risk") as refusal:
        approvals.approve(actor=world.petra, snapshot=snapshot)
    assert refusal.value.who_can_help == "Oskar"
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    assert gates.first_closed(gates.approval_gates(order, space, snapshot, world.olli)) is None
    # A place in a group gives no right by itself.
    GroupMember.objects.create(group=risk, user=world.tess)
    with pytest.raises(Denied, match="may not do this"):
        approvals.approve(actor=world.tess, snapshot=snapshot)


def test_an_approval_of_who_left_the_group_does_not_count(world: World, risk: Group, order: ReleaseOrder) -> None:
    space = world.spaces["prd"]
    snapshot = make_review(order, space).snapshot
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    groups.take_from_group(actor=world.ada, group=risk, username="oskar")
    closed = gates.first_closed(gates.approval_gates(order, space, snapshot, world.olli))
    assert closed is not None and closed.code == "approved"


def test_the_explainer_says_so(world: World, risk: Group) -> None:
    space = world.spaces["prd"]
    found = explain_right(Matter(Rights(world.petra), "approve", world.project, space))
    assert (found.may, found.code) == (False, "policy") and "names groups: risk" in str(found.why)
    assert [one.user for one in found.helpers] == [world.oskar]
    assert explain_right(Matter(Rights(world.oskar), "approve", world.project, space)).may


def test_the_group_of_a_policy_is_changed_by_two_and_kept(world: World, risk: Group) -> None:
    edit_policy(actor=world.petra, space=world.spaces["prd"], approver_groups=[], reason="everybody")
    assert Space.objects.get(pk=world.spaces["prd"].pk).approver_groups == ["risk"]
    assert RuleChange.objects.get().after == {"approver_groups": []}
    with pytest.raises(Refused, match="names this group"):
        groups.remove_group(actor=world.ada, group=risk)
    with pytest.raises(Denied, match="allowed to change that policy"):
        groups.add_to_group(actor=world.ada, group=risk, username="otto")
    with pytest.raises(Invalid) as unknown:
        edit_policy(actor=world.petra, space=world.spaces["uat"], approver_groups=["no-such"])
    assert "no such group" in str(unknown.value.fields["approver_groups"][0])


def test_lists_ask_for_the_groups_of_everybody_at_once(world: World, risk: Group) -> None:
    space, counts = world.spaces["prd"], []
    Space.objects.filter(pk=space.pk).update(approvals=2)
    GroupMember.objects.create(group=risk, user=world.olli)
    for name, giver in (("SIS-OMM-MOP", world.oskar), ("SIS-OMM-AMS", world.petra)):
        order = make_built(make_component(world, name), world.dana)
        Promotion.objects.create(order=order, component=order.component, space=space, promoted_by=world.tess)
        snapshot = make_review(order, space).snapshot
        GroupMember.objects.get_or_create(group=risk, user=giver)
        approvals.approve(actor=giver, snapshot=snapshot)
        with CaptureQueriesContext(connection) as queries:
            found = to_approve(Rights(world.olli))
        counts.append((len(found), len(queries)))
    assert counts == [(1, counts[0][1]), (2, counts[0][1])]


def test_what_leaves_nobody_able_to_deploy_is_told_before_it_is_saved(world: World) -> None:
    space = world.spaces["uat"]
    with pytest.raises(Invalid) as warning:
        edit_policy(actor=world.petra, space=space, approvals=4)
    assert "nobody could deploy" in str(warning.value.fields["despite_warnings"][0])
    petra = browse(world, "petra")
    form = {"approvals": "4", "asks_review": "on", "operations_only": "on", "approval_hours": "0",
            "approvals_per_group": "0", "settle_seconds": "15", "deploy_deadline_seconds": "900"}  # fmt: skip
    address = "/spaces/sis-omm/uat/policy/"
    assert "nobody could deploy" not in petra.get(address).content.decode()
    told = petra.post(address, form)
    page = told.content.decode()
    assert told.status_code == 400 and "nobody could deploy there" in page and "despite_warnings" in page
    assert Space.objects.get(pk=space.pk).approvals == 0
    assert petra.post(address, form | {"despite_warnings": "on"}).status_code == 302
    assert Space.objects.get(pk=space.pk).approvals == 4


def test_a_group_with_nobody_who_may_is_told_too(world: World) -> None:
    Group.objects.create(slug="empty", name="空")
    with pytest.raises(Invalid):
        edit_policy(actor=world.petra, space=world.spaces["uat"], approvals=1, approver_groups=["empty"])
    Membership.objects.filter(role="operations").delete()
    # Nobody could deploy before either: this change is not to blame.
    edit_policy(actor=world.petra, space=world.spaces["uat"], approvals=1)
