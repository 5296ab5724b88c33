"""Removing a component from a space: what was reviewed goes, claims stay, and afterwards nothing runs there."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import AuditEvent
from foundation.problems import Denied, Refused, Stale
from releases import selectors
from releases.models import Deployment, OrderEvent, Review
from releases.services import approvals, deployments
from releases.services.removals import remove_component, review_removal
from tests.faults.test_crashes import assert_gapless, finish_dying_everywhere
from tests.faults.test_prune import good, left_behind, patch, put, read, there
from tests.site import Site

pytestmark = pytest.mark.slow


def reviewed(site: Site, environment: str = "fat") -> Review:
    """A review of what goes, driven to its end."""
    space = site.space(environment)
    found: Review = site.finish(review_removal(actor=site.world.olli, space=space, placement=site.place(environment)))
    assert found.state == "succeeded" and found.snapshot, found.message
    return found


def removing(site: Site, review: Review, environment: str = "fat") -> Deployment:
    """The removal, not yet driven."""
    assert review.snapshot
    return remove_component(
        actor=site.world.olli,
        space=site.space(environment),
        placement=site.place(environment),
        snapshot_hash=review.snapshot.hash,
    )


def test_everything_of_the_component_goes_and_nothing_runs_there_afterwards(site: Site) -> None:
    good(site)
    put(site, left_behind(site, "ConfigMap", "left"))
    review = reviewed(site)
    assert {f"{row['kind']}/{row['name']}" for row in review.findings["removals"]} == there(site)
    run = site.finish(removing(site, review))
    assert run.state == "succeeded", run.message
    assert there(site) == set()
    space = site.space("fat")
    assert site.cluster.observe(space.namespace, "app.kubernetes.io/managed-by=prism4k").pods == ()
    place = site.place("fat")
    assert (place.last_applied, place.last_succeeded, place.in_progress) == (None, None, None)
    assert (place.ready, place.wanted, place.pods, place.drift) == (0, 0, [], [])
    assert selectors.removal_there(place) == run
    out = StringIO()
    call_command("placements", "--check", stdout=out)
    assert "agree" in out.getvalue()


def test_it_is_audited_with_what_went(site: Site) -> None:
    good(site)
    names = sorted(there(site))
    run = site.finish(removing(site, reviewed(site)))
    row = AuditEvent.objects.get(verb="deployment.queued", object_id=str(run.pk))
    assert (row.actor_name, row.after["kind"], sorted(row.after["removals"])) == ("Olli", "remove", names)
    assert OrderEvent.objects.filter(order=run.order, kind="deployment.succeeded", data__kind="remove").count() == 1


def test_rolling_back_brings_it_back_and_a_removal_is_no_success_to_roll_back_to(site: Site) -> None:
    first = good(site)
    run = site.finish(removing(site, reviewed(site)))
    assert selectors.good_deployments(site.component.pk, site.space("fat")) == [first]
    with pytest.raises(Refused):
        deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=run)
    with pytest.raises(Refused, match="Nothing of this component"):
        deployments.restart(actor=site.world.olli, space=site.space("fat"), placement=site.place("fat"))
    back = site.finish(deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=first))
    assert back.state == "succeeded", back.message
    assert there(site) == {f"Deployment/{site.component.slug}", "Service/proxy-gw"}
    assert site.place("fat").last_succeeded_id == back.pk and selectors.removal_there(site.place("fat")) is None


def test_a_removal_whose_worker_dies_at_every_statement(site: Site) -> None:
    good(site)
    put(site, left_behind(site, "ConfigMap", "left"))
    run, deaths = finish_dying_everywhere(removing(site, reviewed(site)))
    assert run.state == "succeeded", (run.reason, run.message)
    assert deaths > 20 and there(site) == set()
    assert_gapless(run)


def test_what_came_after_the_review_makes_it_stop_before_anything_goes(site: Site) -> None:
    good(site)
    run = removing(site, reviewed(site))
    put(site, left_behind(site, "ConfigMap", "late"))
    before = there(site)
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "moved")
    assert there(site) == before


def test_only_what_is_its_own_goes(site: Site) -> None:
    good(site)
    put(site, left_behind(site, "ConfigMap", "other", **{"app.kubernetes.io/instance": "sis-omm-other-fat"}))
    patch(site, "Service/proxy-gw", {"metadata": {"annotations": {"prism4k.io/component": "other"}}})
    review = reviewed(site)
    assert [row["name"] for row in review.findings["stays"]] == ["proxy-gw"]
    assert site.finish(removing(site, review)).state == "succeeded"
    assert read(site, "ConfigMap/other") and read(site, "Service/proxy-gw")


def test_a_finalizer_that_nobody_takes_away_is_named_at_the_deadline(site: Site) -> None:
    good(site)
    patch(site, "Service/proxy-gw", {"metadata": {"finalizers": ["example.com/balancer"]}})
    site.change_space("fat", deploy_deadline_seconds=2)
    run = site.finish(removing(site, reviewed(site)))
    assert (run.state, run.reason) == ("failed", "deadline")
    assert "Service/proxy-gw" in run.message
    patch(site, "Service/proxy-gw", {"metadata": {"finalizers": None}})
    site.change_space("fat", deploy_deadline_seconds=30)
    assert site.finish(removing(site, reviewed(site))).state == "succeeded"


def test_what_was_seen_must_be_the_newest_review(site: Site) -> None:
    good(site)
    old = reviewed(site)
    put(site, left_behind(site, "ConfigMap", "late"))
    newer = reviewed(site)
    assert newer.snapshot_id != old.snapshot_id
    with pytest.raises(Stale):
        removing(site, old)


def test_production_asks_for_a_second_person(site: Site) -> None:
    good(site)
    site.change_space("fat", approvals=1, four_eyes=True)
    review = reviewed(site)
    with pytest.raises(Refused, match="0 of 1 approvals"):
        removing(site, review)
    assert review.snapshot
    with pytest.raises(Denied):
        approvals.approve(actor=site.world.dana, snapshot=review.snapshot)
    approvals.approve(actor=site.world.oskar, snapshot=review.snapshot)
    # Other objects would be another snapshot; the same ones are the one that was approved.
    assert reviewed(site).snapshot_id == review.snapshot_id
    assert site.finish(removing(site, reviewed(site))).state == "succeeded"


def test_who_may_not_remove_is_refused_and_where_nothing_runs_there_is_nothing_to_remove(site: Site) -> None:
    good(site)
    for name in ("dana", "tess", "uma"):
        with pytest.raises(Denied):
            review_removal(actor=site.world.people[name], space=site.space("fat"), placement=site.place("fat"))
    site.finish(removing(site, reviewed(site)))
    with pytest.raises(Refused, match="Nothing of this component runs here"):
        review_removal(actor=site.world.olli, space=site.space("fat"), placement=site.place("fat"))


def test_a_deployment_afterwards_is_a_first_one(site: Site) -> None:
    good(site)
    site.finish(removing(site, reviewed(site)))
    run: Any = good(site)
    assert site.place("fat").last_succeeded_id == run.pk
    assert all(row["created"] for row in run.applied)


# ---------------------------------------------------------------- what people see of it
def page_of(client: Any, person: Any, address: str) -> str:
    client.force_login(person)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(address).content.decode()))


def test_it_waits_among_the_approvals_until_it_is_decided(site: Site, client: Any) -> None:
    good(site)
    site.change_space("fat", approvals=1)
    review = reviewed(site)
    said = page_of(client, site.world.oskar, "/approvals/")
    assert "removes it from there" in said and "removal asked for by Olli" in said
    assert "to be removed" in page_of(client, site.world.oskar, "/")
    place = f"{site.world.project.slug}/{site.component.slug}"
    assert client.get("/approvals/next/")["Location"] == f"/runtime/{place}/fat/remove/"
    assert "Nothing waits for your approval" in page_of(client, site.world.dana, "/approvals/"), "who made the order"
    approvals.approve(actor=site.world.oskar, snapshot=review.snapshot)
    assert "Nothing waits for your approval" in page_of(client, site.world.oskar, "/approvals/")
    assert site.finish(removing(site, review)).state == "succeeded"


def test_what_was_deployed_since_ends_the_question(site: Site, client: Any) -> None:
    run = good(site)
    site.change_space("fat", approvals=1)
    reviewed(site)
    site.change_space("fat", approvals=0)
    assert site.finish(
        deployments.restart(actor=site.world.olli, space=site.space("fat"), placement=site.place("fat"))
    ).state == "succeeded"  # fmt: skip
    site.change_space("fat", approvals=1)
    assert site.place("fat").last_applied.order_id == run.order_id
    assert "Nothing waits for your approval" in page_of(client, site.world.oskar, "/approvals/")


def test_matrix_and_component_say_that_it_was_removed(site: Site, client: Any) -> None:
    good(site)
    run = site.finish(removing(site, reviewed(site)))
    address = f"/components/{site.world.project.slug}/{site.component.slug}/"
    client.force_login(site.world.tess)
    for page in ("/", address):
        text = client.get(page).content.decode()
        assert "removed" in text and "Olli" in text and f"/deployments/{run.pk}/" in text, page
    assert good(site).state == "succeeded"
    for page in ("/", address):
        assert f"/deployments/{run.pk}/" not in client.get(page).content.decode(), page
