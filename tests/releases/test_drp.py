"""A DRP switch and a drill: one act and one confirmation, waves, failures, taken back, killed anywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.choices import Scope
from accounts.models import User
from accounts.services import create_token
from audit.models import AuditEvent
from components.models import Component
from desk.selectors.work import my_work
from environments.access import Rights
from environments.models import Space
from foundation.clock import PARKED
from foundation.problems import Denied, Invalid, Refused, Stale
from foundation.runs import kinds
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.engine import claim, owner, run_step
from foundation.runs.wake import wake
from releases import drp, gates, transitions
from releases.models import Deployment, DrpMember, DrpRun, DrpSwitch, Placement, Readiness, ReleaseOrder, Review
from releases.services import drp as services
from releases.services.holds import hold
from releases.steps.deployment.start import refusal_of
from tests.cast import World
from tests.faults.test_crashes import Died, take
from tests.notifications.telling import told
from tests.releases.pages.conftest import grant, quick_passwords, signed_in
from tests.releases.rows import make_built, make_component, make_review, make_success

__all__ = ["grant", "quick_passwords", "signed_in"]
SignIn = Callable[[str], Client]
API = "/api/v1/drp/"


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither a cluster, nor Jenkins, Git or a registry is there: a question to one fails the test."""

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("somebody asked outside")

    monkeypatch.setattr("foundation.runs.lease.Lease.open", refuse)
    monkeypatch.setattr("deployer.dialing.pinned", refuse, raising=False)
    yield


def bring(world: World, **waves: int) -> dict[str, ReleaseOrder]:
    """Components that serve in production, by name and wave."""
    found = {}
    for name, wave in waves.items():
        component = make_component(world, f"SIS-OMM-{name}")
        Component.objects.filter(pk=component.pk).update(start_wave=wave)
        found[name] = make_built(component, world.dana)
        make_success(found[name], world.spaces["prd"], world.olli)
    return found


def ask(world: World, kind: str = "drill", by: User | None = None) -> DrpSwitch:
    space = world.spaces["drp"]
    return services.ask_drp(actor=by or world.olli, space=space, kind=kind, reason="quarter four", code="SIS-OMM")


def begun(world: World, kind: str = "drill") -> DrpSwitch:
    return services.confirm_drp(actor=world.oskar, row=ask(world, kind), code="sis-omm")


def pass_over(row: DrpSwitch) -> DrpSwitch:
    run = DrpRun.objects.get(switch=row)
    if run.is_active:
        wake(DrpRun, run.pk)
        (lease,) = claim(kinds.get("drp"), owner=owner(), limit=1, pk=run.pk, grace=1e9)
        run_step(lease)
    return drp.rows().get(pk=row.pk)


def states(row: DrpSwitch, field: str = "state") -> dict[str, str]:
    rows = DrpMember.objects.filter(switch=row).order_by("wave", "component__slug")
    return {name.removeprefix("SIS-OMM-"): state for name, state in rows.values_list("component__name", field)}


def end(world: World, to: str = RunState.SUCCEEDED, only: str = "") -> int:
    """What is under way in the twin comes to its end, with the snapshot of its review."""
    rows = Deployment.objects.filter(space=world.spaces["drp"], state__in=sorted(ACTIVE), drp_switch__isnull=False)
    parts = ("order__project", "order__component", "space__environment", "space__project", "drp_switch")
    ended = 0
    for one in rows.select_related(*parts).filter(component__name__contains=only):
        assert refusal_of(_with_snapshot(one)) == "", "its own step lets it go on"
        now = timezone.now()
        Placement.objects.filter(component=one.component_id, space=one.space_id).update(last_applied=one)
        with transaction.atomic():
            Deployment.objects.filter(pk=one.pk).update(applied_at=now - timedelta(seconds=40))
            why: dict[str, Any] = {"message": "no such image"} if to == "failed" else {}
            transitions.end_run(one, to, actor=one.deployed_by, **why)
        ended += 1
    return ended


def _with_snapshot(one: Deployment) -> Deployment:
    if one.snapshot_id is None and one.kind == "deploy":
        Review.objects.filter(pk=one.review_id).exclude(state="succeeded").update(state="failed")
        snapshot = make_review(one.order, one.space).snapshot
        Deployment.objects.filter(pk=one.pk).update(snapshot=snapshot)
        one.snapshot = snapshot
    return one


def to_its_end(row: DrpSwitch, world: World) -> DrpSwitch:
    for _pass in range(20):
        row = pass_over(row)
        if not end(world):
            return pass_over(row)
    raise AssertionError(row.state)


# ---------------------------------------------------------------- one act and one confirmation
def test_it_brings_all_up_wave_after_wave_with_what_production_ran_last(world: World) -> None:
    orders = bring(world, A=1, B=1, C=2)
    assert Space.objects.get(pk=world.spaces["drp"].pk).approvals, "approvals are asked for there"
    row = pass_over(ask(world, "switch"))
    assert (
        row.state == "asked"
        and set(states(row).values()) == {"waiting"}
        and not Deployment.objects.filter(space=world.spaces["drp"])
    )
    services.confirm_drp(actor=world.oskar, row=row, code="sis-omm")
    row = pass_over(pass_over(row))
    assert states(row) == {"A": "deploying", "B": "deploying", "C": "waiting"}
    assert Deployment.objects.filter(drp_switch=row).count() == 2, "twice is harmless"
    assert end(world, only="-A") == 1
    row = pass_over(row)
    assert states(row) == {"A": "serves", "B": "deploying", "C": "waiting"}, "the wave is not over"
    row = to_its_end(row, world)
    assert (row.state, set(states(row).values())) == ("serves", {"serves"})
    made = Deployment.objects.filter(drp_switch=row)
    assert {one.order for one in made} == set(orders.values()) and {one.deployed_by for one in made} == {world.olli}
    verbs = list(AuditEvent.objects.filter(object_type="drp_switch").order_by("pk").values_list("verb", "actor_name"))
    assert [verbs[0], verbs[1], verbs[-1][0]] == [
        ("drp_switch.asked", "Olli"), ("drp_switch.running", "Oskar"), "drp_switch.serves"
    ]  # fmt: skip
    assert not DrpRun.objects.get(switch=row).is_active, "a switch is over"
    with pytest.raises(Refused, match="Only a drill"):
        services.take_back(actor=world.olli, row=row)


def test_the_end_of_a_deployment_takes_its_switch_further_at_once(
    world: World, django_capture_on_commit_callbacks: Any
) -> None:
    bring(world, A=1, B=1)
    row = pass_over(begun(world))
    run = DrpRun.objects.filter(switch=row)
    run.update(next_at=PARKED)
    with django_capture_on_commit_callbacks() as callbacks:
        end(world, only="A")
    assert not run.filter(next_at__lt=PARKED).exists(), "not in the transaction: its passes wait for the same places"
    for callback in callbacks:
        callback()
    assert run.filter(next_at__lt=PARKED).exists()


def test_who_asked_does_not_confirm_and_who_may_not_is_told_whom_to_ask(world: World) -> None:
    bring(world, A=1)
    for actor in (world.dana, world.tess, world.petra):
        with pytest.raises(Denied):
            ask(world, by=actor)
    row = ask(world)
    with pytest.raises(Denied, match="somebody else confirms") as denied:
        services.confirm_drp(actor=world.olli, row=row, code="sis-omm")
    assert "Oskar" in str(denied.value.who_can_help) and "Olli" not in str(denied.value.who_can_help)
    with pytest.raises(Denied):
        services.confirm_drp(actor=world.tess, row=row, code="sis-omm")
    with pytest.raises(Invalid):
        services.confirm_drp(actor=world.oskar, row=row, code="sis-risk")
    with pytest.raises(Denied, match="Only who asked"):
        services.withdraw_drp(actor=world.oskar, row=row)
    with pytest.raises(Stale, match="under way"):
        ask(world, by=world.oskar)
    assert services.refuse_drp(actor=world.petra, row=row, reason="not today").state == "refused"
    with pytest.raises(Refused, match="decided"):
        services.confirm_drp(actor=world.oskar, row=row, code="sis-omm")
    assert services.withdraw_drp(actor=world.olli, row=ask(world)).state == "withdrawn"


def test_unconfirmed_after_fifteen_minutes_nothing_begins(world: World) -> None:
    bring(world, A=1)
    row = ask(world)
    assert row.ends_at - row.asked_at == timedelta(minutes=15)
    DrpSwitch.objects.filter(pk=row.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="in time"):
        services.confirm_drp(actor=world.oskar, row=row, code="sis-omm")
    assert pass_over(row).state == "expired"
    assert ask(world).state == "asked", "it stands in nobody's way"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"reason": " "}, "Say why"), ({"code": "other"}, "Type the project's code"), ({"kind": "both"}, "A switch or"),
        ({"space": "prd"}, "is no twin"),
    ],
)  # fmt: skip
def test_what_does_not_fit_asks_for_nothing(world: World, values: dict[str, str], said: str) -> None:
    given: dict[str, Any] = {"kind": "drill", "reason": "q", "code": "sis-omm", "space": "drp", **values}
    given["space"] = world.spaces[given["space"]]
    with pytest.raises(Invalid) as refused:
        services.ask_drp(actor=world.olli, **given)
    assert said in " ".join(str(text) for texts in refused.value.fields.values() for text in texts)
    with pytest.raises(Refused, match="Nothing serves"):
        ask(world)


# ---------------------------------------------------------------- its gates
def test_it_asks_no_approval_and_four_eyes_hold_by_the_second_person(world: World) -> None:
    order = bring(world, A=1)["A"]
    ReleaseOrder.objects.filter(pk=order.pk).update(author=world.olli)
    Space.objects.filter(pk=world.spaces["drp"].pk).update(four_eyes=True)
    row = pass_over(begun(world))
    made = Deployment.objects.get(drp_switch=row)
    assert made.deployed_by == world.oskar, "four eyes bar who asked, who built it"
    order.refresh_from_db()
    codes = {one.code for one in gates.drp_gates(row, order, row.space, deployer=world.oskar)}
    assert codes == {"built", "drp", "image", "hold", "freeze", "queue", "four-eyes", "rule"}
    assert not codes & {"promoted", "approved", "came-through", "window", "open"}
    DrpSwitch.objects.filter(pk=row.pk).update(state="stopped")
    made.drp_switch.refresh_from_db()  # type: ignore[union-attr]
    assert "does not go on any more" in str(refusal_of(_with_snapshot(made)))


def test_a_hold_stops_a_drill_and_no_switch(world: World) -> None:
    order = bring(world, A=1)["A"]
    until = timezone.now() + timedelta(hours=2)
    hold(actor=world.tess, space=world.spaces["drp"], component=order.component, reason="I test", ends_at=until)
    row = pass_over(begun(world))
    assert states(row) == {"A": "failed"} and row.state == "stopped" and "I test" in str(row.members.get().note)
    services.go_on(actor=world.olli, row=row, leave_out=True)
    assert pass_over(row).state == "serves"
    row = pass_over(begun(world, "switch"))
    assert states(row) == {"A": "deploying"}


def test_an_image_that_the_registry_lacks_is_said_before_anything_is_applied(world: World) -> None:
    order = bring(world, A=1, B=2)["A"]
    item = {"code": "image", "state": "missing", "message": "Registry R has no A.", "help": ""}
    found = [{"component": order.component.slug, "name": "A", "order": order.number, "wave": 1, "items": [item]}]
    Readiness.objects.filter(space=world.spaces["drp"]).update(found=found, checked_at=timezone.now())
    row = pass_over(begun(world, "switch"))
    assert (row.state, states(row)) == ("stopped", {"A": "failed", "B": "waiting"})
    assert str(row.members.get(order=order).note) == "Registry R has no A."
    Readiness.objects.filter(space=world.spaces["drp"]).update(found=[])
    services.go_on(actor=world.oskar, row=row)
    assert to_its_end(row, world).state == "serves"


# ---------------------------------------------------------------- a member fails
def test_a_failure_stops_what_comes_after_and_can_be_left_out(world: World) -> None:
    bring(world, A=1, B=1, C=2)
    row = pass_over(begun(world))
    end(world, RunState.FAILED, only="-A")
    row = pass_over(row)
    assert (row.state, states(row)["B"]) == ("running", "deploying"), "its own wave goes on"
    end(world)
    row = pass_over(pass_over(row))
    assert (row.state, states(row)) == ("stopped", {"A": "failed", "B": "serves", "C": "waiting"})
    assert str(row.members.get(state="failed").note) == "no such image"
    assert "A" in str(AuditEvent.objects.get(verb="drp_switch.stopped").reason)
    with pytest.raises(Denied):
        services.go_on(actor=world.dana, row=row)
    services.go_on(actor=world.olli, row=row, leave_out=True)
    row = to_its_end(row, world)
    assert (row.state, states(row)) == ("serves", {"A": "left_out", "B": "serves", "C": "serves"})


def test_a_third_person_reviews_it_and_a_restored_database_stops_it(world: World) -> None:
    bring(world, A=1)
    row = to_its_end(begun(world, "switch"), world)
    for person in (world.olli, world.oskar):
        with pytest.raises(Denied, match="had a part"):
            services.review_drp(actor=person, row=row, comment="fine")
    with pytest.raises(Invalid):
        services.review_drp(actor=world.petra, row=row, comment=" ")
    waits = my_work(world.petra, Rights(world.petra))
    assert waits.drps == [row] and str(waits.second_title) == "To confirm"
    assert services.review_drp(actor=world.petra, row=row, comment="as it should be").reviewed_by == world.petra
    assert my_work(world.petra, Rights(world.petra)).drps == []
    with pytest.raises(Refused):
        services.review_drp(actor=world.petra, row=row, comment="again")
    row = begun(world)
    services.stop_after_restore()
    row.refresh_from_db()
    assert row.state == "stopped" and services.go_on(actor=world.olli, row=row).state == "running"


# ---------------------------------------------------------------- taken back
def test_a_drill_is_taken_back_in_reverse_order(world: World) -> None:
    orders = bring(world, A=1, B=2, SAME=2)
    old = make_built(orders["B"].component, world.dana)
    before = make_success(old, world.spaces["drp"], world.olli)
    make_success(orders["SAME"], world.spaces["drp"], world.olli)
    row = to_its_end(begun(world), world)
    assert row.state == "serves"
    with pytest.raises(Denied):
        services.take_back(actor=world.petra, row=row)
    row = pass_over(services.take_back(actor=world.oskar, row=row))
    assert states(row, "back_state") == {"A": "", "B": "deploying", "SAME": "stays"}, "the last wave first"
    back = row.members.get(order=orders["B"]).back
    assert back and (back.kind, back.snapshot, back.order) == ("roll_back", before.snapshot, old)
    end(world)
    row = pass_over(pass_over(row))
    review = Review.objects.get(is_removal=True, order=orders["A"])
    assert states(row, "back_state")["A"] == "", "its removal is reviewed first"
    with transaction.atomic():
        snapshot = make_review(orders["A"], world.spaces["drp"], salt="gone").snapshot
        transitions.end_run(review, RunState.SUCCEEDED, actor=None, snapshot=snapshot)
    row = pass_over(row)
    gone = row.members.get(order=orders["A"]).back
    assert gone and (gone.kind, gone.deployed_by) == ("remove", world.oskar)
    end(world)
    row = pass_over(row)
    assert (row.state, set(states(row, "back_state").values())) == ("returned", {"done", "stays"})
    assert not DrpRun.objects.get(switch=row).is_active


def test_what_was_applied_since_is_not_taken_back_and_a_failure_is_tried_again(world: World) -> None:
    orders = bring(world, A=1, B=1)
    for order in orders.values():
        make_success(make_built(order.component, world.dana), world.spaces["drp"], world.olli)
    row = to_its_end(begun(world), world)
    make_success(make_built(orders["A"].component, world.dana), world.spaces["drp"], world.olli)
    row = pass_over(services.take_back(actor=world.olli, row=row))
    assert states(row, "back_state") == {"A": "stays", "B": "deploying"}
    end(world, RunState.FAILED)
    row = pass_over(row)
    assert (row.state, states(row, "back_state")["B"]) == ("stopped", "failed")
    with pytest.raises(Refused):
        services.go_on(actor=world.olli, row=row)
    Placement.objects.filter(component=orders["B"].component, space=row.space).update(
        last_applied=row.members.get(order=orders["B"]).deployment
    )
    row = pass_over(services.take_back(actor=world.olli, row=row))
    end(world)
    assert pass_over(row).state == "returned"


# ---------------------------------------------------------------- killed anywhere
@contextlib.contextmanager
def dying_at(statement: int) -> Iterator[None]:
    """Dies before the so-many-th statement; what ends a savepoint is let through, as a database does it by itself."""
    passed = [0]

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "SAVEPOINT" not in sql:
            if passed[0] >= statement:
                raise Died
            passed[0] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


def test_a_pass_that_dies_at_any_statement_does_nothing_twice(world: World) -> None:
    """Twelve components in three waves: each pass dies at its first statement, then its second, to its last."""
    bring(world, **{f"C{n:02d}": n % 3 + 1 for n in range(12)})
    row = begun(world)
    deaths = statement = 0
    for _pass in range(3000):
        lease = take(DrpRun.objects.get(switch=row))
        try:
            with dying_at(statement):
                run_step(lease)
        except Died:
            deaths, statement = deaths + 1, statement + 7
            continue
        statement = 0
        row = drp.rows().get(pk=row.pk)
        if row.state == "serves":
            break
        end(world)
    assert row.state == "serves" and deaths > 10
    made = Deployment.objects.filter(drp_switch=row)
    assert made.count() == 12 == len({one.component_id for one in made})
    for order in {one.order for one in made}:
        seqs = list(order.events.order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, len(seqs) + 1))


# ---------------------------------------------------------------- who is told
def test_who_may_confirm_is_told_at_once_and_finds_it_in_the_inbox(world: World) -> None:
    bring(world, A=1)
    told(world)
    row = ask(world)
    assert told(world) == {"drp": {"oskar", "petra"}}
    for name, waits in (("oskar", [row]), ("petra", [row]), ("olli", []), ("dana", [])):
        person = world.people[name]
        assert my_work(person, Rights(person)).drps == waits, name
    assert my_work(world.oskar, Rights(world.oskar)).second == 1
    services.refuse_drp(actor=world.oskar, row=row, reason="not today")
    assert told(world) == {"drp_went_on": {"olli"}}
    assert my_work(world.oskar, Rights(world.oskar)).drps == []


# ---------------------------------------------------------------- pages and API
def test_page_and_api_ask_confirm_and_report(world: World, signed_in: SignIn) -> None:
    bring(world, A=1, B=2)
    first = to_its_end(begun(world), world)
    olli, oskar = signed_in("olli"), signed_in("oskar")
    assert "2 components start in DRP" in olli.get("/spaces/sis-omm/drp/drp/?kind=drill").content.decode()
    asked = olli.post("/spaces/sis-omm/drp/drp/", {"kind": "drill", "reason": "again", "code": "SIS-OMM"})
    assert asked.status_code == 302
    path = asked.headers["Location"]
    assert "Confirm and begin" not in olli.get(path).content.decode() and "Withdraw" in olli.get(path).content.decode()
    assert "Confirm and begin" in oskar.get(path).content.decode()
    assert oskar.post(f"{path}confirm/", {"code": "no"}).status_code == 400
    assert oskar.post(f"{path}confirm/", {"code": "sis-omm"}).status_code == 302
    row = to_its_end(DrpSwitch.objects.get(asked_by=world.olli, state="running"), world)
    found = olli.get(path).context["found"]
    assert [one.took for one in found.lines] == pytest.approx([40, 40], abs=2)
    assert found.before == first and [one.slower for one in found.lines] == [0, 0]
    for line in found.lines:
        assert (line.started_at, line.serves_at) == (line.row.deployment.applied_at, line.row.deployment.finished_at)
    assert olli.post(f"{path}take-back/").status_code == 302
    _token, key = create_token(
        actor=world.oskar, name="robot", scopes=[Scope.READ, Scope.DEPLOY], lifetime=timedelta(days=1)
    )
    headers = {"Authorization": f"Bearer {key}"}
    whole = oskar.get(f"{API}{row.pk}/", headers=headers).json()
    assert (whole["state"], whole["before"], whole["served"]) == ("returning", first.pk, 2)
    assert [one["seconds_before"] for one in whole["members"]] == pytest.approx([40, 40], abs=2)
    listed = oskar.get(f"{API}?project=sis-omm", headers=headers).json()["items"]
    assert [one["id"] for one in listed] == [row.pk, first.pk]
    assert oskar.get("/drp/?project=sis-omm").status_code == 200
    assert signed_in("otto").get(path).status_code == 404
    refused = oskar.post(f"{API}{row.pk}/confirm/", {"code": "sis-omm"}, "application/json", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "drp-returning")


def test_its_page_asks_the_same_queries_for_any_number_of_components(world: World, signed_in: SignIn) -> None:
    client, counts = signed_in("olli"), []
    for name in ("A", "B", "C", "D"):
        bring(world, **{name: 1})
        if name in "AD":
            row = to_its_end(begun(world), world)
            with CaptureQueriesContext(connection) as found:
                assert client.get(f"/drp/{row.pk}/").status_code == 200
            counts.append(len(found))
    assert counts[0] + 1 >= counts[1], counts
