"""An image that arrives after its build ended without one: told once the registry has it, and never before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from foundation.clock import PARKED
from releases.models import Build, LateImage, OrderEvent
from releases.services import builds
from releases.steps import late_image
from releases.transitions import end_run
from tests.faults.test_outages import next_probe_now, push_image
from tests.site import Site

pytestmark = pytest.mark.slow
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_image, "PAUSE_SECONDS", 0.0)


def lost(site: Site) -> Build:
    """A build that ended without an image."""
    build = site.start_build()
    end_run(build, "errored", actor=None, reason="lost")
    return build


def report(build: Build, digest: str = DIGEST) -> None:
    """As the job's last stage does, or somebody who read the trigger id."""
    body = json.dumps({"trigger_id": str(build.trigger_id), "build_number": 7, "digest": digest})
    assert Client().post("/hooks/jenkins/report", body, content_type="application/json").status_code == 200


def ask_for_image(site: Site) -> LateImage:
    """What the report asked for, done."""
    row: LateImage = site.step(LateImage.objects.get())
    return row


def told(build: Build) -> list[dict[str, Any]]:
    rows = OrderEvent.objects.filter(order=build.order, kind="build.image_arrived")
    return list(rows.values_list("data", flat=True))


@pytest.mark.security("forged-tasks")
def test_a_report_alone_is_never_told(site: Site) -> None:
    build = lost(site)
    asked = len(site.stand_ins.images.asked)
    report(build)
    assert (told(build), len(site.stand_ins.images.asked)) == ([], asked), "a web request asks nobody"
    assert ask_for_image(site).next_at >= PARKED
    build.refresh_from_db()
    assert (told(build), build.reported_digest) == ([], "")


def test_an_image_of_somebody_else_is_not_told(site: Site) -> None:
    build = lost(site)
    digest = push_image(site, build.order.number, {"io.prism4k.trigger": "7b1c8a6e-3b1e-4a58-8a4e-000000000000"})
    report(build, digest)
    ask_for_image(site)
    assert told(build) == []


def test_an_image_that_arrived_is_told_once_and_taken_by_the_next_build(site: Site) -> None:
    build = lost(site)
    digest = push_image(site, build.order.number, {"io.prism4k.trigger": str(build.trigger_id)})
    for given in (DIGEST, digest, DIGEST):  # what was reported does not matter
        report(build, given)
        ask_for_image(site)
    assert told(build) == [{"id": build.pk, "attempt": 1, "digest": digest}]
    build.order.refresh_from_db()
    second = site.finish(builds.start_build(actor=site.world.dana, order=build.order))
    assert (second.state, second.digest) == ("succeeded", digest), second.message
    report(build)
    ask_for_image(site)
    assert len(told(build)) == 1


def test_a_registry_that_is_away_is_asked_again(site: Site) -> None:
    build = lost(site)
    push_image(site, build.order.number, {"io.prism4k.trigger": str(build.trigger_id)})
    report(build)
    site.stand_ins.images.go_down()
    assert ask_for_image(site).contact_lost_since is not None
    site.stand_ins.images.come_back()
    next_probe_now()
    assert ask_for_image(site).contact_lost_since is None
    assert len(told(build)) == 1


@pytest.mark.security("forged-tasks")
def test_reports_without_end_ask_the_registry_rarely(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_image, "PAUSE_SECONDS", 60.0)
    build = lost(site)
    report(build)
    ask_for_image(site)
    asked = len(site.stand_ins.images.asked)
    report(build)
    assert ask_for_image(site).next_at < PARKED, "the last one is not forgotten"
    assert len(site.stand_ins.images.asked) == asked
