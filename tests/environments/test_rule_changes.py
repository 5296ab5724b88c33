"""What loosens a rule of production needs two persons; what tightens it holds at once."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.models import Project, User
from audit.models import AuditEvent
from environments.access import in_force
from environments.models import Membership, RuleChange
from environments.selectors.rule_changes import shown, state_of, waits_for
from environments.services.members import add_membership
from environments.services.people import deactivate_person, set_password
from environments.services.places import edit_environment
from environments.services.projects import edit_project
from environments.services.rule_changes import put_away_lapsed
from environments.services.rule_decisions import (
    confirm_by_shell,
    confirm_rule_change,
    refuse_rule_change,
    withdraw_rule_change,
)
from environments.services.spaces import edit_policy
from foundation.clock import db_now
from foundation.problems import Denied, Invalid, Missing, Refused, Stale
from releases.locks import lock_placement
from releases.placing import create_deployment
from tests.cast import World, browse
from tests.releases.rows import make_built, make_component, make_review

pytestmark = pytest.mark.security("skipped-steps")


def strict(world: World, **more: Any) -> None:
    """PRD with two approvals, and other values."""
    for name, value in {"approvals": 2, **more}.items():
        setattr(world.spaces["prd"], name, value)
    world.spaces["prd"].save()


def propose(world: World, who: str = "petra", reason: str = "year-end", **policy: Any) -> RuleChange:
    space = world.spaces["prd"]
    edit_policy(actor=world.people[who], space=space, reason=reason, **(policy or {"approvals": 1}))
    return RuleChange.objects.latest("pk")


def prd(world: World) -> Any:
    world.spaces["prd"].refresh_from_db()
    return world.spaces["prd"]


# ---------------------------------------------------------------- proposing
def test_a_looser_rule_waits_and_the_old_one_holds(world: World) -> None:
    strict(world)
    row = propose(world)
    assert prd(world).approvals == 2
    assert (row.state, row.before, row.after) == ("proposed", {"approvals": 2}, {"approvals": 1})
    assert row.expires_at - row.proposed_at > timedelta(hours=23, minutes=59)
    event = AuditEvent.objects.get(verb="rule_change.proposed")
    assert (event.before, event.after, event.reason) == ({"approvals": 2}, {"approvals": 1}, "year-end")
    assert (event.project, event.environment, event.actor_name) == ("sis-omm", "prd", "Petra")


def test_a_stricter_rule_holds_at_once(world: World) -> None:
    edit_policy(actor=world.petra, space=prd(world), approvals=3, despite_warnings=True, change_ticket_required=True)
    assert (prd(world).approvals, prd(world).change_ticket_required) == (3, True)
    assert not RuleChange.objects.exists()


def test_of_a_mixed_change_the_stricter_half_holds(world: World) -> None:
    strict(world)
    row = propose(world, approvals=1, change_ticket_required=True)
    assert (prd(world).approvals, prd(world).change_ticket_required) == (2, True)
    assert set(row.after) == {"approvals"}


def test_outside_of_production_one_person_is_enough(world: World) -> None:
    world.spaces["uat"].approvals = 1
    world.spaces["uat"].save()
    edit_policy(actor=world.petra, space=world.spaces["uat"], approvals=0)
    assert not RuleChange.objects.exists()
    world.spaces["uat"].refresh_from_db()
    assert world.spaces["uat"].approvals == 0


def test_it_needs_a_reason(world: World) -> None:
    strict(world)
    with pytest.raises(Invalid) as caught:
        propose(world, reason=" ", approvals=1, change_ticket_required=True)
    assert "say why" in str(caught.value.fields["reason"][0])
    assert not prd(world).change_ticket_required and not RuleChange.objects.exists()


def test_one_waits_at_a_time(world: World) -> None:
    strict(world)
    row = propose(world)
    with pytest.raises(Refused, match="waits there already"):
        propose(world, approvals=1)
    withdraw_rule_change(actor=world.petra, change=row)
    propose(world)
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleChange.objects.create(
            space=world.spaces["prd"], proposed_by=world.petra, reason="x", expires_at=db_now() + timedelta(hours=1)
        )


def test_it_stays_above_the_sites_minimum(world: World) -> None:
    with pytest.raises(Invalid):
        propose(world, approvals=0)
    with pytest.raises(Invalid):
        propose(world, four_eyes=False)
    assert not RuleChange.objects.exists()


# ---------------------------------------------------------------- deciding
@pytest.mark.parametrize("second", ["ada", "otto"])
def test_a_second_person_puts_it_in_force(world: World, second: str) -> None:
    strict(world)
    Membership.objects.create(user=world.otto, role="project_admin", project=world.project)
    row = propose(world)
    assert waits_for(world.people[second]) == [row] and waits_for(world.petra) == []
    confirm_rule_change(actor=world.people[second], change=row, reason="checked the plan")
    assert prd(world).approvals == 1
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.decision_reason) == ("in_force", world.people[second], "checked the plan")
    event = AuditEvent.objects.get(verb="rule_change.in_force")
    assert event.before == {"approvals": 2, "proposed_by": "petra"}
    assert event.after == {"approvals": 1, "decided_by": second}
    with pytest.raises(Refused, match="decided already"):
        confirm_rule_change(actor=world.people[second], change=row)


@pytest.mark.parametrize(("who", "error"), [("petra", Denied), ("olli", Denied), ("uma", Denied), ("otto", Missing)])
def test_nobody_else_does(world: World, who: str, error: type[Exception]) -> None:
    strict(world)
    row = propose(world)
    for act in (confirm_rule_change, refuse_rule_change):
        with pytest.raises(error):
            act(actor=world.people[who], change=row, reason="x")
    assert prd(world).approvals == 2


def test_one_person_with_two_names_is_no_second_person(world: World) -> None:
    strict(world)
    row = propose(world)
    add_membership(actor=world.petra, username="otto", role="project_admin", project=world.project)
    with pytest.raises(Denied, match="less than a day"):
        confirm_rule_change(actor=world.otto, change=row)
    Membership.objects.filter(user=world.otto).update(created_at=db_now() - timedelta(hours=25))
    confirm_rule_change(actor=world.otto, change=row)


def test_whose_password_the_proposer_set_is_no_second_person(world: World) -> None:
    Membership.objects.create(user=world.otto, role="platform_admin")
    edit_environment(actor=world.ada, environment=world.environments["prd"], is_production=False, reason="merge")
    row = RuleChange.objects.get()
    set_password(actor=world.ada, person=world.otto, password="quite another horse")
    with pytest.raises(Denied, match="less than a day"):
        confirm_rule_change(actor=world.otto, change=row)


def test_it_is_the_same_the_other_way_round(world: World) -> None:
    """An administrator takes a project administrator's password, proposes as them, and would confirm as himself."""
    strict(world)
    set_password(actor=world.ada, person=world.petra, password="quite another horse")
    row = propose(world)
    with pytest.raises(Denied, match="less than a day"):
        confirm_rule_change(actor=world.ada, change=row)


def test_two_people_made_by_a_third_are_one(world: World) -> None:
    strict(world)
    for name in ("otto", "uma"):
        add_membership(actor=world.petra, username=name, role="project_admin", project=world.project)
    row = propose(world, "otto")
    with pytest.raises(Denied, match="less than a day"):
        confirm_rule_change(actor=world.uma, change=row)
    confirm_rule_change(actor=world.ada, change=row)


@pytest.mark.parametrize("how", ["role", "account"])
def test_a_former_person_is_none_of_the_two(world: World, how: str) -> None:
    """Who lost the right since, or left, has no say in a rule any more: not by what was proposed before either."""
    strict(world)
    row = propose(world)
    if how == "role":
        Membership.objects.filter(user=world.petra).update(ends_at=db_now())
    else:
        deactivate_person(actor=world.ada, person=world.petra)
    with pytest.raises(Refused, match="Petra, who proposed it, may not change this rule any more") as refusal:
        confirm_rule_change(actor=world.ada, change=row)
    assert refusal.value.code == "proposer-lost-right"
    assert (prd(world).approvals, RuleChange.objects.get().state) == (2, "proposed")
    Membership.objects.filter(user=world.ada).update(ends_at=db_now())
    with pytest.raises(Refused, match="may not change this rule any more"):
        confirm_by_shell(change=row, reason="nobody is left")
    Membership.objects.filter(user=world.ada).update(ends_at=None)
    refuse_rule_change(actor=world.ada, change=row, reason="left")


def test_a_refusal_needs_a_reason_and_changes_nothing(world: World) -> None:
    strict(world)
    row = propose(world)
    with pytest.raises(Invalid):
        refuse_rule_change(actor=world.ada, change=row, reason="")
    refuse_rule_change(actor=world.ada, change=row, reason="not at year-end")
    assert prd(world).approvals == 2 and RuleChange.objects.get().state == "refused"


def test_who_proposed_it_takes_it_back_alone(world: World) -> None:
    strict(world)
    row = propose(world)
    with pytest.raises(Denied):
        withdraw_rule_change(actor=world.ada, change=row)
    withdraw_rule_change(actor=world.petra, change=row)
    with pytest.raises(Refused):
        confirm_rule_change(actor=world.ada, change=row)


def test_it_lapses_after_a_day_by_the_clock_and_is_put_away(world: World) -> None:
    strict(world)
    row = propose(world)
    RuleChange.objects.update(expires_at=db_now() - timedelta(seconds=1))
    row.refresh_from_db()
    assert state_of(row) == "expired" and waits_for(world.ada) == []
    with pytest.raises(Refused, match="lapsed"):
        confirm_rule_change(actor=world.ada, change=row)
    again = propose(world)
    row.refresh_from_db()
    assert row.state == "expired" and again.pk != row.pk
    RuleChange.objects.filter(pk=again.pk).update(expires_at=db_now() - timedelta(seconds=1))
    assert put_away_lapsed() == 1 and put_away_lapsed() == 0
    assert AuditEvent.objects.filter(verb="rule_change.expired", actor_id="platform").count() == 2


def test_it_is_judged_by_the_values_of_the_moment(world: World) -> None:
    strict(world)
    row = propose(world)
    edit_policy(actor=world.petra, space=prd(world), approvals=3, despite_warnings=True)
    with pytest.raises(Stale, match="no longer"):
        confirm_rule_change(actor=world.ada, change=row)
    assert prd(world).approvals == 3


def test_a_deployment_under_way_refuses_both_halves(world: World) -> None:
    strict(world)
    row = propose(world)
    order = make_built(make_component(world), world.dana)
    with transaction.atomic():
        snapshot = make_review(order, world.spaces["prd"]).snapshot
        place = lock_placement(order, world.spaces["prd"])
        create_deployment(order, world.spaces["prd"], place, actor=world.olli, snapshot=snapshot)
    with pytest.raises(Refused, match="is being deployed there"):
        confirm_rule_change(actor=world.ada, change=row)
    withdraw_rule_change(actor=world.petra, change=row)
    with pytest.raises(Refused, match="is being deployed there"):
        propose(world)
    edit_policy(actor=world.petra, space=prd(world), approvals=3, despite_warnings=True)
    assert prd(world).approvals == 3


def test_it_says_who_could_approve_then_and_whether_anybody_could_deploy(world: World) -> None:
    strict(world)
    then = shown(world.ada, propose(world, approvals=1, approver_roles=["project_admin"]))
    assert (then.approvers, then.warning) == ("Petra", "")
    withdraw_rule_change(actor=world.petra, change=then.row)
    then = shown(world.ada, propose(world, approver_roles=["project_admin"], despite_warnings=True))
    assert then.approvers == "Petra" and "nobody could deploy" in str(then.warning)


# ---------------------------------------------------------------- the site's rules and a project's pattern
def test_the_mark_of_production_needs_another_platform_administrator(world: World) -> None:
    place = world.environments["prd"]
    edit_environment(actor=world.ada, environment=place, is_production=False, name="Live", reason="merge")
    place.refresh_from_db()
    assert place.is_production and place.name == "Live"
    row = RuleChange.objects.get()
    with pytest.raises(Denied):
        confirm_rule_change(actor=world.petra, change=row)
    Membership.objects.create(user=world.otto, role="platform_admin")
    confirm_rule_change(actor=world.otto, change=row)
    place.refresh_from_db()
    assert not place.is_production


def test_the_flow_into_production_needs_two(world: World) -> None:
    place, fat = world.environments["prd"], world.environments["fat"]
    edit_environment(actor=world.ada, environment=place, follows=["fat"], reason="hotfix")
    assert set(place.follows.values_list("slug", flat=True)) == {"uat"}
    Membership.objects.create(user=world.otto, role="platform_admin")
    confirm_rule_change(actor=world.otto, change=RuleChange.objects.get())
    assert set(place.follows.all()) == {fat}


def test_the_pattern_of_tickets_needs_two(world: World) -> None:
    edit_project(actor=world.ada, project=world.project, change_ticket_pattern="CHG[0-9]{6}")
    edit_project(actor=world.ada, project=world.project, change_ticket_pattern="", name="Neu", reason="no tickets")
    world.project.refresh_from_db()
    assert (world.project.change_ticket_pattern, world.project.name) == ("CHG[0-9]{6}", "Neu")
    confirm_rule_change(actor=world.petra, change=RuleChange.objects.get())
    world.project.refresh_from_db()
    assert world.project.change_ticket_pattern == ""


@pytest.mark.parametrize("what", ["production", "tickets"])
def test_that_holds_for_rules_of_environments_and_projects_too(world: World, what: str) -> None:
    for name in ("anton", "adam"):
        person = User.objects.create_user(name, "a long secret 7", name=name.title())
        Membership.objects.create(user=person, role="platform_admin", reason="cast")
        world.people[name] = person
    if what == "production":
        edit_environment(actor=world.ada, environment=world.environments["prd"], is_production=False, reason="moves")
    else:
        Project.objects.update(change_ticket_pattern="CHG[0-9]{6}")
        world.project.refresh_from_db()
        edit_project(actor=world.ada, project=world.project, change_ticket_pattern="", reason="other desk")
    deactivate_person(actor=world.adam, person=world.ada)
    with pytest.raises(Refused, match="Ada, who proposed it"):
        confirm_rule_change(actor=world.anton, change=RuleChange.objects.get())


# ---------------------------------------------------------------- one administrator, alone
def test_an_administrator_alone_gets_nowhere(world: World) -> None:
    """The thirty seconds: appoint himself, un-mark production, deploy, put everything back."""
    ada = world.ada
    with pytest.raises(Denied):
        edit_project(actor=ada, project=world.project, administrators=["ada"])
    with pytest.raises(Denied):
        add_membership(actor=ada, username="ada", role="operations", project=world.project)
    edit_environment(actor=ada, environment=world.environments["prd"], is_production=False, reason="quick")
    with pytest.raises(Denied):
        confirm_rule_change(actor=ada, change=RuleChange.objects.get())
    with pytest.raises(Denied):
        edit_policy(actor=ada, space=world.spaces["prd"], approvals=0, four_eyes=False)
    world.environments["prd"].refresh_from_db()
    assert world.environments["prd"].is_production
    assert set(Membership.objects.filter(in_force(), user=ada).values_list("role", flat=True)) == {"platform_admin"}


# ---------------------------------------------------------------- the command
def test_the_shell_is_the_second_person_only_where_no_other_is(world: World) -> None:
    strict(world)
    row = propose(world)
    with pytest.raises(CommandError, match="Ada"):
        call_command("confirm_rule_change", str(row.pk), reason="alone")
    Membership.objects.filter(user=world.ada).delete()
    with pytest.raises(CommandError, match="Say why"):
        call_command("confirm_rule_change", str(row.pk))
    out = io.StringIO()
    call_command("confirm_rule_change", stdout=out)
    assert f"{row.pk} sis-omm·PRD" in out.getvalue()
    call_command("confirm_rule_change", str(row.pk), reason="alone at night", stdout=out)
    row.refresh_from_db()
    assert (row.state, row.is_by_shell, row.decided_by) == ("in_force", True, None)
    assert prd(world).approvals == 1
    event = AuditEvent.objects.get(verb="rule_change.in_force")
    assert (event.actor_id, event.reason) == ("platform", "alone at night")
    with pytest.raises(Refused):
        confirm_by_shell(change=row, reason="again")


def test_the_command_knows_no_other_number(db: None) -> None:
    with pytest.raises(CommandError, match="no such"):
        call_command("confirm_rule_change", "7", reason="x")


# ---------------------------------------------------------------- pages and API
def test_the_pages_show_and_decide_it(world: World) -> None:
    strict(world)
    petra, ada = browse(world, "petra"), browse(world, "ada")
    page = petra.get("/spaces/sis-omm/prd/policy/")
    form = {name: field.value() for field in page.context["form"] if (name := field.name)}
    answer = petra.post("/spaces/sis-omm/prd/policy/", {**_sent(form), "approvals": "1"})
    assert answer.status_code == 400 and "say why" in str(answer.context["form"].errors)
    answer = petra.post("/spaces/sis-omm/prd/policy/", {**_sent(form), "approvals": "1", "reason": "year-end"})
    assert answer.status_code == 302, answer.content.decode()
    row = RuleChange.objects.get()
    for client, said in ((petra, "Withdraw"), (ada, "Confirm"), (browse(world, "dana"), "Ada")):
        assert said in client.get(f"/rule-changes/{row.pk}/").content.decode()
    space = ada.get("/spaces/sis-omm/prd/").content.decode()
    assert "Nothing has changed yet" in space and "Review and decide" in space and "year-end" in space
    assert "year-end" in ada.get("/rule-changes/").content.decode()
    assert browse(world, "otto").get(f"/rule-changes/{row.pk}/").status_code == 404
    assert petra.post(f"/rule-changes/{row.pk}/confirm/", {}).status_code == 403
    assert ada.post(f"/rule-changes/{row.pk}/refuse/", {"reason": ""}).status_code == 400
    assert ada.post(f"/rule-changes/{row.pk}/confirm/", {"reason": "ok"}).status_code == 302
    assert prd(world).approvals == 1
    assert "Earlier rule changes" in ada.get("/spaces/sis-omm/prd/").content.decode()


def _sent(form: dict[str, Any]) -> dict[str, Any]:
    return {
        name: "on" if value is True else value
        for name, value in form.items()
        if value is not False and value is not None
    }


def test_environments_and_projects_show_theirs(world: World) -> None:
    ada = browse(world, "ada")
    edit_project(actor=world.ada, project=world.project, change_ticket_pattern="CHG[0-9]{6}")
    edit_project(actor=world.ada, project=world.project, change_ticket_pattern="C.*", reason="another desk")
    edit_environment(actor=world.ada, environment=world.environments["prd"], is_production=False, reason="merge us")
    assert "another desk" in ada.get("/projects/sis-omm/").content.decode()
    assert "merge us" in ada.get("/environments/").content.decode()


def test_the_api_says_and_does_the_same(world: World) -> None:
    strict(world)
    petra, ada = browse(world, "petra"), browse(world, "ada")
    path = "/api/v1/projects/sis-omm/spaces/prd/policy/"
    refused = petra.patch(path, {"approvals": 1}, content_type="application/json")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["reason"])
    space = petra.patch(path, {"approvals": 1, "reason": "year-end"}, content_type="application/json").json()
    assert space["policy"]["approvals"] == 2
    change = space["rule_change"]
    assert (change["state"], change["before"], change["after"]) == ("proposed", {"approvals": 2}, {"approvals": 1})
    assert petra.get("/api/v1/projects/sis-omm/spaces/").json()["items"][2]["rule_change"] == change
    listed = ada.get("/api/v1/rule-changes/?waiting=true").json()["items"]
    assert [one["number"] for one in listed] == [change["number"]]
    own = f"/api/v1/rule-changes/{change['number']}/"
    refused = petra.post(f"{own}confirm/", {}, content_type="application/json").json()
    assert refused["code"] == "not-the-second" and "verb=confirm_rule_change" in refused["explanation"]
    assert browse(world, "otto").get(own).status_code == 404
    done = ada.post(f"{own}confirm/", {"reason": "ok"}, content_type="application/json")
    assert (done.status_code, done.json()["state"], done.json()["decided_by"]) == (200, "in_force", "ada")
    assert ada.post(f"{own}refuse/", {"reason": "no"}, content_type="application/json").status_code == 409
