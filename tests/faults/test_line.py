"""Another order waits behind a rollout: applied where nothing moved since its review, refused where something did."""

from __future__ import annotations

import pytest

from foundation.runs.choices import ACTIVE
from foundation.runs.driving import drive
from releases.choices import TurnState
from releases.models import Deployment, ReleaseOrder, Turn
from releases.services import promotions
from releases.services.release import release_place
from releases.services.reviews import start_review
from releases.services.turns import deploy_in_turn
from tests.faults.test_crashes import finish_dying_everywhere
from tests.site import Site

pytestmark = pytest.mark.slow


def rolling(site: Site, order: ReleaseOrder) -> Deployment:
    """Its deployment, as soon as the cluster has accepted all of it."""
    row: Deployment = site.finish(site.start(order), lambda row: row.phase == "rolling")
    assert row.phase == "rolling", row.message
    return row


def wait(site: Site, order: ReleaseOrder) -> Turn:
    """Promote, review where it is asked for, and click."""
    space = site.space("fat")
    promotions.promote(actor=site.world.dana, order=order, space=space)
    seen = ""
    if space.asks_review:
        # This run alone: the rollout before it stands still, however slow the machine is.
        review = drive("review", start_review(actor=site.world.olli, order=order, space=space).pk)
        seen = review.snapshot.hash
    turn = deploy_in_turn(actor=site.world.olli, order=order, space=space, snapshot_hash=seen)
    assert isinstance(turn, Turn)
    return turn


def became(site: Site, turn: Turn) -> Deployment:
    """What it became at its turn, driven to its end."""
    row: Deployment = site.finish(Deployment.objects.get(turn=turn))
    return row


def test_what_was_reviewed_while_the_one_before_rolled_out_is_applied_at_its_turn(site: Site) -> None:
    site.change_space("fat", asks_review=True)
    first, second = site.order_with_image("slow 1"), site.order_with_image("slow 0")
    row = rolling(site, first)
    turn = wait(site, second)
    assert site.finish(row).state == "succeeded"
    after = became(site, turn)
    assert after.state == "succeeded", after.message
    assert site.image_running() == second.image_by_digest


def test_what_was_reviewed_before_something_else_was_applied_is_not_applied(site: Site) -> None:
    good = site.order_with_image("slow 0")
    assert site.deploy(good).state == "succeeded"
    site.change_space("fat", asks_review=True, auto_rollback=True)
    row = rolling(site, site.order_with_image("crash"))
    turn = wait(site, site.order_with_image("slow 0"))
    assert site.finish(row).state == "failed"
    assert site.finish(Deployment.objects.get(cause=row)).state == "succeeded"
    after = became(site, turn)
    assert (after.state, after.reason, after.applied) == ("failed", "moved", [])
    assert site.image_running() == good.image_by_digest and site.place("fat").in_progress is None


def test_after_a_failure_that_is_rolled_back_by_itself_the_line_goes_on(site: Site) -> None:
    good = site.order_with_image("slow 0")
    assert site.deploy(good).state == "succeeded"
    site.change_space("fat", auto_rollback=True)
    bad, second = site.order_with_image("crash"), site.order_with_image("slow 0")
    row = rolling(site, bad)
    turn = wait(site, second)
    assert site.finish(row).state == "failed"
    back = Deployment.objects.get(cause=row)
    assert turn.deployment is None and site.finish(back).state == "succeeded"
    after = became(site, turn)
    assert after.state == "succeeded" and after.pk > back.pk, after.message
    assert site.place("fat").last_succeeded == after and site.image_running() == second.image_by_digest


def test_killed_at_every_write_the_turn_is_given_once(site: Site) -> None:
    row = rolling(site, site.order_with_image("slow 0"))
    turn = wait(site, site.order_with_image("slow 0"))
    ended, deaths = finish_dying_everywhere(row)
    assert ended.state == "succeeded" and deaths > 3
    turn.refresh_from_db()
    assert turn.state == TurnState.STARTED
    assert Deployment.objects.filter(order=turn.order).count() == 1
    assert Deployment.objects.filter(state__in=ACTIVE).count() <= 1
    assert became(site, turn).state == "succeeded"


def test_after_a_force_release_the_cluster_is_read_and_the_next_one_has_its_turn(site: Site) -> None:
    row = rolling(site, site.order_with_image("slow 30"))
    turn = wait(site, site.order_with_image("slow 0"))
    release_place(actor=site.world.petra, deployment=row, reason="it hangs")
    Deployment.objects.filter(pk=row.pk).update(finished_at=row.created_at)  # nothing of it can still arrive
    place = site.observe("fat", lambda place: place.unknown_since is None)
    assert place.last_applied == row, "what the cluster has of it"
    assert became(site, turn).state == "succeeded"
