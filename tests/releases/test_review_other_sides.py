"""One other side that is away must not be taken for another: a build asks Git, a registry and Jenkins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from deployer.errors import NotFound, Rejected, Unavailable
from deployer.interfaces import BuildDetail, BuildLook, LogPage, QueueLook
from foundation import breakers
from foundation.models import Remote
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.lease import Lease
from foundation.runs.slots import slots
from releases.models import Build
from releases.steps.build.follow import follow
from releases.steps.build.queue import leave_queue
from releases.steps.build.trigger import send
from releases.transitions import move
from tests.cast import World
from tests.releases.rows import build, make_component, make_order

FAR = 365 * 24 * 3600.0


@pytest.fixture(autouse=True)
def own_mirrors(settings: object, tmp_path: Path) -> Iterator[None]:
    """Nothing of these tests stays: no mirrors, no breaker that is remembered, no slot of a lease that was not run."""
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    breakers._confirmed.clear()
    yield
    slots._taken.clear()


@pytest.fixture
def queued(world: World) -> Build:
    return build(make_order(make_component(world), world.dana))


def lease_of(row: Build) -> Lease:
    (lease,) = claim(kinds.get("build"), owner=owner(), limit=1, pk=row.pk, grace=FAR)
    return lease


def step(row: Build) -> Build:
    run_step(lease_of(row))
    row.refresh_from_db()
    return row


def test_a_registry_that_is_away_does_not_open_the_breaker_of_jenkins(queued: Build) -> None:
    step(queued)
    assert queued.contact_lost_since is not None
    assert set(Remote.objects.filter(opened_at__isnull=False).values_list("name", flat=True)) == {
        queued.registry.remote_key
    }


def in_jenkins(row: Build, **fields: object) -> Build:
    """The row as it is once Jenkins has it, with a step at work on it."""
    move(row, "running", actor=None)
    Build.objects.filter(pk=row.pk).update(**fields)
    return Build.objects.select_related("order__project", "server", "registry").get(pk=row.pk)


class Jenkins:
    """Answers of a controller, or what it raises."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        if name not in self.answers:
            raise AttributeError(name)

        def answer(*_args: object, **_named: object) -> object:
            self.asked.append(name)
            given = self.answers[name]
            if isinstance(given, Exception):
                raise given
            return given

        return answer


def put(monkeypatch: pytest.MonkeyPatch, jenkins: Jenkins) -> None:
    monkeypatch.setattr("deployer.adapters.jenkins.connect", lambda _target: jenkins)


def test_the_deadline_ends_a_build_although_jenkins_is_gone(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", build_number=3, created_at=timezone.now() - timedelta(hours=2))
    put(monkeypatch, Jenkins(stop=Unavailable("Jenkins cannot be reached: no connection could be made.")))
    assert step(row).state == "failed" and row.reason == "deadline"
    assert "cannot be reached" in row.message
    row.order.refresh_from_db()
    assert row.order.state == "build_failed"


def test_revoked_credentials_end_a_build_with_the_cause(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", build_number=3)
    put(monkeypatch, Jenkins(builds=Rejected("Jenkins does not accept this user name and API token.")))
    assert (step(row).state, row.reason) == ("errored", "refused")
    assert "API token" in row.message


def test_a_job_that_was_deleted_ends_its_build_as_lost(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="triggering", posted_at=timezone.now())
    put(monkeypatch, Jenkins(find=NotFound("Jenkins has no job prism.")))
    assert (step(row).state, row.reason) == ("errored", "lost")


def test_a_stop_that_jenkins_does_not_allow_is_told_and_the_build_is_followed(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = in_jenkins(queued, phase="building", build_number=3, stop_requested_at=timezone.now())
    page = LogPage("", 0, is_complete=False, was_rewound=False)
    look = BuildLook(number=3, queue_id=1, is_building=True, result=None)
    put(
        monkeypatch,
        Jenkins(
            builds={3: look}, stages=(), read_log=page, stop=Rejected("This Jenkins account lacks the right Stop.")
        ),
    )
    follow(lease_of(row), row)
    row.refresh_from_db()
    assert row.state == "running"
    assert "lacks the right" in row.message


def test_a_post_that_was_certainly_not_sent_is_not_counted(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="triggering", posts=1, posted_at=timezone.now())
    put(monkeypatch, Jenkins(trigger=Unavailable("no connection")))
    with pytest.raises(Unavailable):
        send(lease_of(row), row)
    row.refresh_from_db()
    assert (row.phase, row.posts) == ("start", 0)


def test_our_stop_is_a_cancellation_also_where_the_claim_was_refused(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = in_jenkins(queued, phase="finalizing", build_number=3, result="NOT_BUILT", stop_requested_at=timezone.now())
    put(monkeypatch, Jenkins(stages=(), read_log=LogPage("", 0, is_complete=True, was_rewound=False)))
    assert (step(row).state, row.reason) == ("cancelled", "stopped")


def test_the_run_that_has_claimed_is_followed_whatever_the_queue_says(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy sent the POST twice: our item became #6, whose claim was refused; #7 had claimed before it.
    row = in_jenkins(queued, phase="queued", queue_id=5, build_number=7)
    detail = BuildDetail(7, True, None, "", "", {"TRIGGER_ID": str(row.trigger_id)})
    put(monkeypatch, Jenkins(queue_item=QueueLook(known=True, number=6), build=detail))
    leave_queue(lease_of(row), row)
    row.refresh_from_db()
    assert (row.phase, row.build_number) == ("building", 7)
