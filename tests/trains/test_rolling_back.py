"""Rolling a train back: in reverse order, a step at a time, as far as the first database change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from audit.models import AuditEvent
from foundation.problems import Denied, Refused, Stale
from foundation.runs.choices import RunState
from releases import transitions
from releases.models import Deployment, Placement, ReleaseOrder
from tests.cast import World
from tests.releases.rows import make_built, make_success
from tests.trains.conftest import built, end, member, pass_over
from tests.trains.test_trains import promoted
from trains.locks import members_of
from trains.models import Train, TrainRun
from trains.returning import plan_back
from trains.services import driving
from trains.services.returning import roll_back_next

MakeTrain = Callable[..., Train]


def gone(world: World, make_train: MakeTrain, *waves: Any, database: str = "") -> Train:
    """A train that is done, over what served there before it."""
    train = make_train(*waves)
    names = [name for wave in waves for name in wave]
    for name in names:
        make_success(make_built(member(train, name).order.component, world.dave), world.spaces["fat"], world.olli)
    if database:
        ReleaseOrder.objects.filter(pk=member(train, database).order_id).update(changes_database=True)
    pass_over(train)
    built(train, *names)
    promoted(world, train, *names)
    driving.start_train(actor=world.olli, train=train)
    for wave in waves:
        pass_over(train)
        for name in wave:
            end(train, name)
            # As the steps leave it, once the cluster has accepted something.
            row = Deployment.objects.get(pk=member(train, name).deployment_id or 0)
            Placement.objects.filter(component=row.component_id, space=row.space_id).update(last_applied=row)
    pass_over(train)
    assert train.state == "done"
    return train


def plan(train: Train) -> list[tuple[str, str]]:
    steps = plan_back(train, list(members_of(train)))
    return [(one.member.order.component.name.removeprefix("SIS-OMM-"), one.state) for one in steps]


def go_back(world: World, train: Train, name: str) -> Deployment:
    made = roll_back_next(actor=world.olli, train=train, number=member(train, name).order.number)
    train.refresh_from_db()
    return made


def succeed(made: Deployment) -> None:
    row = Deployment.objects.select_related("order__project", "space__environment", "space__project").get(pk=made.pk)
    with transaction.atomic():
        Placement.objects.filter(component=row.component_id, space=row.space_id).update(last_applied=row)
        transitions.end_run(row, RunState.SUCCEEDED, actor=row.deployed_by)


def test_the_last_one_goes_back_first_one_after_the_other(world: World, make_train: MakeTrain) -> None:
    train = gone(world, make_train, ("A",), ("B",))
    assert plan(train) == [("B", "next"), ("A", "later")]
    with pytest.raises(Stale):
        go_back(world, train, "A")
    made = go_back(world, train, "B")
    assert made.kind == "roll_back" and made.order != member(train, "B").order and made.deployed_by == world.olli
    assert plan(train) == [("B", "running"), ("A", "later")] and train.state == "done"
    with pytest.raises(Stale):
        go_back(world, train, "B")
    succeed(made)
    assert plan(train) == [("B", "done"), ("A", "next")]
    last = go_back(world, train, "A")
    pass_over(train)
    assert train.state == "done", "the last step has begun, and nobody knows yet how it ends"
    succeed(last)
    pass_over(train)
    assert train.state == "rolled_back" and not TrainRun.objects.get(train=train).is_active
    events = AuditEvent.objects.filter(verb="train.order_rolled_back").order_by("pk")
    assert [row.after["order"] for row in events] == [member(train, name).order.number for name in ("B", "A")]


def test_a_step_that_failed_holds_the_next_one(world: World, make_train: MakeTrain) -> None:
    train = gone(world, make_train, ("A",), ("B",))
    made = go_back(world, train, "B")
    row = Deployment.objects.select_related("order__project", "space__environment", "space__project").get(pk=made.pk)
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=row.deployed_by)
    assert plan(train) == [("B", "failed"), ("A", "later")]
    pass_over(train)
    assert train.state == "done"
    with pytest.raises(Stale):
        go_back(world, train, "A")


def test_a_database_change_stops_it(world: World, make_train: MakeTrain) -> None:
    train = gone(world, make_train, ("A",), ("B",), ("C",), database="B")
    assert plan(train) == [("C", "next"), ("B", "stop"), ("A", "beyond")]
    succeed(go_back(world, train, "C"))
    assert plan(train) == [("C", "done"), ("B", "stop"), ("A", "beyond")]
    pass_over(train)
    assert train.state == "done", "some of it still serves"
    with pytest.raises(Refused):
        go_back(world, train, "B")


def test_a_running_train_is_paused_first_and_who_may_not_deploy_is_refused(
    world: World, make_train: MakeTrain, signed_in: Callable[[str], Client]
) -> None:
    train = gone(world, make_train, ("A",), ("B",))
    Train.objects.filter(pk=train.pk).update(state="running", ended_at=None)
    with pytest.raises(Refused, match="Pause the train first"):
        go_back(world, train, "B")
    with pytest.raises(Denied):
        roll_back_next(actor=world.dana, train=train, number=member(train, "B").order.number)
    assert not Deployment.objects.filter(kind="roll_back").exists()


def test_a_paused_train_that_is_rolled_back_ends_with_its_run(world: World, make_train: MakeTrain) -> None:
    train = gone(world, make_train, ("A",))
    Train.objects.filter(pk=train.pk).update(state="paused", ended_at=None)
    TrainRun.objects.filter(train=train).update(state="running", finished_at=None)
    succeed(go_back(world, train, "A"))
    pass_over(train)
    assert train.state == "rolled_back" and train.ended_at is not None
    assert not TrainRun.objects.get(train=train).is_active


def test_page_and_api_show_each_step_before_it_starts(
    world: World, make_train: MakeTrain, signed_in: Callable[[str], Client]
) -> None:
    train = gone(world, make_train, ("A",), ("B",), database="A")
    client = signed_in("olli")
    text = client.get(f"/trains/{train.pk}/").content.decode()
    assert "If rolled back in reverse order" in text and "stops here: it changed the database" in text
    shown = client.get(f"/api/v1/trains/{train.pk}/").json()["roll_back"]
    assert [(row["component"], row["state"]) for row in shown] == [("sis-omm-b", "next"), ("sis-omm-a", "stop")]
    answer = client.post(f"/trains/{train.pk}/roll-back/", {"order": shown[0]["order"]})
    assert answer.status_code == 302 and Deployment.objects.filter(kind="roll_back").count() == 1
    path = f"/api/v1/trains/{train.pk}/roll-backs/"
    again = client.post(path, {"order": shown[0]["order"]}, content_type="application/json")
    assert again.status_code == 409 and Deployment.objects.filter(kind="roll_back").count() == 1
