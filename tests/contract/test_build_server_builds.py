"""The build server contract: the same cases on the stand-in and, with CONTRACT_JENKINS_URL, on a live Jenkins."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator

import httpx
import jenkins
import pytest

from deployer.adapters.jenkins import connect
from deployer.errors import Forbidden, NotFound, Rejected, TooLate
from deployer.interfaces import BuildRequest, BuildServerTarget
from tests.patience import wait_for
from tests.sandbox.jenkins.parts import STAGES, BuildSite, contract_site, soon

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildSite]:
    with contract_site(tmp_path_factory.mktemp("site")) as found:
        yield found


def test_describe_names_version_and_account(site: BuildSite) -> None:
    facts = site.client.describe()
    assert facts.user == site.target.username
    assert facts.version.split(".")[0] == "2"
    assert 0 <= facts.latency_ms < 20_000


def file_in_image(registry: str, repository: str, tag: str, path: str) -> bytes:
    base = f"http://{registry}/v2/{repository}"
    accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    manifest = httpx.get(f"{base}/manifests/{tag}", headers={"Accept": accept}).json()
    for layer in reversed(manifest["layers"]):
        blob = io.BytesIO(httpx.get(f"{base}/blobs/{layer['digest']}").content)
        with tarfile.open(fileobj=blob) as archive:
            for member in archive:
                if member.name.removeprefix("./") == path and (stream := archive.extractfile(member)):
                    return stream.read()
    raise AssertionError(f"{path} is not in the image")


def test_job_declares_exactly_the_parameters_that_are_sent(site: BuildSite) -> None:
    facts = site.client.job(site.job)
    assert facts.parameters == frozenset(site.parameters())
    assert facts.buildable
    assert len(facts.session) == 8


def test_build_goes_from_queue_to_digest(site: BuildSite) -> None:
    number, values = site.start()
    detail = site.finished(number)
    assert detail.result == "SUCCESS", site.log(number)
    assert site.states(number) == dict.fromkeys(STAGES, "succeeded")
    assert dict(detail.parameters) == values
    manifest = httpx.get(
        f"http://{site.registry}/v2/site-one/web/manifests/{values['DEPLOY_VERSION']}",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
    )
    assert manifest.headers["Docker-Content-Digest"] == detail.description
    config = httpx.get(f"http://{site.registry}/v2/site-one/web/blobs/{manifest.json()['config']['digest']}").json()
    labels = config["config"]["Labels"]
    assert labels["io.prism4k.order"] == values["ORDER_NO"]
    assert labels["io.prism4k.trigger"] == values["TRIGGER_ID"]
    assert labels["org.opencontainers.image.revision"] == site.repository.tip


def test_build_claims_first_and_reports_last(site: BuildSite) -> None:
    detail, values = site.build()
    claim, report = site.platform.of(values["TRIGGER_ID"])
    assert (claim[0], claim[1]["build_number"]) == ("claim", detail.number)
    assert report == (
        "report",
        {"trigger_id": values["TRIGGER_ID"], "build_number": detail.number, "digest": detail.description},
    )


def test_log_read_by_offsets_is_the_console_text(site: BuildSite) -> None:
    number, _ = site.start(
        BUILD_CMD="seq -f 'line %g 每日' 1 25000; mkdir -p dist; sleep 1; cp words.txt dist/words.pkg"
    )
    text = site.log(number)
    client = jenkins.Jenkins(site.target.url, site.target.username, site.target.token, timeout=20)
    assert text == client.get_build_console_output(site.job, number)
    assert text.count("\nline ") == 25_000
    assert "\x1b[8mha:" not in text and "\r" not in text


def test_same_trigger_while_queued_is_one_item(site: BuildSite) -> None:
    queue_id, values = site.trigger()
    again = site.client.trigger(BuildRequest(site.job, values["TRIGGER_ID"], values), deadline=soon())
    assert again == queue_id
    site.client.cancel_queued(queue_id, deadline=soon())


def test_find_sees_the_trigger_in_the_queue_and_among_the_builds(site: BuildSite) -> None:
    since = site.client.job(site.job).next_number
    queue_id, values = site.trigger()
    trigger_id = values["TRIGGER_ID"]
    queued = site.client.find(site.job, trigger_id, since_number=since)
    assert queued is not None and queued.queue_id == queue_id
    number = wait_for(lambda: site.client.queue_item(queue_id, trigger_id).number)
    found = site.client.find(site.job, trigger_id, since_number=since)
    assert found is not None and (found.queue_id, found.number) == (queue_id, number)
    assert site.client.find(site.job, "11111111-2222-3333-4444-555555555555", since_number=since) is None
    site.finished(number)


def test_queue_id_of_another_trigger_is_not_known(site: BuildSite) -> None:
    queue_id, values = site.trigger()
    assert site.client.queue_item(queue_id, values["TRIGGER_ID"]).known
    assert not site.client.queue_item(queue_id, "11111111-2222-3333-4444-555555555555").known
    assert not site.client.queue_item(queue_id + 100_000, values["TRIGGER_ID"]).known
    site.client.cancel_queued(queue_id, deadline=soon())


def test_cancelled_item_leaves_no_build(site: BuildSite) -> None:
    queue_id, values = site.trigger()
    assert "quiet period" in site.client.queue_item(queue_id, values["TRIGGER_ID"]).why
    assert site.client.cancel_queued(queue_id, deadline=soon()) is True
    assert site.client.cancel_queued(queue_id, deadline=soon()) is False
    seen = site.client.queue_item(queue_id, values["TRIGGER_ID"])
    assert (seen.cancelled, seen.number) == (True, None)
    # What was queued later has been built: the cancelled one would have begun before it.
    site.build()
    assert site.platform.of(values["TRIGGER_ID"]) == []


@pytest.mark.parametrize(
    ("changed", "stage", "words"),
    [
        ({"BUILD_CMD": "echo made\nfalse\necho never"}, "Build", "exit code 1"),
        ({"BUILD_CMD": "true"}, "Get Dockerfile & Bootstart.sh", "no file dist/words.pkg"),
        ({"BRANCH_TO_BUILD": "no-such-branch"}, "Prepare Git Code", "no-such-branch"),
        ({"DOCKERFILE_TEMPLATE": "FROM scratch\nCOPY not-there /x\n"}, "DockerBuild", "not-there"),
    ],
    ids=["command", "package", "branch", "dockerfile"],
)
def test_failure_ends_in_its_stage(site: BuildSite, changed: dict[str, str], stage: str, words: str) -> None:
    detail, _ = site.build(**changed)
    assert detail.result == "FAILURE"
    entered = STAGES[: STAGES.index(stage) + 1]
    assert site.states(detail.number) == {name: "failed" if name == stage else "succeeded" for name in entered}
    log = site.log(detail.number)
    assert words in log
    assert log.endswith("Finished: FAILURE\n")
    assert "never" not in log.splitlines()


def test_refused_claim_ends_not_built_before_any_work(site: BuildSite) -> None:
    site.platform.status_of = lambda _: 409
    try:
        detail, values = site.build(BUILD_CMD="echo work-was-done")
    finally:
        site.platform.status_of = lambda _: 200
    assert detail.result == "NOT_BUILT"
    assert "work-was-done" not in site.log(detail.number).splitlines()
    assert [hook for hook, _ in site.platform.of(values["TRIGGER_ID"])] == ["claim"]


def test_stop_ends_the_command_and_names_who(site: BuildSite) -> None:
    number, _ = site.start(BUILD_CMD="sleep 600")
    wait_for(lambda: site.states(number).get("Build") == "running")
    site.client.stop(site.job, number, level="stop", deadline=soon())
    detail = site.finished(number)
    assert detail.result == "ABORTED"
    assert site.target.username in detail.abort_cause
    assert site.states(number)["Build"] == "cancelled"
    site.client.stop(site.job, number, level="stop", deadline=soon())
    assert site.client.build(site.job, number).result == "ABORTED"


def test_build_of_an_earlier_commit_is_that_commit(site: BuildSite) -> None:
    detail, _ = site.build(
        GIT_COMMIT=site.repository.first, BUILD_CMD="cat words.txt; mkdir dist; cp words.txt dist/words.pkg"
    )
    log = site.log(detail.number).splitlines()
    assert detail.result == "SUCCESS"
    assert "first" in log and "second" not in log


def test_templates_reach_the_image_unchanged(site: BuildSite) -> None:
    text = "#!/bin/sh\necho $APP ${ORDER_NO} $$ 'é' \"每日\" \\n\n"
    detail, values = site.build(BOOTSTART_TEMPLATE=text)
    assert detail.result == "SUCCESS", site.log(detail.number)
    assert detail.parameters["BOOTSTART_TEMPLATE"] == text
    assert file_in_image(site.registry, "site-one/web", values["DEPLOY_VERSION"], "opt/bootstart.sh") == text.encode()


def test_builds_shows_every_build_once(site: BuildSite) -> None:
    first, _ = site.build(BUILD_CMD="exit 3")
    second, values = site.build()
    # The client looks once a second for everybody.
    found = wait_for(lambda: (seen := site.client.builds(site.job)).get(second.number) and seen)
    assert found[first.number].result == "FAILURE"
    assert (found[second.number].result, found[second.number].is_building) == ("SUCCESS", False)
    assert found[second.number].queue_id > found[first.number].queue_id


def test_unknown_things_are_not_found(site: BuildSite) -> None:
    with pytest.raises(NotFound):
        site.client.job("NO_SUCH_JOB")
    with pytest.raises(NotFound):
        site.client.build(site.job, 999_999)
    with pytest.raises(NotFound):
        site.client.read_log(site.job, 999_999, 0)
    with pytest.raises(NotFound):
        site.client.stop(site.job, 999_999, level="stop", deadline=soon())
    assert site.client.stages(site.job, 999_999) == ()
    values = site.parameters()
    with pytest.raises(Rejected, match="NO_SUCH_JOB"):
        site.client.trigger(BuildRequest("NO_SUCH_JOB", values["TRIGGER_ID"], values), deadline=soon())


def test_wrong_token_is_forbidden_everywhere(site: BuildSite) -> None:
    client = connect(BuildServerTarget("jenkins:wrong", site.target.url, site.target.username, "wrong-token"))
    values = site.parameters()
    for call in (
        client.describe,
        lambda: client.job(site.job),
        lambda: client.trigger(BuildRequest(site.job, values["TRIGGER_ID"], values), deadline=soon()),
        lambda: client.stop(site.job, 1, level="stop", deadline=soon()),
    ):
        with pytest.raises(Forbidden) as caught:
            call()
        assert "wrong-token" not in str(caught.value)


def test_passed_deadline_sends_nothing(site: BuildSite) -> None:
    values = site.parameters()
    since = site.client.job(site.job).next_number
    with pytest.raises(TooLate):
        site.client.trigger(BuildRequest(site.job, values["TRIGGER_ID"], values), deadline=time.monotonic() - 0.001)
    with pytest.raises(TooLate):
        site.client.cancel_queued(1, deadline=time.monotonic() - 0.001)
    assert site.client.find(site.job, values["TRIGGER_ID"], since_number=since) is None


def test_parameters_may_be_longer_than_a_request_head(site: BuildSite) -> None:
    filler = "".join(f"# line {number} of a long bootstart file\n" for number in range(1500))
    detail, values = site.build(BOOTSTART_TEMPLATE=filler)
    assert len(filler) > 50_000
    assert detail.result == "SUCCESS", site.log(detail.number)
    assert detail.parameters["BOOTSTART_TEMPLATE"] == filler
