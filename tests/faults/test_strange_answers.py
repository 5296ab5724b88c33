"""Once Jenkins may have the request, no single answer ends a build: login pages, stray refusals, foreign numbers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deployer.interfaces import BuildRequest
from releases.models import Build, OrderEvent
from releases.services import builds
from releases.steps import contact_deadline
from tests.faults.test_outages import builds_of_trigger, next_probe_now, push_image
from tests.patience import wait_for
from tests.proxy import CUT, PASS, Asked, answer
from tests.site import Site

pytestmark = pytest.mark.slow

LOGIN = "<html><form action=j_spring_security_check><input type=password name=j_password></form></html>"
STRANGE = {
    "401": answer("401 Unauthorized", "Invalid password/token", WWW_Authenticate='Basic realm="Jenkins"'),
    "403": answer("403 Forbidden", "<html><body>Authentication required</body></html>", X_Jenkins="2.568.2"),
    "404": answer("404 Not Found", "<html><body>Not Found</body></html>"),
    "redirect": answer("302 Found", Location="https://sso.example.org/login?from=%2Fjob"),
    "page": answer("200 OK", LOGIN),
    "other": answer("200 OK", "{}", "application/json"),
    "text": answer("200 OK", LOGIN, "text/plain"),
    "nothing": answer("200 OK", "", "text/plain"),
    "words": answer("200 OK", "Service temporarily unavailable", "text/plain"),
}
PLACES: dict[str, Callable[[Asked], bool]] = {
    "job tree": lambda asked: "tree=builds%5Bnumber" in asked.path,
    "stages": lambda asked: "wfapi/describe" in asked.path,
    "log": lambda asked: "progressiveText" in asked.path,
    "whole log": lambda asked: "consoleText" in asked.path,
    "queue item": lambda asked: "/queue/item/" in asked.path,
    "search": lambda asked: "/queue/api/json" in asked.path,
}


@pytest.fixture(autouse=True)
def quick_absence(settings: Any) -> None:
    """Three looks in a third of a second instead of thirty."""
    settings.ABSENCE_SECONDS = 0.3


def far() -> float:
    """A deadline that does not matter."""
    return time.monotonic() + 30


def once(place: str, given: str, and_then: Callable[[Asked], str] = lambda _asked: PASS) -> tuple[Any, list[Asked]]:
    """A rule that gives the answer to the first request of that place, and the requests that got it."""
    met: list[Asked] = []

    def rule(asked: Asked) -> str:
        if not met and asked.method == "GET" and PLACES[place](asked):
            met.append(asked)
            return given
        return and_then(asked)

    return rule, met


@pytest.mark.parametrize(
    ("place", "strange"),
    [
        ("job tree", "401"),
        ("stages", "403"),
        ("log", "page"),
        ("queue item", "404"),
        ("whole log", "page"),
        ("whole log", "text"),
        ("whole log", "nothing"),
        ("whole log", "words"),
    ],
)
def test_one_strange_answer_ends_no_build(site: Site, strange: str, place: str) -> None:
    phase = "queued" if place == "queue item" else "building"
    build = site.finish(site.start_build(), lambda row: row.phase == phase)
    site.stand_ins.jenkins.rule, met = once(place, STRANGE[strange])
    until = time.monotonic() + 20  # the job tree is asked for once a second, however quick the passes are
    while not met and time.monotonic() < until and not site.step(build).is_terminal:
        pass
    assert met, "the answer was never given"
    build.refresh_from_db()
    assert build.is_active, (build.state, build.reason, build.message)
    next_probe_now()
    build = site.finish(build)
    assert (build.state, build.message) == ("succeeded", ""), (build.reason, build.message)
    assert builds_of_trigger(site, build) == 1
    text = "".join(build.chunks.order_by("offset").values_list("text", flat=True))
    assert text.count("[Pipeline] Start of Pipeline") == 1 and text.rstrip().endswith("Finished: SUCCESS")


def test_what_was_told_of_it_goes_also_where_another_run_found_contact_first(site: Site) -> None:
    build = site.finish(site.start_build(), lambda row: row.phase == "building")
    told = {"message": "Jenkins asks for a sign-in.", "contact_lost_since": None}
    Build.objects.filter(pk=build.pk).update(**told)
    assert not site.step(build).message
    # And where the very next pass is the last one.
    build = site.finish(build, lambda row: row.phase == "finalizing")
    Build.objects.filter(pk=build.pk).update(**told)
    build = site.finish(build)
    assert (build.state, build.message) == ("succeeded", "")


@pytest.mark.parametrize("strange", ["redirect", "other"])
def test_one_strange_answer_to_the_search_starts_no_second_build(site: Site, strange: str) -> None:
    """The POST arrived, its answer did not, and the search for it is answered by somebody else."""

    def cut_trigger(asked: Asked) -> str:
        return CUT if asked.method == "POST" and "buildWithParameters" in asked.path else PASS

    site.stand_ins.jenkins.rule, met = once("search", STRANGE[strange], cut_trigger)
    build = site.finish(site.start_build(), lambda row: row.contact_lost_since is not None)
    assert build.phase == "triggering"
    next_probe_now()
    build = site.finish(build)
    assert met and build.state == "succeeded", (build.reason, build.message)
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 1
    assert builds_of_trigger(site, build) == 1


def test_a_token_that_was_revoked_for_good_is_told_and_ends_nothing(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    site.stand_ins.jenkins.rule = lambda _asked: STRANGE["401"]
    build = site.finish(build, lambda row: row.contact_lost_since is not None)
    for _times in range(6):
        build = site.step(build)
    assert build.is_active and "sign-in" in build.message
    site.stand_ins.jenkins.rule = lambda _asked: PASS
    builds.stop_build(actor=site.world.dana, build=build)
    build = site.finish(build)
    assert (build.state, build.reason) == ("cancelled", "stopped"), build.message


def test_a_stop_that_nobody_answers_ends_the_build_after_an_hour_as_lost(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    site.stand_ins.jenkins.go_down()
    build = site.finish(build, lambda row: row.contact_lost_since is not None)
    builds.stop_build(actor=site.world.dana, build=build)
    long_ago = timezone.now() - timedelta(hours=2)
    Build.objects.filter(pk=build.pk).update(contact_lost_since=long_ago)
    assert not contact_deadline.overdue_builds().exists(), "the wish is new"
    Build.objects.filter(pk=build.pk).update(stop_requested_at=long_ago)
    contact_deadline.give_up_build(build.pk)
    build.refresh_from_db()
    assert (build.state, build.reason) == ("errored", "lost")
    build.order.refresh_from_db()
    assert build.order.state == "build_failed"
    site.stand_ins.jenkins.come_back()
    site.jenkins.stop(build.job, build.build_number or 0, level="kill", deadline=far())


def test_a_deadline_stands_still_without_contact(site: Site, settings: Any) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    build.server.build_deadline_seconds = 30
    build.server.save()
    # Twenty seconds of contact, then an hour without.
    ago = timezone.now() - timedelta(hours=1)
    Build.objects.filter(pk=build.pk).update(phase_seconds=15, seen_at=ago, contact_lost_since=ago)
    site.stand_ins.jenkins.rule = lambda _asked: answer("503 Service Unavailable", "Jenkins is starting")
    for _times in range(3):
        next_probe_now()
        build = site.step(build)
        assert build.is_active and build.stop_requested_at is None
    site.stand_ins.jenkins.rule = lambda _asked: PASS
    next_probe_now()
    build = site.step(build)
    assert build.is_active and build.stop_requested_at is None and build.phase_seconds < 26, build.phase_seconds
    Build.objects.filter(pk=build.pk).update(phase_seconds=31, seen_at=timezone.now() - timedelta(seconds=4))
    build = site.finish(build)
    assert (build.state, build.reason, build.result) == ("failed", "deadline", "ABORTED"), build.message
    assert site.stand_ins.jenkins.count("POST", f"/{build.build_number}/stop") == 1
    assert "30 seconds" in build.message


def test_an_image_that_was_pushed_before_the_stop_is_taken(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    digest = push_image(site, build.order.number, {"io.prism4k.trigger": str(build.trigger_id)})
    builds.stop_build(actor=site.world.dana, build=build)
    build = site.finish(build)
    assert (build.state, build.digest, build.result) == ("succeeded", digest, "ABORTED"), build.message
    assert OrderEvent.objects.filter(order=build.order, kind="build.succeeded", data__adopted=True).exists()
    build.order.refresh_from_db()
    assert build.order.state == "built"


# ---------------------------------------------------------------- numbers that mean another build now
def test_a_number_of_another_build_is_neither_read_nor_stopped(site: Site) -> None:
    other = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    size = build.log_size
    # As after a crash: our record is lost, and our number and our queue id were given to the other one.
    fields = {"build_number": other.build_number, "queue_id": other.queue_id, "session": "of before"}
    ours = build.build_number
    Build.objects.filter(pk=build.pk).update(**fields, trigger_id=uuid.uuid4(), stop_requested_at=timezone.now())
    site.stand_ins.jenkins.asked.clear()
    build = site.finish(build)
    assert (build.state, build.reason) == ("errored", "lost"), build.message
    assert build.log_size == size
    assert site.stand_ins.jenkins.count("POST", "/stop") == site.stand_ins.jenkins.count("POST", "/kill") == 0
    other.refresh_from_db()
    assert other.is_active
    builds.stop_build(actor=site.world.dana, build=other)
    assert site.finish(other).state == "cancelled"
    site.jenkins.stop(build.job, ours or 0, level="kill", deadline=far())


def test_a_record_that_was_deleted_ends_its_build_once_that_is_sure(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    number, trigger = build.build_number, build.trigger_id
    gone = uuid.uuid4()
    Build.objects.filter(pk=build.pk).update(build_number=(number or 0) + 5000, trigger_id=gone)
    build = site.step(build)
    assert build.is_active and build.absences == 1
    build = site.step(build)
    assert build.is_active, "two looks, or too short a time, are not enough"
    build = site.finish(build)
    assert (build.state, build.reason) == ("errored", "lost") and build.absences >= 3, build.message
    assert trigger != gone
    site.jenkins.stop(build.job, number or 0, level="kill", deadline=far())


# ---------------------------------------------------------------- a controller that was killed
def test_a_killed_jenkins_that_gives_our_number_to_another_build(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    number = build.build_number or 0
    site.stand_ins.knob("crash", lose_builds=[number], reset_numbers=True, reset_queue_ids=True)
    values = {**build.parameters, "TRIGGER_ID": str(uuid.uuid4()), "PLATFORM_URL": ""}
    site.jenkins.trigger(BuildRequest(build.job, values["TRIGGER_ID"], values), deadline=far())
    wait_for(lambda: theirs(site, number) == values["TRIGGER_ID"], "the number is given again")
    builds.stop_build(actor=site.world.dana, build=build)
    build = site.finish(build)
    assert (build.state, build.reason) == ("errored", "lost"), build.message
    assert theirs(site, number) == values["TRIGGER_ID"] and site.jenkins.build(build.job, number).is_building
    assert site.stand_ins.jenkins.count("POST", f"/{number}/") == 0
    site.jenkins.stop(build.job, number, level="kill", deadline=far())


def theirs(site: Site, number: int) -> str:
    """The trigger id under that number in Jenkins."""
    found = site.stand_ins.knob("truth", "GET")["builds"]
    return next((str(one["trigger_id"]) for one in found if one["number"] == number), "")


def test_a_killed_jenkins_that_lost_its_queue_builds_once(site: Site) -> None:
    site.stand_ins.knob("quiet-down", on=True)
    build = site.finish(site.start_build(), lambda row: row.phase == "queued" and row.queue_why)
    assert "shut down" in build.queue_why
    site.stand_ins.knob("crash", lose_queue=True, reset_queue_ids=True)
    site.stand_ins.knob("quiet-down", on=False)
    build = site.finish(build)
    assert (build.state, build.posts) == ("succeeded", 2), (build.reason, build.message)
    assert builds_of_trigger(site, build) == 1


def test_a_restart_that_resumes_the_build_changes_nothing(site: Site) -> None:
    build = site.finish(site.start_build("hang"), lambda row: len(row.stages) == 2)
    session = build.session
    site.stand_ins.knob("crash")
    build = site.finish(build, lambda row: row.session != session)
    assert build.is_active and build.absences == 0
    builds.stop_build(actor=site.world.dana, build=build)
    assert site.finish(build).state == "cancelled"
