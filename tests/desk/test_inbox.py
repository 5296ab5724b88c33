"""The inbox: who has an order at each step of its life, what is counted, and what folds."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from desk.selectors import my_work
from environments.access import Rights
from environments.models import Membership
from environments.services.spaces import edit_policy
from foundation.runs.choices import RunState
from releases import transitions
from releases.models import Deployment, Placement, Promotion, ReleaseOrder
from releases.services import approvals, builds, deployments, orders, promotions
from releases.services.orders import comment
from tests.cast import World
from tests.releases.pages.test_order import HTMX, words
from tests.releases.rows import COMMIT, make_built, make_order, make_review

SignIn = Callable[[str], Client]
EIGHT = ("dana", "dave", "tess", "olli", "oskar", "petra", "ada", "uma")
PILES = ("to_deploy", "to_approve", "to_test", "running", "failed", "mentions")


class Inboxes:
    """What all eight people find of one order in their inboxes."""

    def __init__(self, world: World, order: ReleaseOrder) -> None:
        self._world, self._order = world, order

    def found(self) -> dict[str, set[str]]:
        """By ``pile`` or ``pile environment`` the names of those who have it there."""
        found: dict[str, set[str]] = {}
        for name in EIGHT:
            user = self._world.people[name]
            work = my_work(user, Rights(user))
            for pile in PILES:
                for task in getattr(work, pile).found:
                    assert task.order == self._order and task.at <= timezone.now()
                    place = f" {task.environment.slug}" if task.environment else ""
                    found.setdefault(pile + place, set()).add(name)
        return found


def end(order: ReleaseOrder, space: str, to: RunState, world: World) -> None:
    """The verdict of what is deployed there, and that it has settled."""
    with transaction.atomic():
        row = Deployment.objects.get(order=order, space=world.spaces[space], state__in=["queued", "running"])
        transitions.end_run(row, to, actor=None)
    if to == RunState.SUCCEEDED:
        Placement.objects.filter(last_succeeded=row).update(settled_at=timezone.now(), last_applied=row)


def test_at_each_step_of_its_life_an_order_is_where_somebody_acts(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    of = Inboxes(world, order)
    deployers = {"olli", "oskar"}
    assert of.found() == {}, "created: nothing runs, nothing waits for another"
    row = builds.start_build(actor=world.dana, order=order, commit=COMMIT)
    assert of.found() == {"running": {"dana"}}
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="build_failed")
    assert of.found() == {"failed": {"dana"}}
    order.refresh_from_db()
    row = builds.start_build(actor=world.dave, order=order, commit=COMMIT)
    assert of.found() == {"running": {"dana", "dave"}}, "its author, and who builds it"
    with transaction.atomic():
        transitions.end_run(row, RunState.SUCCEEDED, actor=None, digest="sha256:" + "a" * 64)
    order.refresh_from_db()
    assert of.found() == {"to_test fat": {"dana"}}

    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    assert of.found() == {"to_deploy fat": deployers}
    deployments.start_deployment(actor=world.olli, order=order, space=world.spaces["fat"])
    assert of.found() == {"running fat": deployers | {"dana"}}
    end(order, "fat", RunState.SUCCEEDED, world)
    assert of.found() == {"to_test uat": {"tess", "petra"}}

    promotions.promote(actor=world.tess, order=order, space=world.spaces["uat"], test_verdict="passed")
    snapshot = make_review(order, world.spaces["uat"]).snapshot
    assert snapshot and of.found() == {"to_deploy uat": deployers}
    seen = {"order": order, "space": world.spaces["uat"], "snapshot_hash": snapshot.hash}
    deployments.start_deployment(actor=world.oskar, **seen)
    end(order, "uat", RunState.CANCELLED, world)
    assert of.found() == {"to_deploy uat": deployers}, "cancelled: it waits again"
    deployments.start_deployment(actor=world.oskar, **seen)
    end(order, "uat", RunState.FAILED, world)
    assert of.found() == {"failed uat": deployers | {"dana"}}
    deployments.start_deployment(actor=world.oskar, **seen)
    end(order, "uat", RunState.SUCCEEDED, world)
    assert of.found() == {"to_test prd": {"tess", "petra"}}

    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="remarks")
    assert of.found() == {"to_test drp": {"tess", "petra"}}, "it is being reviewed, and may go to the twin"
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot and of.found() == {
        "to_approve prd": deployers | {"petra"}, "to_test drp": {"tess", "petra"}
    }  # fmt: skip
    promotions.promote(actor=world.petra, order=order, space=world.spaces["drp"], test_verdict="passed")
    Promotion.objects.filter(space=world.spaces["drp"]).update(deployed_at=timezone.now())
    given = approvals.approve(actor=world.oskar, snapshot=snapshot)
    assert of.found() == {"to_deploy prd": {"olli"}}, "who approved it does not deploy it"
    approvals.withdraw_approval(actor=world.oskar, approval=given)
    approvals.reject(actor=world.oskar, snapshot=snapshot, comment="not today")
    assert of.found() == {}, "rejected: a new review, or its withdrawal, comes first"
    snapshot = make_review(order, world.spaces["prd"], salt="2").snapshot
    assert snapshot
    approvals.approve(actor=world.petra, snapshot=snapshot)
    assert of.found() == {"to_deploy prd": deployers}
    row = deployments.start_deployment(
        actor=world.olli, order=order, space=world.spaces["prd"], snapshot_hash=snapshot.hash
    )
    assert of.found() == {"running prd": deployers | {"dana"}}
    end(order, "prd", RunState.SUCCEEDED, world)
    assert of.found() == {}, "it is where it was to go"
    orders.finish_order(actor=world.petra, order=order)
    assert of.found() == {}


def test_a_review_that_found_problems_waits_for_who_deploys(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    of = Inboxes(world, order)
    Promotion.objects.create(order=order, component=component, space=world.spaces["prd"], promoted_by=world.tess)
    review = make_review(order, world.spaces["prd"])
    type(review).objects.filter(pk=review.pk).update(state="failed", snapshot=None, reason="quota")
    assert of.found()["to_deploy prd"] == {"olli", "oskar"}


def test_a_returned_order_waits_under_break_glass(world: World, component: Component) -> None:
    from environments.models import Membership
    from releases.services.break_glass import open_break_glass

    order = make_built(component, world.dana)
    make_review(order, world.spaces["fat"])
    Membership.objects.create(user=world.petra, project=world.project, role="break_glass", reason="night")
    open_break_glass(
        actor=world.petra, order=order, space=world.spaces["fat"], reason="the counter stands still", minutes=60
    )
    assert Inboxes(world, order).found()["to_deploy fat"] == {"olli", "oskar"}


def test_the_rail_counts_and_the_page_folds(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    counts = signed_in("olli").get("/?part=count", headers=HTMX)
    assert 'data-title-count="1"' in counts.content.decode()
    assert 'id="home-count-small"' in counts.content.decode() and 'id="approvals-count"' in counts.content.decode()
    page = signed_in("olli").get("/")
    said = words(page)
    assert "the longest wait first" in said and "promoted by Dana" in said
    assert "Nothing to approve Nothing to test Nothing is running Nothing failed" in re.sub(r" +", " ", said)
    assert page.content.decode().count('class="card work-card"') == 0, "empty piles have no card"
    assert 'hx-get="/?part=count"' in page.content.decode()
    assert words(signed_in("uma").get("/?part=count", headers=HTMX)).strip() == ""


def test_who_is_named_finds_the_order_until_they_have_opened_it(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order, tess = make_order(component, world.dana), signed_in("tess")
    inboxes = Inboxes(world, order)
    for text in ("@tess and @dana and @otto, look", "@tess\nonce more"):
        comment(actor=world.dana, order=order, text=text)
    assert inboxes.found() == {"mentions": {"tess"}}, "nobody by their own words, nobody who does not see it"
    (task,) = my_work(world.tess, Rights(world.tess)).mentions.found
    assert str(task.word) == "Dana: @tess once more" and task.url == f"/orders/{order.number}/#activity"
    assert 'data-title-count="1"' in tess.get("/?part=count", headers=HTMX).content.decode(), "an order counts once"
    assert "Mentions" in words(tess.get("/"))
    unread = tess.get("/api/v1/me/mentions/?unread=true").json()["items"]
    assert [(row["order"], row["author"]) for row in unread] == [(order.number, "dana")] * 2
    read = f"/orders/{order.number}/mentions/read/"
    page = tess.get(f"/orders/{order.number}/").content.decode()
    assert f'hx-post="{read}"' in page and inboxes.found(), (
        "a page with scripts says so by itself, a GET writes nothing"
    )
    assert read not in signed_in("dana").get(f"/orders/{order.number}/").content.decode()
    assert signed_in("otto").post(read).status_code == signed_in("otto").post(f"/api/v1{read}").status_code == 404
    assert signed_in("dave").post(read).status_code == 302 and inboxes.found(), "nobody reads for another"
    assert tess.post(read, headers=HTMX).status_code == 200
    assert inboxes.found() == {} and read not in tess.get(f"/orders/{order.number}/").content.decode()
    comment(actor=world.dave, order=order, text="@tess again")
    assert inboxes.found() == {"mentions": {"tess"}}
    assert tess.post(f"/api/v1{read}").status_code == 204 and inboxes.found() == {}
    assert len(tess.get("/api/v1/me/mentions/").json()["items"]) == 3
    comment(actor=world.dave, order=order, text="@tess")
    Membership.objects.filter(user=world.tess).delete()
    assert inboxes.found() == {} and tess.get("/api/v1/me/mentions/").json()["items"] == []


def test_mentions_cost_a_query_however_many(world: World, component: Component, signed_in: SignIn) -> None:
    tess, costs = signed_in("tess"), []
    for number in (0, 1, 8):
        for _one in range(number):
            comment(actor=world.dana, order=make_order(component, world.dana), text="@tess")
        with CaptureQueriesContext(connection) as queries:
            tess.get("/?part=count", headers=HTMX)
        costs.append(len(queries))
    assert costs[1] == costs[2] <= costs[0] + 1


def test_more_than_a_hundred_are_not_counted(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    rows = []
    for number in range(103):
        order.pk, order.number = None, f"K8S{20260101000000 + number}AA"
        order.component = Component.objects.create(project=world.project, name=f"C{number}", slug=f"c{number}")
        order._state.adding = True
        order.save()
        rows.append(
            Promotion(order_id=order.pk, component=order.component, space=world.spaces["fat"], promoted_by=world.dana)
        )
    Promotion.objects.bulk_create(rows)
    work = signed_in("olli").get("/?part=work", headers=HTMX).context["work"]
    assert work.to_deploy.count == "100+" and len(work.to_deploy.tasks) == 12 and work.to_deploy.hidden == 88
    assert 'data-title-count="100+"' in signed_in("olli").get("/?part=count", headers=HTMX).content.decode()


def test_a_project_narrows_the_piles_and_says_what_waits_elsewhere(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    work = signed_in("olli").get("/?project=other").context["work"]
    assert work.to_deploy.found == [] and work.to_deploy.elsewhere == 1
    assert "1 more in other projects" in words(signed_in("olli").get("/?project=other"))


def test_a_rule_change_waits_for_its_second_person(world: World, signed_in: SignIn) -> None:
    space = world.spaces["prd"]
    space.approvals = 2
    space.save()
    edit_policy(actor=world.petra, space=space, approvals=1, reason="year-end")
    said = words(signed_in("ada").get("/"))
    assert "Rule changes" in said and "SIS-OMM · PRD" in said and "Approvals needed 2 → 1" in said
    assert "Rule changes" not in words(signed_in("olli").get("/"))


@pytest.mark.parametrize("verb", ["archive", "follow"])
def test_a_change_of_the_flow_is_seen_at_once(world: World, component: Component, verb: str) -> None:
    """What had gone on everywhere may go on to an environment that follows by now."""
    from releases.waiting import orders_to_test

    order = make_built(component, world.dana)
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    deployments.start_deployment(actor=world.olli, order=order, space=world.spaces["fat"])
    uat = world.spaces["uat"]
    if verb == "archive":
        uat.is_archived = True
        uat.save()
    else:
        world.environments["uat"].follows.clear()
    end(order, "fat", RunState.SUCCEEDED, world)
    assert orders_to_test(Rights(world.tess)) == []
    if verb == "archive":
        uat.is_archived = False
        uat.save()
    else:
        world.environments["uat"].follows.add(world.environments["fat"])
    assert [one.space for one in orders_to_test(Rights(world.tess))] == [uat]
