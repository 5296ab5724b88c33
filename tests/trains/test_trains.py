"""A train: its orders in one act, wave after wave through each one's own gates, also where its run is killed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Project
from audit.models import AuditEvent
from environments.access import Rights
from environments.models import Membership, Space
from foundation.problems import Denied, Invalid, Refused
from foundation.runs.lease import LeaseLost
from foundation.runs.models import PARKED
from releases.models import Build, Deployment, Promotion, ReleaseOrder
from releases.services import approvals, promotions
from releases.services.turns import deploy_in_turn
from tests.cast import World
from tests.releases.rows import make_order, make_review
from tests.releases.test_schedules import plan
from tests.trains.conftest import built, end, member, pass_over, states, take
from trains import standing
from trains.locks import members_of
from trains.models import Train, TrainOrder, TrainRun
from trains.services import driving, making
from trains.services.making import Wanted
from trains.steps import step

MakeTrain = Callable[..., Train]
SEVEN = ("A", "B", "C", "D", "E", "F", "G")


def let_creators_promote(world: World) -> None:
    """FAT asks for no review here, so an order goes there in one act of who may promote and deploy."""
    Space.objects.filter(pk=world.spaces["fat"].pk).update(creators_may_promote=True)


def promoted(world: World, train: Train, *names: str) -> None:
    for name in names:
        promotions.promote(actor=world.tess, order=member(train, name).order, space=world.spaces["fat"])


def started(world: World, make_train: MakeTrain, *waves: Any, after: dict[str, str] | None = None) -> Train:
    """Built, promoted to FAT and started."""
    train = make_train(*waves, after=after)
    pass_over(train)
    names = [name for wave in waves for name in wave]
    built(train, *names)
    promoted(world, train, *names)
    driving.start_train(actor=world.olli, train=train)
    return train


def shown(world: World, train: Train) -> dict[str, tuple[str, str]]:

    rows = list(members_of(train))
    for row in rows:
        row.train = train
    found = standing.standings(Rights(world.olli), train, rows)
    return {one.code: (str(one.standing.word), str(one.standing.who)) for one in found}


# ---------------------------------------------------------------- one act
def test_seven_orders_are_made_in_one_act(world: World, parts: Any) -> None:
    parts(*SEVEN)
    wanted = [Wanted(f"sis-omm-{name.lower()}", "master", number % 3 + 1) for number, name in enumerate(SEVEN)]
    with CaptureQueriesContext(connection) as found:
        planned = making.plan(actor=world.dana, space=world.spaces["fat"], wanted=wanted)
        train = making.create_train(
            actor=world.dana, space=world.spaces["fat"], name="November", wanted=wanted, planned=planned
        )
    assert len(found) <= 60
    orders = ReleaseOrder.objects.filter(train_order__train=train)
    assert orders.count() == 7 and {order.author for order in orders} == {world.dana}
    assert all(order.feed.last_seq == 1 for order in orders), "each has its first event"
    assert AuditEvent.objects.filter(verb="order.created").count() == 7
    assert AuditEvent.objects.get(verb="train.created").after["orders"] == sorted(order.number for order in orders)
    assert TrainRun.objects.get(train=train).is_active


def test_its_run_builds_them_all_at_once_and_once(world: World, make_train: MakeTrain) -> None:
    train = make_train(SEVEN)
    pass_over(train)
    assert Build.objects.filter(order__train_order__train=train).count() == 7
    pass_over(train)
    assert Build.objects.filter(order__train_order__train=train).count() == 7
    assert {build.started_by for build in Build.objects.all()} == {world.dana}
    assert not Deployment.objects.exists(), "nobody started it"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([], "Tick at least one component."),
        ([Wanted("sis-omm-a", "master"), Wanted("sis-omm-a", "master")], "A component is named twice."),
        ([Wanted("sis-omm-a", "")], "Choose a branch"),
        ([Wanted("sis-omm-a", "master", 0)], "A wave is a number between 1 and 20."),
        ([Wanted("sis-omm-no", "master")], "There is no such component: sis-omm-no."),
        ([Wanted("sis-omm-a", "master", 1, "sis-omm-b"), Wanted("sis-omm-b", "master", 2)], "one of its own wave"),
        (
            [Wanted("sis-omm-a", "master", 1, "sis-omm-b"), Wanted("sis-omm-b", "master", 1, "sis-omm-a")],
            "They wait for each other in a circle.",
        ),
    ],
)
def test_what_does_not_fit_makes_no_order(world: World, parts: Any, wanted: list[Wanted], said: str) -> None:
    parts("A", "B")
    with pytest.raises(Invalid) as refused:
        making.plan(actor=world.dana, space=world.spaces["fat"], wanted=wanted)
    assert said in " ".join(str(text) for texts in refused.value.fields.values() for text in texts)
    assert not ReleaseOrder.objects.exists()


def test_who_creates_no_orders_makes_no_train(world: World, parts: Any) -> None:
    parts("A")
    with pytest.raises(Denied):
        making.plan(actor=world.tess, space=world.spaces["fat"], wanted=[Wanted("sis-omm-a", "master")])


# ---------------------------------------------------------------- wave after wave
def test_waves_go_one_after_the_other(world: World, make_train: MakeTrain) -> None:
    train = started(world, make_train, ("A", "B"), ("C",))
    pass_over(train)
    assert states(train) == {"A": "deploying", "B": "deploying", "C": "waiting"}
    assert {row.deployed_by for row in Deployment.objects.all()} == {world.olli}
    end(train, "A")
    pass_over(train)
    assert states(train) == {"A": "succeeded", "B": "deploying", "C": "waiting"}
    end(train, "B")
    pass_over(train)
    assert states(train) == {"A": "succeeded", "B": "succeeded", "C": "deploying"}
    end(train, "C")
    pass_over(train)
    assert train.state == "done" and train.ended_at
    assert TrainRun.objects.get(train=train).next_at == PARKED, "it may still be rolled back"
    verbs = AuditEvent.objects.filter(verb__startswith="train.").order_by("pk").values_list("verb", flat=True)
    assert list(verbs)[:2] == ["train.created", "train.running"] and list(verbs)[-1] == "train.done"


def test_one_of_a_wave_waits_for_another(world: World, make_train: MakeTrain) -> None:
    train = started(world, make_train, ("A", "B"), after={"B": "A"})
    pass_over(train)
    assert states(train) == {"A": "deploying", "B": "waiting"} and shown(world, train)["B"][0] == "waits for SIS-OMM-A"
    end(train, "A")
    pass_over(train)
    assert states(train) == {"A": "succeeded", "B": "deploying"}


def test_a_failing_one_stops_what_comes_after_until_it_is_tried_again_or_skipped(
    world: World, make_train: MakeTrain
) -> None:
    train = started(world, make_train, ("A", "B"), ("C",))
    pass_over(train)
    end(train, "A", "failed")
    end(train, "B")
    pass_over(train)
    pass_over(train)
    assert states(train) == {"A": "failed", "B": "succeeded", "C": "waiting"} and train.state == "running"
    driving.retry_order(actor=world.olli, member=member(train, "A"))
    pass_over(train)
    assert states(train)["A"] == "deploying" and Deployment.objects.filter(order=member(train, "A").order).count() == 2
    end(train, "A", "failed")
    pass_over(train)
    with pytest.raises(Invalid):
        driving.skip_order(actor=world.olli, member=member(train, "A"), reason=" ")
    driving.skip_order(actor=world.olli, member=member(train, "A"), reason="mended tomorrow")
    pass_over(train)
    assert states(train) == {"A": "skipped", "B": "succeeded", "C": "deploying"}
    event = AuditEvent.objects.get(verb="train.order_skipped")
    assert (event.reason, event.actor_name) == ("mended tomorrow", "Olli")


def test_paused_nothing_more_begins_and_what_is_under_way_ends(world: World, make_train: MakeTrain) -> None:
    train = started(world, make_train, ("A",), ("B",))
    pass_over(train)
    driving.pause_train(actor=world.oskar, train=train, reason="lunch")
    end(train, "A")
    pass_over(train)
    pass_over(train)
    assert states(train) == {"A": "succeeded", "B": "waiting"} and (train.state, train.reason) == ("paused", "lunch")
    with pytest.raises(Refused, match="paused already"):
        driving.pause_train(actor=world.oskar, train=train)
    driving.start_train(actor=world.oskar, train=train)
    pass_over(train)
    assert states(train)["B"] == "deploying"
    assert member(train, "B").deployment.deployed_by == world.oskar, "as who started it last"  # type: ignore[union-attr]


# ---------------------------------------------------------------- gates
def test_each_order_keeps_its_own_gates(world: World, make_train: MakeTrain) -> None:
    """To production: without flow, promotion, review and approval nothing goes for any person who started the train."""
    train = make_train(("A",), space="prd")
    pass_over(train)
    built(train, "A")
    driving.start_train(actor=world.olli, train=train)
    pass_over(train)
    assert states(train) == {"A": "waiting"} and not Promotion.objects.exists() and not Deployment.objects.exists()
    row = member(train, "A")
    assert "You may not do this in PRD." in str(row.note) or "has not succeeded in UAT" in str(row.note)
    assert shown(world, train)["A"][0] == "Flow"


def test_approval_and_four_eyes_hold_and_who_can_clear_it_is_said(world: World, make_train: MakeTrain) -> None:
    from tests.releases.rows import make_success

    train = make_train(("A",), space="prd")
    pass_over(train)
    built(train, "A")
    order = member(train, "A").order
    make_success(order, world.spaces["fat"], world.olli)
    make_success(order, world.spaces["uat"], world.olli)
    assert shown(world, train)["A"] == ("waits for promotion", "Petra, Tess")
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    assert shown(world, train)["A"][0] == "is being reviewed"
    review = make_review(order, world.spaces["prd"])
    driving.start_train(actor=world.olli, train=train)
    pass_over(train)
    word, who = shown(world, train)["A"]
    assert word == "waits for approval" and "Oskar" in who and states(train) == {"A": "waiting"}
    assert "approvals" in str(member(train, "A").note)
    assert review.snapshot is not None
    approvals.approve(actor=world.oskar, snapshot=review.snapshot)
    pass_over(train)
    assert states(train) == {"A": "deploying"} and not str(member(train, "A").note)


def test_an_order_that_is_scheduled_says_its_time(world: World, make_train: MakeTrain) -> None:
    train = make_train(("A", "B"))
    pass_over(train)
    built(train, "A", "B")
    promoted(world, train, "A", "B")
    plan(world, member(train, "A").order, place="fat")
    assert shown(world, train)["A"][0].startswith("scheduled for 20")
    assert shown(world, train)["B"] == ("may be deployed", "")


def test_the_creator_does_not_deploy_what_four_eyes_guard(world: World, make_train: MakeTrain) -> None:
    train = make_train(("A",), space="prd")
    with pytest.raises(Denied):
        driving.start_train(actor=world.dana, train=train)


def test_a_word_of_the_tester_comes_only_from_who_promotes(world: World, make_train: MakeTrain) -> None:
    train = make_train(("A",), space="prd")
    with pytest.raises(Denied):
        driving.start_train(actor=world.olli, train=train, test_verdict="passed")
    with pytest.raises(Invalid):
        driving.start_train(actor=world.olli, train=train, test_verdict="perfect")


# ---------------------------------------------------------------- killed, late and by hand
def test_a_pass_that_comes_too_late_writes_nothing(world: World, make_train: MakeTrain) -> None:
    train = started(world, make_train, ("A", "B"))
    late = take(train)
    TrainRun.objects.filter(train=train).update(lease_until="2020-01-01T00:00:00Z")
    pass_over(train)
    assert Deployment.objects.count() == 2
    with pytest.raises(LeaseLost):
        step(late)
    assert Deployment.objects.count() == 2 and states(train) == {"A": "deploying", "B": "deploying"}


def test_a_pass_killed_between_two_orders_is_gone_on_with(
    world: World, make_train: MakeTrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = started(world, make_train, ("A", "B", "C"))
    begun: list[str] = []

    def killed(**how: Any) -> Any:
        if len(begun) == 1:
            raise SystemExit
        begun.append(how["order"].number)
        return deploy_in_turn(**how)

    monkeypatch.setattr("trains.steps.deploy_in_turn", killed)
    with pytest.raises(SystemExit):
        step(take(train))
    assert sorted(states(train).values()) == ["deploying", "waiting", "waiting"] and Deployment.objects.count() == 1
    monkeypatch.setattr("trains.steps.deploy_in_turn", deploy_in_turn)
    TrainRun.objects.filter(train=train).update(lease_until="2020-01-01T00:00:00Z")
    pass_over(train)
    assert set(states(train).values()) == {"deploying"} and Deployment.objects.count() == 3


def test_what_somebody_deployed_by_hand_is_followed(world: World, make_train: MakeTrain) -> None:
    train = started(world, make_train, ("A",))
    made = deploy_in_turn(actor=world.oskar, order=member(train, "A").order, space=world.spaces["fat"])
    pass_over(train)
    assert member(train, "A").deployment == made and Deployment.objects.count() == 1
    end(train, "A")
    pass_over(train)
    assert train.state == "done"


# ---------------------------------------------------------------- adding and removing
def test_orders_join_and_leave_before_their_wave(world: World, make_train: MakeTrain, parts: Any) -> None:
    train = started(world, make_train, ("A",), ("B",), ("C",))
    parts("D")
    pass_over(train)
    for wave in (1, 21):
        wanted = Wanted("sis-omm-d", "master", 2)
        planned = making.plan(actor=world.dana, space=world.spaces["fat"], wanted=[wanted])
        with pytest.raises((Refused, Invalid)):
            making.add_order(actor=world.dana, train=train, wanted=Wanted("sis-omm-d", "master", wave), planned=planned)
    making.add_order(actor=world.dana, train=train, wanted=wanted, planned=planned)
    with pytest.raises(Refused, match="Wave 1 has begun"):
        making.remove_order(actor=world.dana, member=member(train, "A"))
    making.remove_order(actor=world.dana, member=member(train, "B"))
    assert states(train) == {"A": "deploying", "D": "waiting", "C": "waiting"}
    pass_over(train)
    assert member(train, "D").order.builds.count() == 1, "what joins is built at once"


# ---------------------------------------------------------------- pages and API
def test_the_page_says_of_each_order_where_it_is(
    world: World, make_train: MakeTrain, signed_in: Callable[[str], Client]
) -> None:
    train = started(world, make_train, ("A", "B"), ("C",))
    pass_over(train)
    page = signed_in("olli").get(f"/trains/{train.pk}/")
    text = page.content.decode()
    assert page.status_code == 200 and "is being deployed" in text and "after wave 1" in text and "Wave 2" in text
    assert signed_in("otto").get(f"/trains/{train.pk}/").status_code == 404
    listed = signed_in("dana").get("/trains/")
    assert "November" in listed.content.decode()
    assert "November" not in signed_in("otto").get("/trains/").content.decode()
    part = signed_in("olli").get(f"/trains/{train.pk}/?part=live", headers={"HX-Request": "true"})
    assert part.content.decode().strip().startswith('<div id="waves"')


def test_forms_make_start_pause_and_skip(world: World, parts: Any, signed_in: Callable[[str], Client]) -> None:
    parts("A", "B")
    client = signed_in("dana")
    assert client.get("/trains/new/?project=sis-omm").status_code == 200
    given = {"project": "sis-omm", "environment": "fat", "name": "Night", "branch": "master",
             "components": ["sis-omm-a", "sis-omm-b"], "wave-sis-omm-b": "2"}  # fmt: skip
    refused = client.post("/trains/new/", {**given, "name": ""})
    assert refused.status_code == 400 and not Train.objects.exists() and not ReleaseOrder.objects.exists()
    answer = client.post("/trains/new/", given)
    train = Train.objects.get()
    assert answer.status_code == 302 and answer["Location"] == f"/trains/{train.pk}/"
    assert states(train) == {"A": "waiting", "B": "waiting"} and member(train, "B").wave == 2
    assert client.post(f"/trains/{train.pk}/start/").status_code == 403
    operator = signed_in("olli")
    assert operator.post(f"/trains/{train.pk}/start/").status_code == 302
    assert operator.post(f"/trains/{train.pk}/pause/", {"reason": "lunch"}).status_code == 302
    number = member(train, "A").order.number
    assert operator.post(f"/trains/{train.pk}/orders/{number}/skip/", {"reason": "no"}).status_code == 302
    train.refresh_from_db()
    assert train.state == "paused" and states(train)["A"] == "skipped"


def test_a_new_one_begins_with_the_project_of_ones_last_order_and_a_name(
    world: World, parts: Any, signed_in: Callable[[str], Client]
) -> None:
    (component,) = parts("A")
    other = Project.objects.create(organisation=world.organisation, slug="sis-new", name="New")
    Space.objects.create(project=other, environment=world.environments["fat"], cluster=world.cluster, namespace="new")
    Membership.objects.create(user=world.dana, role="developer", project=other, reason="two projects")
    client = signed_in("dana")
    shown = client.get("/trains/new/").context
    assert (shown["project"], shown["name"]) == (None, ""), "of two projects none is guessed"
    make_order(component, world.dana)
    shown = client.get("/trains/new/").context
    assert shown["project"] == world.project
    assert shown["name"] == f"SIS-OMM {timezone.localdate():%Y-%m-%d}"


def test_the_api_does_the_same(world: World, parts: Any, signed_in: Callable[[str], Client]) -> None:
    parts("A", "B", "C")
    client = signed_in("dana")
    body = {"name": "Night", "environment": "fat", "orders": [
        {"component": "sis-omm-a", "branch": "master"},
        {"component": "sis-omm-b", "branch": "master", "wave": 2},
    ]}  # fmt: skip
    made = client.post("/api/v1/projects/sis-omm/trains/", body, content_type="application/json")
    assert made.status_code == 201
    pk = made.json()["id"]
    assert [(row["component"], row["wave"], row["standing"]) for row in made.json()["orders"]] == [
        ("sis-omm-a", 1, "waits for its build"), ("sis-omm-b", 2, "waits for its build"),
    ]  # fmt: skip
    added = client.post(
        f"/api/v1/trains/{pk}/orders/", {"component": "sis-omm-c", "branch": "master", "wave": 2},
        content_type="application/json",
    )  # fmt: skip
    assert added.status_code == 200 and len(added.json()["orders"]) == 3
    number = added.json()["orders"][-1]["order"]
    removed = client.post(f"/api/v1/trains/{pk}/orders/{number}/remove/", content_type="application/json")
    assert len(removed.json()["orders"]) == 2
    operator = signed_in("olli")
    assert (
        operator.post(f"/api/v1/trains/{pk}/start/", {}, content_type="application/json").json()["state"] == "running"
    )
    paused = operator.post(f"/api/v1/trains/{pk}/pause/", {"reason": "x"}, content_type="application/json").json()
    assert (paused["state"], paused["reason"]) == ("paused", "x")
    (listed,) = client.get("/api/v1/trains/?project=sis-omm").json()["items"]
    assert (listed["id"], listed["count"], listed["over"]) == (pk, 2, 0)
    unknown = client.post("/api/v1/projects/sis-omm/trains/", {**body, "x": 1}, content_type="application/json")
    assert unknown.status_code == 400


def test_queries_of_the_page_do_not_grow_with_its_orders(
    world: World, make_train: MakeTrain, signed_in: Callable[[str], Client]
) -> None:
    client = signed_in("olli")

    def cost(train: Train) -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(f"/trains/{train.pk}/").status_code == 200
        return len(found)

    small, large = make_train(("A", "B")), make_train(("C", "D", "E", "F", "G"), ("H", "I"))
    for train in (small, large):
        pass_over(train)
        built(train, *states(train))
    cost(small)
    assert cost(large) == cost(small) <= 30


def test_one_order_is_in_one_train_only(world: World, make_train: MakeTrain) -> None:
    train = make_train(("A",))
    assert TrainOrder._meta.get_field("order").unique and train.members.count() == 1
