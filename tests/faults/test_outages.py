"""Jenkins, registry or cluster away: the row says since when, nothing is lost, and it goes on by itself."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from foundation.models import Remote
from foundation.runs.driving import Stuck
from releases.models import Build, OrderEvent, Review
from releases.services import builds
from releases.steps.build.trigger import SETTLE_SECONDS
from releases.transitions import end_run
from sandbox.packer import pack, push
from tests.proxy import CUT, DROP, PASS, Asked
from tests.site import Site

pytestmark = pytest.mark.slow


def until_lost(site: Site, row: Any) -> Any:
    row = site.finish(row, lambda now: now.contact_lost_since is not None)
    assert row.is_active
    return row


def next_probe_now() -> None:
    """The breaker's pause is over."""
    Remote.objects.filter(opened_at__isnull=False).update(probe_at=Now())


def is_trigger(asked: Asked) -> bool:
    return asked.method == "POST" and "buildWithParameters" in asked.path


def is_apply(asked: Asked) -> bool:
    return asked.method == "PATCH" and "dryRun" not in asked.path


def builds_of_trigger(site: Site, build: Build) -> int:
    """How many runs and waiting items Jenkins has of this trigger id, asked without the proxy's faults."""
    site.stand_ins.jenkins.rule = lambda _asked: PASS
    server = site.jenkins
    waiting = server._get("queue/api/json", "queue", {"tree": "items[actions[parameters[name,value]]]"}).json()["items"]
    path = f"job/{build.job}/api/json"
    done = server._get(path, "job", {"tree": "builds[actions[parameters[name,value]]]"}).json()["builds"]
    return sum(str(build.trigger_id) in str(one) for one in [*waiting, *done])


# ---------------------------------------------------------------- away and back
def test_jenkins_is_down_before_the_trigger(site: Site) -> None:
    site.stand_ins.jenkins.go_down()
    build = until_lost(site, site.start_build())
    since = build.contact_lost_since
    assert OrderEvent.objects.filter(order=build.order, kind="build.contact", data__since__isnull=False).exists()
    assert Remote.objects.get(name=build.remote).opened_at is not None
    site.stand_ins.jenkins.come_back()
    next_probe_now()
    build = site.finish(build)
    assert build.state == "succeeded", build.message
    assert build.contact_lost_since is None and since is not None
    assert OrderEvent.objects.filter(order=build.order, kind="build.contact", data__since=None).exists()
    assert builds_of_trigger(site, build) == 1


def test_jenkins_goes_down_while_it_builds(site: Site) -> None:
    build = site.finish(site.start_build(), lambda row: row.phase == "building")
    site.stand_ins.jenkins.go_down()
    build = until_lost(site, build)
    time.sleep(1)  # what was under way there goes on while nobody sees it
    site.stand_ins.jenkins.come_back()
    next_probe_now()
    build = site.finish(build)
    assert build.state == "succeeded", build.message
    # Nothing of the log was lost or doubled meanwhile.
    text = "".join(build.chunks.order_by("offset").values_list("text", flat=True))
    assert len(text) == build.log_size and text.count("[Pipeline] Start of Pipeline") == 1
    assert text.rstrip().endswith("Finished: SUCCESS")


def test_the_registry_is_down(site: Site) -> None:
    site.stand_ins.images.go_down()
    build = until_lost(site, site.start_build())
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 0
    site.stand_ins.images.come_back()
    next_probe_now()
    build = site.finish(build)
    assert build.state == "succeeded", build.message


def test_a_page_in_the_place_of_the_registry_ends_no_build(site: Site) -> None:
    """It asks for a sign-in, so it is neither a no nor "there is no such image"."""
    page = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n<html/>"
    site.stand_ins.images.rule = lambda _asked: page
    build = site.start_build()
    for _time in range(2):
        build = site.step(build)
        assert build.is_active and "not as a registry does" in str(build.message)
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 0
    site.stand_ins.images.rule = lambda _asked: PASS
    build = site.finish(build, lambda row: row.phase == "finalizing")
    site.stand_ins.images.rule = lambda _asked: page
    for _time in range(2):
        build = site.step(build)
        assert build.is_active, build.reason
    site.stand_ins.images.rule = lambda _asked: PASS
    build = site.finish(build)
    assert build.state == "succeeded", build.message


def test_the_cluster_is_down_before_the_review(site: Site) -> None:
    site.stand_ins.cluster.go_down()
    deployment = site.start(site.order_with_image())
    with pytest.raises(Stuck):
        site.finish(deployment, seconds=2)
    review = Review.objects.get(pk=deployment.review_id)
    deployment.refresh_from_db()
    assert deployment.is_active and review.is_active
    assert deployment.contact_lost_since or review.contact_lost_since
    site.stand_ins.cluster.come_back()
    next_probe_now()
    deployment = site.finish(deployment)
    assert deployment.state == "succeeded", deployment.message
    assert deployment.contact_lost_since is None


def test_the_cluster_goes_down_while_it_rolls(site: Site) -> None:
    deployment = site.finish(site.start(site.order_with_image("slow 4")), lambda row: row.phase == "rolling")
    site.stand_ins.cluster.go_down()
    deployment = until_lost(site, deployment)
    assert OrderEvent.objects.filter(order=deployment.order, kind="deployment.contact").exists()
    time.sleep(1)  # what was under way there goes on while nobody sees it
    site.stand_ins.cluster.come_back()
    next_probe_now()
    deployment = site.finish(deployment)
    assert deployment.state == "succeeded" and deployment.contact_lost_since is None, deployment.message


def test_one_remote_that_is_down_holds_up_no_other(site: Site) -> None:
    site.stand_ins.jenkins.go_down()
    build = until_lost(site, site.start_build())
    assert site.deploy(site.order_with_image()).state == "succeeded"
    build.refresh_from_db()
    assert build.is_active


# ---------------------------------------------------------------- perhaps done
def test_an_answer_to_the_trigger_that_got_lost_makes_no_second_build(site: Site) -> None:
    site.stand_ins.jenkins.rule = lambda asked: CUT if is_trigger(asked) else PASS
    build = site.finish(site.start_build(), lambda row: row.contact_lost_since is not None)
    assert (build.phase, build.queue_id) == ("triggering", None)
    next_probe_now()
    build = site.finish(build)
    assert build.state == "succeeded", build.message
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 1
    assert builds_of_trigger(site, build) == 1


def test_a_trigger_that_never_arrived_is_sent_again_once_that_is_sure(site: Site) -> None:
    site.stand_ins.jenkins.rule = lambda asked: DROP if is_trigger(asked) else PASS
    build = site.finish(site.start_build(), lambda row: row.contact_lost_since is not None)
    assert build.phase == "triggering"
    site.stand_ins.jenkins.rule = lambda _asked: PASS
    next_probe_now()
    with pytest.raises(Stuck):
        site.finish(build, lambda row: row.phase != "triggering", seconds=1.5)
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 1, "sent again too soon"
    long_ago = build.posted_at - timedelta(seconds=SETTLE_SECONDS)
    Build.objects.filter(pk=build.pk).update(posted_at=long_ago)
    build = site.finish(build)
    assert (build.state, build.posts) == ("succeeded", 2), build.message
    assert builds_of_trigger(site, build) == 1


@pytest.mark.parametrize("fault", [CUT, DROP])
@pytest.mark.parametrize("nth", [1, 2])
def test_an_answer_to_an_apply_that_got_lost_is_settled_by_reading(site: Site, fault: str, nth: int) -> None:
    """The first write is the Service's, the second the Deployment's."""
    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "applying")
    seen: list[Asked] = []

    def rule(asked: Asked) -> str:
        if not is_apply(asked):
            return PASS
        seen.append(asked)
        return fault if len(seen) == nth else PASS

    site.stand_ins.cluster.rule = rule
    if fault == DROP:
        run = until_lost(site, run)
        next_probe_now()
    run = site.finish(run)
    assert run.state == "succeeded", run.message
    # What was carried out is found by its mark and not sent again.
    assert len(seen) == (2 + nth if fault == DROP else 2)
    live = site.live("fat")
    assert live["metadata"]["generation"] == 1, "one effective apply"
    assert replica_sets(site) == 1


def replica_sets(site: Site) -> int:
    return len(site.cluster.observe(site.space("fat").namespace, "").replica_sets)


# ---------------------------------------------------------------- images that are there already
def push_image(site: Site, number: str, labels: dict[str, str]) -> str:
    folder = site.stand_ins.folder / uuid.uuid4().hex
    folder.mkdir()
    (folder / "app.pyz").write_text(number)
    image = pack(
        context=folder, dockerfile="FROM scratch\nCOPY app.pyz /app/\n", labels=labels, scratch=folder / "s", log=print
    )
    tag = f"{site.stand_ins.registry}/{site.world.project.slug}/{site.component.slug}:{number}"
    return push(image, tag, log=print)


def test_a_tag_of_somebody_else_is_not_overwritten(site: Site) -> None:
    order = site.order()
    push_image(site, order.number, {})
    build = site.finish(builds.start_build(actor=site.world.dana, order=order))
    assert (build.state, build.reason) == ("failed", "foreign_tag")
    assert order.number in build.message
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 0


def test_a_tag_that_somebody_takes_while_it_builds(site: Site) -> None:
    build = site.finish(site.start_build(), lambda row: row.phase != "start")
    push_image(site, build.order.number, {"io.prism4k.trigger": str(uuid.uuid4())})
    build = site.finish(build)
    assert build.state == "failed" and build.reason in ("foreign_tag", "build_failed"), build.message


def test_an_image_of_an_earlier_attempt_is_adopted(site: Site) -> None:
    """A worker died after the push and the row was given up: the next attempt takes what is there."""
    order = site.order()
    first = builds.start_build(actor=site.world.dana, order=order)
    digest = push_image(site, order.number, {"io.prism4k.trigger": str(first.trigger_id)})
    end_run(first, "errored", actor=None, reason="engine")
    order.refresh_from_db()
    second = site.finish(builds.start_build(actor=site.world.dana, order=order))
    assert (second.state, second.digest, second.posted_at) == ("succeeded", digest, None), second.message
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 0
    assert OrderEvent.objects.filter(order=order, kind="build.succeeded", data__adopted=True).exists()


# ---------------------------------------------------------------- stopping
def test_a_hanging_build_is_stopped_for_good(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    builds.stop_build(actor=site.world.dana, build=build)
    build = site.finish(build)
    assert (build.state, build.reason, build.result) == ("cancelled", "stopped", "ABORTED"), build.message
    build.order.refresh_from_db()
    assert (build.order.state, build.order.image_digest) == ("build_failed", "")
    assert build.stages[1]["state"] in ("cancelled", "failed")


def test_a_build_is_stopped_before_anything_was_sent(site: Site) -> None:
    build = site.start_build()
    builds.stop_build(actor=site.world.dana, build=build)
    build = site.finish(build)
    assert (build.state, build.reason) == ("cancelled", "stopped")
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 0


def test_a_build_that_is_over_its_deadline_is_stopped_in_jenkins_first(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    build.server.build_deadline_seconds = 1
    build.server.save()
    build = site.finish(build)
    assert (build.state, build.reason) == ("failed", "deadline")
    assert site.stand_ins.jenkins.count("POST", f"/{build.build_number}/stop") == 1
