"""One other side that is away must not be taken for another: a build asks Git, a registry and Jenkins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from components.models import GitServer
from components.values import PARAMETERS
from deployer.adapters.git.child import not_git
from deployer.errors import DeployerError, Forbidden, NotFound, Rejected, Unavailable
from deployer.interfaces import (
    BranchTip,
    BuildDetail,
    BuildStatus,
    FoundBuild,
    ImageFacts,
    JobFacts,
    LogPage,
    QueueStatus,
)
from foundation import breakers
from foundation.models import Remote
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.lease import Lease
from releases.models import Build
from releases.steps.build.follow import follow
from releases.steps.build.queue import leave_queue
from releases.steps.build.servers import open_server
from releases.steps.build.trigger import send
from releases.transitions import move
from tests.cast import World
from tests.releases.answers import Jenkins
from tests.releases.rows import build, make_component, make_order

FAR = 365 * 24 * 3600.0


@pytest.fixture(autouse=True)
def own_mirrors(settings: object, tmp_path: Path) -> None:
    """Nothing of these tests stays: no mirrors, no breaker that is remembered."""
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    breakers._confirmed.clear()


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


def test_a_page_in_the_place_of_git_ends_no_build_and_stops_nobody_else(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_git(monkeypatch, not_git(list_git(queued)))
    put_image(monkeypatch, None)
    for _times in range(3):
        assert step(queued).is_active and "not as a Git server" in queued.message
    assert queued.contact_lost_since is not None and queued.phase == "start"
    assert not Remote.objects.filter(opened_at__isnull=False).exists(), "another repository there may answer"
    put_git(monkeypatch, BranchTip(queued.order.branch, queued.order.commit))
    put(monkeypatch, Jenkins(**WELL, job=JOB, find=None, trigger=9))
    assert (step(queued).phase, queued.message) == ("queued", ""), queued.message


def list_git(row: Build) -> str:
    """The host of its repository, which may be asked."""
    host = str(row.order.component_settings.git_url.split("/")[2])
    GitServer.objects.update_or_create(host=host, defaults={"allow_http": True})
    return host


JOB = JobFacts(True, PARAMETERS, next_number=3, session="one")


def put_git(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    """What Git says of every branch, or what it raises."""

    def connect(_target: object, *, on_answer: Callable[[], None]) -> object:
        on_answer()
        return Jenkins(resolve=answer)

    monkeypatch.setattr("deployer.adapters.git.connect", connect)


def put(monkeypatch: pytest.MonkeyPatch, jenkins: Jenkins) -> None:
    monkeypatch.setattr("deployer.adapters.jenkins.connect", lambda _target, **_named: jenkins)


PAGE = LogPage("", 0, is_complete=False, was_rewound=False)
OURS = BuildStatus(number=3, queue_id=1, is_building=True, result=None)
IN_SESSION = {"build_number": 3, "queue_id": 1, "session": "one"}
WELL = {"session": "one", "confirm": "one", "stages": (), "read_log": PAGE, "read_whole_log": (), "agent_waits": {}}


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("Jenkins asks for a sign-in."),
        Rejected("Jenkins redirects to another address."),
        NotFound("Jenkins has no such thing."),
        Unavailable("no answer"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    ("phase", "asked", "others"),
    [
        ("triggering", "find", {}),
        ("queued", "queue_item", {}),
        ("queued", "find", {"queue_item": QueueStatus(known=False)}),
        ("queued", "confirm", {"queue_item": QueueStatus(known=False), "find": None}),
        ("building", "builds", {}),
        ("building", "confirm", {"builds": {}, "build": NotFound("Jenkins has no such build.")}),
        ("building", "stages", {"builds": {3: OURS}}),
        ("building", "read_log", {"builds": {3: OURS}}),
        ("finalizing", "builds", {}),
        ("finalizing", "read_log", {"builds": {3: OURS}}),
    ],
)
def test_no_error_after_the_post_ends_a_build(
    queued: Build, monkeypatch: pytest.MonkeyPatch, phase: str, asked: str, others: dict[str, object],
    error: DeployerError,
) -> None:  # fmt: skip
    """However often it comes: only what a healthy controller answers may decide."""
    row = in_jenkins(queued, phase=phase, posted_at=timezone.now(), **IN_SESSION)
    jenkins = Jenkins(**{**WELL, **others, asked: error})
    put(monkeypatch, jenkins)
    for _times in range(5):
        breakers_are_closed()
        step(row)
        assert row.is_active, (row.state, row.reason, row.message)
    assert asked in jenkins.asked and not {"trigger", "stop", "cancel_queued"} & set(jenkins.asked)
    assert row.contact_lost_since is not None
    assert row.phase == phase and row.build_number == 3


def breakers_are_closed() -> None:
    Remote.objects.update(opened_at=None, probe_at=None)


def test_the_cause_is_on_the_row_until_jenkins_answers_again(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    put(monkeypatch, Jenkins(**WELL, builds=Forbidden("Jenkins asks for a sign-in.")))
    assert step(row).contact_lost_since is not None and "sign-in" in row.message
    assert not Remote.objects.filter(opened_at__isnull=False).exists(), "what one account may not see stops nobody else"
    put(monkeypatch, Jenkins(**WELL, builds={3: OURS}))
    assert (step(row).state, row.message) == ("running", "")


def test_a_deadline_is_told_and_stopped_before_it_ends_anything(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    ago = timezone.now() - timedelta(seconds=5)
    row = in_jenkins(queued, phase="building", seen_at=ago, phase_seconds=3599, **IN_SESSION)
    jenkins = Jenkins(**WELL, builds={3: OURS}, build=ours(row), stop=Unavailable("Jenkins cannot be reached."))
    put(monkeypatch, jenkins)
    assert step(row).is_active and row.stop_reason == "build_deadline" and "stop" in jenkins.asked
    ended = BuildStatus(number=3, queue_id=1, is_building=False, result="ABORTED")
    done = LogPage("", 0, is_complete=True, was_rewound=False)
    put(monkeypatch, Jenkins(**{**WELL, "read_log": done}, builds={3: ended}))
    put_image(monkeypatch, None)
    breakers_are_closed()
    step(row)
    assert (step(row).state, row.reason) == ("failed", "deadline"), row.message
    assert "3600" in row.message


def put_image(monkeypatch: pytest.MonkeyPatch, image: ImageFacts | None) -> None:
    """What the registry has under the order's tag."""
    monkeypatch.setattr("deployer.adapters.registry.connect", lambda _target, **_named: Jenkins(image=image))


def test_a_queue_deadline_takes_the_item_out_of_the_queue(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    ago = timezone.now() - timedelta(seconds=5)
    row = in_jenkins(queued, phase="queued", queue_id=9, session="one", seen_at=ago, phase_seconds=1799)
    waits = [QueueStatus(known=True, why="Waiting for next available executor"), QueueStatus(True, cancelled=True)]
    jenkins = Jenkins(**WELL, queue_item=waits, cancel_queued=True)
    put(monkeypatch, jenkins)
    put_image(monkeypatch, None)
    assert (step(row).state, row.reason) == ("failed", "deadline"), row.message
    assert "queue" in row.message and jenkins.asked == ["queue_item", "cancel_queued", "queue_item"]


def test_a_cancellation_that_jenkins_does_not_show_is_none(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """204 by a proxy, or the item left for a build in between."""
    row = in_jenkins(queued, phase="queued", queue_id=9, session="one", stop_requested_at=timezone.now())
    put(monkeypatch, Jenkins(**WELL, queue_item=QueueStatus(True, number=4), cancel_queued=True))
    assert (step(row).state, row.phase, row.build_number) == ("running", "building", 4)


def gone(row: Build, monkeypatch: pytest.MonkeyPatch, jenkins: Jenkins, reads: int) -> Build:
    """So many looks at a controller that does not have it, the first one long enough ago."""
    put(monkeypatch, jenkins)
    for _times in range(reads):
        step(row)
        if row.is_active and row.absent_since:
            Build.objects.filter(pk=row.pk).update(absent_since=timezone.now() - timedelta(seconds=31))
    return row


def test_an_item_that_a_killed_jenkins_forgot_is_sent_again(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="queued", queue_id=9, session="one", posts=1)
    after = {**WELL, "session": "two", "confirm": "two"}
    jenkins = Jenkins(**after, queue_item=QueueStatus(known=False), find=None, trigger=1)
    gone(row, monkeypatch, jenkins, 2)
    assert "trigger" not in jenkins.asked
    gone(row, monkeypatch, jenkins, 1)
    assert jenkins.asked.count("trigger") == 1
    assert (row.phase, row.queue_id, row.posts, row.absent_since) == ("queued", 1, 2, None)


@pytest.mark.parametrize(
    ("error", "is_end"),
    [
        (Forbidden("sign in", reason="sign_in"), False),
        (Rejected("elsewhere", reason="redirected"), False),
        (Rejected("no job", reason="no_job"), False),
        (Forbidden("lacks Job/Build", reason="permission"), True),
        (Rejected("is disabled", reason="disabled"), True),
    ],
    ids=str,
)
def test_a_second_request_is_refused_by_jenkins_only(
    queued: Build, monkeypatch: pytest.MonkeyPatch, error: Rejected, is_end: bool
) -> None:
    """The first one may be there yet: an answer in Jenkins' place ends nothing."""
    ago = timezone.now() - timedelta(minutes=1)
    row = in_jenkins(queued, phase="triggering", posts=1, posted_at=ago)
    put(monkeypatch, Jenkins(**WELL, find=None, trigger=error))
    step(row)
    assert row.is_terminal is is_end
    if not is_end:
        assert row.contact_lost_since is not None
        assert (row.phase, row.posts) == ("triggering", 1)
        put(monkeypatch, Jenkins(**WELL, find=FoundBuild(queue_id=1, number=None)))
        assert step(row).phase == "queued"


@pytest.mark.parametrize("fields", [{"session": "two"}, {"session": "one", "build_number": 3}])
def test_an_item_is_not_sent_again_where_it_may_have_run(
    queued: Build, monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]
) -> None:
    """Without a restart it did not vanish from the queue by itself; and what has claimed did run."""
    row = in_jenkins(queued, phase="queued", queue_id=9, posts=1, **fields)
    after = {**WELL, "session": "two", "confirm": "two"}
    jenkins = Jenkins(**after, queue_item=QueueStatus(known=False), find=None)
    put_image(monkeypatch, None)
    gone(row, monkeypatch, jenkins, 3)
    assert (row.state, row.reason) == ("errored", "lost") and "trigger" not in jenkins.asked


def test_a_restart_begins_the_looking_anew(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    missing = {"builds": {}, "build": NotFound("none"), "find": None}
    gone(row, monkeypatch, Jenkins(**WELL, **missing), 2)
    gone(row, monkeypatch, Jenkins(**{**WELL, "session": "two", "confirm": "two"}, **missing), 1)
    assert row.is_active and row.absences == 1


def test_a_record_that_is_found_again_begins_the_looking_anew(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while the last lines of its log are waited for."""
    row = in_jenkins(queued, phase="finalizing", result="SUCCESS", **IN_SESSION)
    missing = {"builds": {}, "build": NotFound("none"), "find": None}
    gone(row, monkeypatch, Jenkins(**WELL, **missing), 2)
    put(monkeypatch, Jenkins(**WELL, builds={3: OURS}))
    assert step(row).is_active and (row.absences, row.absent_since) == (0, None)
    gone(row, monkeypatch, Jenkins(**WELL, **missing), 1)
    assert row.is_active and (row.phase, row.absences) == ("finalizing", 1)


def test_a_lost_build_whose_image_is_there_has_succeeded(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    labels = {"io.prism4k.trigger": str(row.trigger_id)}
    put_image(monkeypatch, ImageFacts("sha256:" + "a" * 64, labels, "", 1, ()))
    missing = {"builds": {}, "build": NotFound("none"), "find": None}
    gone(row, monkeypatch, Jenkins(**WELL, **missing), 3)
    assert (row.state, row.digest) == ("succeeded", "sha256:" + "a" * 64), (row.reason, row.message)


def test_a_run_that_was_refused_is_not_followed_for_the_one_that_was_lost(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The POST arrived twice: #3 had claimed, so #4 ended at once. Then the record of #3 is gone."""
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    refused = BuildDetail(4, False, "NOT_BUILT", "", "", {"TRIGGER_ID": str(row.trigger_id)}, 2)
    reads: list[object] = [*[NotFound("none")] * 3, refused]
    put_image(monkeypatch, None)
    gone(row, monkeypatch, Jenkins(**WELL, builds={}, find=FoundBuild(2, 4), build=reads), 3)
    assert (row.state, row.reason, row.build_number) == ("errored", "lost", 3), row.message


def test_a_build_that_jenkins_did_not_run_asks_the_registry_first(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run of the same trigger that was followed before it may have pushed."""
    row = in_jenkins(queued, phase="finalizing", result="NOT_BUILT", **IN_SESSION)
    page = LogPage("", 0, is_complete=True, was_rewound=False)
    put(monkeypatch, Jenkins(**{**WELL, "read_log": page}, builds={3: OURS}))
    labels = {"io.prism4k.trigger": str(row.trigger_id)}
    put_image(monkeypatch, ImageFacts("sha256:" + "a" * 64, labels, "", 1, ()))
    assert (step(row).state, row.digest) == ("succeeded", "sha256:" + "a" * 64), (row.reason, row.message)


@pytest.mark.parametrize(("queue_id", "before", "now"), [(1, "one", "two"), (8, "one", "two"), (1, "", "")])
def test_a_reset_number_is_of_another_build(
    queued: Build, monkeypatch: pytest.MonkeyPatch, queue_id: int, before: str, now: str
) -> None:
    """After a crash queue ids repeat as well: then only the trigger id tells, also where a proxy hides the session."""
    known = {**IN_SESSION, "session": before}
    row = in_jenkins(queued, phase="building", stop_requested_at=timezone.now(), **known)
    theirs = BuildStatus(number=3, queue_id=queue_id, is_building=True, result=None)
    detail = BuildDetail(3, True, None, "", "", {"TRIGGER_ID": "somebody else's"}, queue_id)
    after = {**WELL, "session": now, "confirm": now}
    jenkins = Jenkins(**after, builds={3: theirs}, build=detail, find=None)
    put_image(monkeypatch, None)
    gone(row, monkeypatch, jenkins, 3)
    assert (row.state, row.reason) == ("errored", "lost"), row.message
    assert not {"read_log", "stages", "stop"} & set(jenkins.asked)


def test_a_restart_that_kept_the_build_is_followed_on(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    detail = BuildDetail(3, True, None, "", "", {"TRIGGER_ID": str(row.trigger_id)}, 1)
    jenkins = Jenkins(**{**WELL, "session": "two"}, builds={3: OURS}, build=detail)
    put(monkeypatch, jenkins)
    assert step(row).session == "two"
    step(row)
    assert row.is_active and jenkins.asked.count("build") == 1, "asked once a restart"


def test_a_stop_that_jenkins_does_not_allow_is_told_and_the_build_is_followed(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = in_jenkins(queued, phase="building", stop_requested_at=timezone.now(), **IN_SESSION)
    no = Rejected("This Jenkins account lacks the right Stop.")
    put(monkeypatch, Jenkins(**WELL, builds={3: OURS}, build=ours(row), stop=no))
    follow(lease_of(row), row)
    row.refresh_from_db()
    assert row.state == "running"
    assert "lacks the right" in row.message


def ours(row: Build) -> BuildDetail:
    """What Jenkins says of the number while it is this build's."""
    return BuildDetail(3, True, None, "", "", {"TRIGGER_ID": str(row.trigger_id)}, 1)


def test_a_number_that_went_to_another_build_a_moment_ago_is_not_stopped(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = in_jenkins(queued, phase="building", stop_requested_at=timezone.now(), **IN_SESSION)
    theirs = BuildDetail(3, True, None, "", "", {"TRIGGER_ID": "somebody else's"}, 1)
    jenkins = Jenkins(**WELL, builds={3: OURS}, build=theirs, stop=None)
    put(monkeypatch, jenkins)
    follow(lease_of(row), row)
    row.refresh_from_db()
    assert "stop" not in jenkins.asked and row.stop_level == ""


def test_a_post_that_was_certainly_not_sent_is_not_counted(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="triggering", posts=1, posted_at=timezone.now())
    put(monkeypatch, Jenkins(trigger=Unavailable("no connection")))
    lease = lease_of(row)
    with pytest.raises(Unavailable), open_server(lease, row) as server:
        send(lease, row, server)
    assert lease.contact.lost == row.server.remote_key and not lease.contact.heard
    row.refresh_from_db()
    assert (row.phase, row.posts) == ("start", 0)


def test_our_stop_is_a_cancellation_also_where_the_claim_was_refused(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = in_jenkins(queued, phase="finalizing", result="NOT_BUILT", stop_requested_at=timezone.now(), **IN_SESSION)
    page = LogPage("", 0, is_complete=True, was_rewound=False)
    put(monkeypatch, Jenkins(**{**WELL, "read_log": page}, builds={3: OURS}))
    put_image(monkeypatch, None)
    assert (step(row).state, row.reason) == ("cancelled", "stopped")


def test_the_run_that_has_claimed_is_followed_against_the_queue(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    # A proxy sent the POST twice: our item became #6, whose claim was refused; #7 had claimed before it.
    row = in_jenkins(queued, phase="queued", queue_id=5, build_number=7)
    detail = BuildDetail(7, True, None, "", "", {"TRIGGER_ID": str(row.trigger_id)})
    put(monkeypatch, Jenkins(**WELL, queue_item=QueueStatus(known=True, number=6), build=detail))
    leave_queue(lease_of(row), row)
    row.refresh_from_db()
    assert (row.phase, row.build_number) == ("building", 7)
