"""What only the stand-in is asked: python-jenkins unmodified, restarts, waiting, stubborn processes."""

from __future__ import annotations

import re
import shutil
import signal
import time
from pathlib import Path

import httpx
import jenkins
import pytest

from deployer.errors import Rejected
from deployer.interfaces import BuildRequest, BuildServerTarget
from tests.patience import wait_for
from tests.sandbox.jenkins.parts import (
    CONFIG,
    JOB,
    STAGES,
    TOKEN,
    USER,
    BuildSite,
    jenkins_arguments,
    running,
    soon,
    start,
)


def is_alive(pid: str) -> bool:
    """A zombie that nobody has waited for yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---------------------------------------------------------------- python-jenkins, as it is
def test_library_reads_identity_and_version(library: jenkins.Jenkins) -> None:
    assert library.get_whoami()["id"] == USER
    assert library.get_version() == "2.568.2"


def test_library_makes_reads_and_changes_a_job(library: jenkins.Jenkins) -> None:
    xml = CONFIG.read_text()
    assert library.job_exists("MADE") is None
    library.create_job("MADE", xml)
    assert library.job_exists("MADE") is True
    assert library.get_job_config("MADE") == xml
    with pytest.raises(jenkins.JenkinsException):
        library.create_job("MADE", xml)
    library.reconfig_job("MADE", xml.replace("<disabled>false", "<disabled>true"))
    assert library.get_job_info("MADE")["buildable"] is False
    with pytest.raises(jenkins.JenkinsException):
        library.reconfig_job("MADE", "<not-closed>")
    assert library.get_job_info("MADE")["disabled"] is True


def test_library_follows_a_build(library: jenkins.Jenkins, site: BuildSite) -> None:
    queue_id = library.build_job(JOB, {**site.parameters(), "delay": "1sec"})
    assert [item["id"] for item in library.get_queue_info()] == [queue_id]
    number = wait_for(lambda: (library.get_queue_item(queue_id).get("executable") or {}).get("number"))
    wait_for(lambda: not library.get_build_info(JOB, number)["building"])
    assert library.get_build_info(JOB, number)["result"] == "SUCCESS"
    assert [stage["name"] for stage in library.get_build_stages(JOB, number)["stages"]] == STAGES
    assert library.get_build_console_output(JOB, number).endswith("Finished: SUCCESS\n")
    assert library.get_job_info(JOB)["lastBuild"]["number"] == number


def test_library_stops_and_cancels(library: jenkins.Jenkins, site: BuildSite) -> None:
    number, _ = site.start(BUILD_CMD="sleep 600")
    library.stop_build(JOB, number)
    assert site.finished(number).result == "ABORTED"
    queue_id = library.build_job(JOB, site.parameters())
    library.cancel_queue(queue_id)
    assert library.get_queue_item(queue_id)["cancelled"] is True


# ---------------------------------------------------------------- answers
def test_answers_carry_jenkins_status_codes(site: BuildSite) -> None:
    base = f"{site.target.url}/job/{JOB}"
    client = httpx.Client(auth=(USER, TOKEN))
    values = site.parameters()
    assert httpx.get(f"{base}/api/json").status_code == 403
    assert httpx.get(f"{base}/api/json", auth=(USER, "wrong")).status_code == 401
    assert client.get(f"{base}/buildWithParameters").status_code == 405
    assert client.post(f"{base}/build").status_code == 400
    assert client.post(f"{base}/buildWithParameters", params={"BUILD_CMD": "x" * 9000}).status_code == 414
    assert client.post(f"{base}/buildWithParameters?APP=a", data=values).status_code == 500
    first = client.post(f"{base}/buildWithParameters", data=values)
    again = client.post(f"{base}/buildWithParameters", data=values)
    assert (first.status_code, again.status_code) == (201, 303)
    assert first.headers["Location"] == again.headers["Location"]
    queue_id = first.headers["Location"].rstrip("/").rsplit("/", 1)[1]
    assert client.post(f"{site.target.url}/queue/cancelItem?id={queue_id}").status_code == 204
    assert client.post(f"{site.target.url}/queue/cancelItem?id={queue_id}").status_code == 404


def test_default_quiet_period_is_five_seconds(site: BuildSite) -> None:
    client = httpx.Client(auth=(USER, TOKEN))
    answer = client.post(f"{site.target.url}/job/{JOB}/buildWithParameters", data=site.parameters())
    item = client.get(answer.headers["Location"] + "api/json").json()
    assert item["_class"] == "hudson.model.Queue$WaitingItem"
    assert re.fullmatch(r"In the quiet period\. Expires in [345]\.\d sec", item["why"])
    assert item["timestamp"] - item["inQueueSince"] == 5000
    client.post(f"{site.target.url}/queue/cancelItem?id={item['id']}")


def test_tree_chooses_keys_and_ranges(site: BuildSite) -> None:
    site.build(BUILD_CMD="false")
    site.build(BUILD_CMD="false")
    client = httpx.Client(auth=(USER, TOKEN))
    url = f"{site.target.url}/job/{JOB}/api/json"
    bean = client.get(url, params={"tree": "name,builds[number,actions[parameters[name]]]{0,1}"}).json()
    assert set(bean) == {"_class", "name", "builds"}
    (build,) = bean["builds"]
    assert set(build) == {"_class", "number", "actions"}
    assert {"_class", "name"} == set(build["actions"][0]["parameters"][0])
    assert client.get(url, params={"tree": "builds[number"}).status_code == 400


# ---------------------------------------------------------------- jobs that are not as they should be
def test_disabled_job_rejects_a_trigger(library: jenkins.Jenkins, site: BuildSite) -> None:
    library.create_job("DISABLED", CONFIG.read_text().replace("<disabled>false", "<disabled>true"))
    values = site.parameters()
    with pytest.raises(Rejected) as caught:
        site.client.trigger(BuildRequest("DISABLED", values["TRIGGER_ID"], values), deadline=soon())
    assert caught.value.reason == "disabled"
    assert not site.client.job("DISABLED").buildable


def test_parameter_that_is_not_declared_is_dropped_and_job_shows_it(library: jenkins.Jenkins, site: BuildSite) -> None:
    whole = CONFIG.read_text()
    definition = re.search(
        r"\s*<hudson\.model\.StringParameterDefinition>\s*<name>ORDER_NO<.*?Definition>", whole, re.S
    )
    assert definition is not None
    library.create_job("DRIFTED", whole.replace(definition.group(0), ""))
    values = site.parameters()
    assert frozenset(values) - site.client.job("DRIFTED").parameters == {"ORDER_NO"}
    queue_id = site.client.trigger(BuildRequest("DRIFTED", values["TRIGGER_ID"], values), deadline=soon())
    number = wait_for(lambda: site.client.queue_item(queue_id, values["TRIGGER_ID"]).number)
    wait_for(lambda: not site.client.build("DRIFTED", number).is_building)
    assert "ORDER_NO" not in site.client.build("DRIFTED", number).parameters


def test_choice_that_is_none_is_refused(library: jenkins.Jenkins, site: BuildSite) -> None:
    choice = (
        "<hudson.model.ChoiceParameterDefinition><name>KIND</name><choices class='java.util.Arrays$ArrayList'>"
        "<a class='string-array'><string>a</string><string>b</string></a></choices>"
        "</hudson.model.ChoiceParameterDefinition></parameterDefinitions>"
    )
    library.create_job("CHOOSING", CONFIG.read_text().replace("</parameterDefinitions>", choice))
    url = f"{site.target.url}/job/CHOOSING/buildWithParameters"
    assert httpx.post(url, auth=(USER, TOKEN), data={"KIND": "c"}).status_code == 500
    answer = httpx.post(url, auth=(USER, TOKEN), data={"KIND": "b"})
    assert answer.status_code == 201
    library.cancel_queue(int(answer.headers["Location"].rstrip("/").rsplit("/", 1)[1]))


def test_job_that_runs_one_at_a_time_blocks_the_next(library: jenkins.Jenkins, site: BuildSite) -> None:
    kind = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
    library.create_job("SINGLE", CONFIG.read_text().replace("<properties>", f"<properties><{kind}/>"))
    values = site.parameters(BUILD_CMD="sleep 600")
    first = site.client.trigger(BuildRequest("SINGLE", values["TRIGGER_ID"], values), deadline=soon())
    number = wait_for(lambda: site.client.queue_item(first, values["TRIGGER_ID"]).number)
    other = site.parameters()
    second = site.client.trigger(BuildRequest("SINGLE", other["TRIGGER_ID"], other), deadline=soon())
    wait_for(lambda: "is already in progress" in site.client.queue_item(second, other["TRIGGER_ID"]).why)
    assert site.client.cancel_queued(second, deadline=soon())
    site.client.stop("SINGLE", number, level="stop", deadline=soon())
    wait_for(lambda: not site.client.build("SINGLE", number).is_building)


# ---------------------------------------------------------------- waiting and stopping
def test_third_build_waits_for_an_executor_and_says_so(library: jenkins.Jenkins, site: BuildSite) -> None:
    holders = [site.start(BUILD_CMD="sleep 600")[0] for _ in range(2)]
    wait_for(lambda: all(site.states(number).get("Build") == "running" for number in holders))
    third, _ = site.start()
    waiting = [item for item in library.get_queue_info() if item["task"]["url"] == f"job/{JOB}/{third}/"]
    assert [item["why"] for item in waiting] == ["Waiting for next available executor on ‘python’"]
    assert site.states(third) == {}
    site.client.stop(JOB, holders[0], level="stop", deadline=soon())
    assert site.finished(third).result == "SUCCESS"
    site.client.stop(JOB, holders[1], level="stop", deadline=soon())
    assert site.finished(holders[1]).result == "ABORTED"


def test_build_that_waits_for_an_executor_can_be_stopped(site: BuildSite) -> None:
    holders = [site.start(BUILD_CMD="sleep 600")[0] for _ in range(2)]
    third, _ = site.start()
    site.client.stop(JOB, third, level="stop", deadline=soon())
    assert site.finished(third).result == "ABORTED"
    for number in holders:
        site.client.stop(JOB, number, level="stop", deadline=soon())
        assert site.finished(number).result == "ABORTED"


@pytest.mark.parametrize("level", ["term", "kill"])
def test_process_that_ignores_the_signal_ends_at_the_next_level(site: BuildSite, level: str) -> None:
    number, values = site.start(BUILD_CMD="trap 'echo ignored' TERM\necho pid=$$\nwhile :; do sleep 0.1 || :; done")
    wait_for(lambda: "pid=" in site.client.read_log(JOB, number, 0).text)
    match = re.search(r"pid=(\d+)", site.client.read_log(JOB, number, 0).text)
    assert match is not None
    site.client.stop(JOB, number, level="stop", deadline=soon())
    wait_for(lambda: "ignored" in site.client.read_log(JOB, number, 0).text.splitlines())
    assert site.client.build(JOB, number).is_building
    site.client.stop(JOB, number, level=level, deadline=soon())
    assert site.finished(number).result == "ABORTED"
    wait_for(lambda: not is_alive(match.group(1)))


def test_daemon_left_by_the_command_does_not_outlive_the_build(site: BuildSite) -> None:
    command = "mkdir -p dist; cp words.txt dist/words.pkg\nsetsid sleep 600 &\necho pid=$!"
    detail, _ = site.build(BUILD_CMD=command)
    assert detail.result == "SUCCESS"
    match = re.search(r"pid=(\d+)", site.log(detail.number))
    assert match is not None
    wait_for(lambda: not is_alive(match.group(1)))


# ---------------------------------------------------------------- the platform's answers
def test_claim_is_asked_again_while_the_platform_is_in_trouble(site: BuildSite) -> None:
    answers = iter([503, 500, 200])
    site.platform.status_of = lambda _: next(answers)
    try:
        detail, values = site.build()
    finally:
        site.platform.status_of = lambda _: 200
    assert detail.result == "SUCCESS"
    assert [hook for hook, _ in site.platform.of(values["TRIGGER_ID"])] == ["claim", "claim", "claim", "report"]


def test_platform_that_cannot_be_reached_fails_the_build(site: BuildSite) -> None:
    started = time.monotonic()
    detail, _ = site.build(PLATFORM_URL="http://127.0.0.1:1", CLAIM_SECONDS="1")
    assert detail.result == "FAILURE" and time.monotonic() - started >= 1
    assert site.states(detail.number) == {"Prepare Git Code": "failed"}
    assert "Claim, for 0 s more" in site.log(detail.number)


def test_a_build_without_an_address_of_the_platform_claims_nothing(site: BuildSite) -> None:
    detail, values = site.build(PLATFORM_URL="")
    assert detail.result == "SUCCESS"
    assert site.platform.of(values["TRIGGER_ID"]) == []
    assert "No claim" in site.log(detail.number)


# ---------------------------------------------------------------- restarts and starts
def _target(url: str) -> BuildServerTarget:
    return BuildServerTarget("jenkins:again", url, USER, TOKEN)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_restart_keeps_builds_and_numbers_and_ends_what_ran(
    site: BuildSite, tmp_path: Path, number: signal.Signals
) -> None:
    served = start(*jenkins_arguments(tmp_path, "--executors", "3"))
    own = BuildSite(_target(served.url), site.repository, site.git_url, site.registry, site.platform)
    try:
        done, _ = own.build()
        running_number, values = own.start(BUILD_CMD="echo pid=$$\nsleep 600")
        wait_for(lambda: "pid=" in own.client.read_log(JOB, running_number, 0).text)
        match = re.search(r"pid=(\d+)", own.client.read_log(JOB, running_number, 0).text)
        assert match is not None
        session = own.client.job(JOB).session
        waiting, queued = own.trigger()
    finally:
        served.end(number)
    with running(*jenkins_arguments(tmp_path)) as again:
        own.target = _target(again.url)
        assert own.client.job(JOB).session != session
        detail = own.client.build(JOB, running_number)
        assert (detail.is_building, detail.result) == (False, "ABORTED")
        assert "was stopped while this build ran" in detail.abort_cause
        assert own.log(running_number).endswith("Finished: ABORTED\n")
        wait_for(lambda: not is_alive(match.group(1)))
        assert own.client.build(JOB, done.number).description == done.description
        next_number = wait_for(lambda: own.client.queue_item(waiting, queued["TRIGGER_ID"]).number)
        assert next_number == running_number + 1
        assert own.finished(next_number).result == "SUCCESS"


def test_older_jenkins_reads_its_log_the_older_way(site: BuildSite, tmp_path: Path) -> None:
    with running(*jenkins_arguments(tmp_path, "--version", "2.504.3")) as older:
        own = BuildSite(_target(older.url), site.repository, site.git_url, site.registry, site.platform)
        number, _ = own.start(BUILD_CMD="seq -f 'line %g' 1 12000; sleep 0.5; false")
        text = own.log(number)
        library = jenkins.Jenkins(older.url, USER, TOKEN, timeout=20)
        assert text == library.get_build_console_output(JOB, number)
        assert own.client.describe().version == "2.504.3"


def test_label_that_no_node_has_keeps_the_build_waiting(site: BuildSite, tmp_path: Path) -> None:
    with running(*jenkins_arguments(tmp_path, "--labels", "python,java")) as labelled:
        own = BuildSite(_target(labelled.url), site.repository, site.git_url, site.registry, site.platform)
        number, _ = own.start(BUILD_NODE="cobol")
        library = jenkins.Jenkins(labelled.url, USER, TOKEN, timeout=20)
        (item,) = wait_for(library.get_queue_info, "its node step waits")
        assert (item["why"], item["stuck"]) == ("There are no nodes with the label ‘cobol’", True)
        own.client.stop(JOB, number, level="stop", deadline=soon())
        assert own.finished(number).result == "ABORTED"


@pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed")
def test_buildah_makes_the_image_too(site: BuildSite, tmp_path: Path) -> None:
    with running(*jenkins_arguments(tmp_path, "--builder", "buildah")) as other:
        own = BuildSite(_target(other.url), site.repository, site.git_url, site.registry, site.platform)
        detail, values = own.build()
        assert detail.result == "SUCCESS", own.log(detail.number)
        accept = "application/vnd.oci.image.manifest.v1+json"
        url = f"http://{own.registry}/v2/site-one/web/manifests/{values['DEPLOY_VERSION']}"
        manifest = httpx.get(url, headers={"Accept": accept})
        assert manifest.headers["Docker-Content-Digest"] == detail.description
        config = httpx.get(f"http://{own.registry}/v2/site-one/web/blobs/{manifest.json()['config']['digest']}").json()
        assert config["config"]["Labels"]["io.prism4k.trigger"] == values["TRIGGER_ID"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--host", "0.0.0.0"], "loopback only"),
        (["--version", "lts"], "no Jenkins version"),
        (["--job-config", "/nowhere/config.xml"], "there is no file"),
        (["--token", ""], "needs a token"),
    ],
)
def test_arguments_that_cannot_work_are_told_at_once(
    tmp_path: Path, more: list[str], words: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.jenkins.__main__ import main

    monkeypatch.delenv("JENKINS_TOKEN", raising=False)
    assert main([*jenkins_arguments(tmp_path)[1:], *more]) == 2
    assert words in caplog.text


def test_start_says_that_it_runs_commands_as_you(site: BuildSite) -> None:
    assert site.served is not None
    said = "".join(site.served.output)
    assert "runs build commands as you" in said and "loopback only" in said
    assert TOKEN not in said


def test_config_with_a_document_type_is_refused(library: jenkins.Jenkins) -> None:
    bomb = f"<!DOCTYPE x [<!ENTITY a 'b'>]>{CONFIG.read_text()}"
    with pytest.raises(jenkins.JenkinsException):
        library.create_job("BOMB", bomb)
    assert library.job_exists("BOMB") is None


def test_two_controllers_never_share_a_state(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from sandbox.jenkins.__main__ import main

    with running(*jenkins_arguments(tmp_path)):
        assert main(jenkins_arguments(tmp_path)[1:]) == 2
    assert "another one is using" in caplog.text
