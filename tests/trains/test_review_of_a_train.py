"""The page of a train with the review of one order open: decided there, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releases.models import Approval
from tests.cast import World
from tests.releases.rows import make_review
from tests.trains.conftest import built, end, member, pass_over
from tests.trains.test_trains import promoted, started
from trains.models import Train, TrainOrder

MakeTrain = Callable[..., Train]
SignIn = Callable[[str], Client]


@pytest.fixture
def asking(world: World, make_train: MakeTrain) -> Train:
    """Two orders wait in the first wave of FAT, which asks for a review and one approval; one in the second."""
    space = world.spaces["fat"]
    space.approvals, space.asks_review = 1, True
    space.save()
    train = make_train(("A", "B"), ("C",))
    pass_over(train)
    built(train, "A", "B", "C")
    promoted(world, train, "A", "B", "C")
    for name in ("A", "B", "C"):
        make_review(member(train, name).order, space)
    return train


def number(train: Train, name: str) -> str:
    return member(train, name).order.number


def decide(client: Client, train: Train, name: str, **given: str) -> str:
    """Where it leads."""
    row = member(train, name)
    snapshot = row.order.snapshots.get().hash
    body = {"environment": "fat", "snapshot": snapshot, "decision": "approve", **given}
    answer = client.post(f"/trains/{train.pk}/orders/{row.order.number}/decide/", body)
    return answer.headers.get("Location", f"{answer.status_code}\n{answer.content.decode()}")


def test_one_approval_leads_to_the_next_without_leaving_the_train(
    world: World, asking: Train, signed_in: SignIn
) -> None:
    client = signed_in("petra")
    text = client.get(f"/trains/{asking.pk}/").content.decode()
    assert 'id="decide"' in text and number(asking, "A") in text and "Manifest diff" in text
    assert decide(client, asking, "A") == f"/trains/{asking.pk}/?order={number(asking, 'B')}"
    assert decide(client, asking, "B") == f"/trains/{asking.pk}/?order={number(asking, 'C')}"
    assert decide(client, asking, "C") == f"/trains/{asking.pk}/?order={number(asking, 'C')}", "nothing more waits"
    assert Approval.objects.filter(state="given", by=world.petra).count() == 3


def test_a_rejection_needs_its_comment_and_keeps_what_is_open(world: World, asking: Train, signed_in: SignIn) -> None:
    client = signed_in("petra")
    refused = decide(client, asking, "B", decision="reject")
    assert refused.startswith("400") and 'id="id_decision_comment_error"' in refused and not Approval.objects.exists()
    assert decide(client, asking, "B", decision="reject", comment="Not this week.").endswith(number(asking, "C"))
    text = client.get(f"/trains/{asking.pk}/?order={number(asking, 'B')}").content.decode()
    assert "Not this week." in text
    # Reloaded, the address of the form leads to the page.
    again = client.get(f"/trains/{asking.pk}/orders/{number(asking, 'B')}/decide/")
    assert again.status_code == 302 and again["Location"].endswith(number(asking, "B"))


def test_who_may_not_approve_decides_nothing_there(world: World, asking: Train, signed_in: SignIn) -> None:
    text = signed_in("dana").get(f"/trains/{asking.pk}/").content.decode()
    assert 'id="decide"' not in text
    assert decide(signed_in("dana"), asking, "A").startswith("403")
    assert decide(signed_in("otto"), asking, "A").startswith("404")
    other = make_other(world, asking)
    body = {"environment": "fat", "snapshot": "0" * 64, "decision": "approve"}
    assert signed_in("petra").post(f"/trains/{asking.pk}/orders/{other}/decide/", body).status_code == 404
    assert not Approval.objects.exists()


def make_other(world: World, train: Train) -> str:
    """The number of an order that is no part of the train."""
    row = member(train, "C")
    found = row.order.number
    TrainOrder.objects.filter(pk=row.pk).delete()
    return found


@pytest.mark.parametrize("asked", ["", "K8S00000000000000XX", "'\""])
def test_an_order_that_is_not_in_the_train_opens_what_needs_somebody_most(
    asking: Train, signed_in: SignIn, asked: str
) -> None:
    page = signed_in("petra").get(f"/trains/{asking.pk}/?order={asked}")
    assert page.status_code == 200 and f'hx-get="/trains/{asking.pk}/?part=live&amp;order=' in page.content.decode()


def test_the_failure_stands_above_the_waves_with_its_cause(
    world: World, make_train: MakeTrain, signed_in: SignIn
) -> None:
    train = started(world, make_train, ("A",), ("B",))
    pass_over(train)
    text = signed_in("olli").get(f"/trains/{train.pk}/").content.decode()
    assert "stopped at" not in text
    end(train, "A", "failed")
    pass_over(train)
    text = signed_in("olli").get(f"/trains/{train.pk}/").content.decode()
    assert "Wave 1 stopped at A" in text and f"/trains/{train.pk}/orders/{number(train, 'A')}/retry/" in text
    live = signed_in("olli").get(f"/trains/{train.pk}/?part=live", headers={"HX-Request": "true"}).content.decode()
    for part in ("chosen", "drive", "back", "train-comments"):
        assert f'id="{part}"' in live
    assert live.count('hx-swap-oob="true"') == 4


def test_the_page_costs_the_same_for_any_number_of_orders(
    world: World, make_train: MakeTrain, signed_in: SignIn
) -> None:
    counts = []
    for names in (("A", "B"), ("D", "E", "F", "G", "H", "I")):
        train = make_train(names, after=dict(zip(names[1:], names, strict=False)))
        pass_over(train)
        built(train, *names)
        promoted(world, train, *names)
        for name in names:
            make_review(member(train, name).order, world.spaces["fat"])
        client = signed_in("petra")
        client.get(f"/trains/{train.pk}/")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/trains/{train.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 60
