"""The knobs of the stand-in Jenkins do what their table says, and nothing while nobody asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jenkins
import pytest

from deployer.errors import Forbidden, NotFound, Rejected, Unavailable
from deployer.interfaces import BuildRequest
from sandbox.jenkins.control import TRICKLE_BYTES
from sandbox.ports import reserve
from tests.patience import wait_for
from tests.sandbox.jenkins.parts import JOB, TOKEN, USER, BuildSite, build_site, soon

pytestmark = pytest.mark.slow
Knob = Callable[..., Any]


@pytest.fixture(scope="module")
def port() -> int:
    return reserve()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[BuildSite]:
    with build_site(tmp_path_factory.mktemp("site"), "--control-port", str(port)) as found:
        yield found


@pytest.fixture
def knob(port: int) -> Iterator[Knob]:
    def turn(path: str, method: str = "POST", **body: object) -> Any:
        sign = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.request(method, f"http://127.0.0.1:{port}/{path}", json=body, headers=sign, trust_env=False)

    yield turn
    turn("rules", "DELETE")
    turn("crash", lose_builds="running", lose_queue=True)
    turn("nodes", labels=None, offline=[], busy=False)
    turn("account")
    turn("version", version="2.568.2")
    turn("quiet-down", on=False)
    turn(f"jobs/{JOB}", disabled=False, hidden=False)


def request(values: dict[str, str]) -> BuildRequest:
    return BuildRequest(JOB, values["TRIGGER_ID"], values)


def hanging(site: BuildSite) -> int:
    """A build that goes on until it is stopped."""
    values = site.parameters(BUILD_CMD="echo begun; sleep 300")
    queue_id = site.client.trigger(request(values), deadline=soon())
    trigger = values["TRIGGER_ID"]
    return int(wait_for(lambda: site.client.queue_item(queue_id, trigger).number, "it starts"))


def test_it_asks_for_the_token_and_for_known_keys(site: BuildSite, port: int, knob: Knob) -> None:
    assert httpx.get(f"http://127.0.0.1:{port}/truth", trust_env=False).status_code == 401
    assert knob("crash", lose_everything=True).status_code == 400
    assert knob("rules", kind="answer").status_code == 400
    assert knob("rules", match="(").status_code == 400
    assert knob("jobs/NONE", disabled=True).status_code == 404
    assert knob("account", lacks=["everything"]).status_code == 400
    assert knob("version", version="new").status_code == 400


def test_a_rule_answers_as_often_as_it_says(site: BuildSite, knob: Knob) -> None:
    knob("rules", match="GET /job/.*/api/json", kind="login_redirect", times=1)
    knob("rules", match="GET /job/.*/api/json", kind="answer", status=503, times=1)
    with pytest.raises(Forbidden, match="sign-in"):
        site.client.job(JOB)
    with pytest.raises(Unavailable):
        site.client.job(JOB)
    assert site.client.job(JOB).buildable


def test_a_dropped_answer_was_carried_out(site: BuildSite, knob: Knob) -> None:
    knob("rules", match="POST .*/buildWithParameters", kind="drop")
    values = site.parameters()
    with pytest.raises(Exception, match=r"no answer|may have been carried out"):
        site.client.trigger(request(values), deadline=soon())
    assert site.client.find(JOB, values["TRIGGER_ID"], since_number=1) is not None


def test_a_crash_loses_what_is_asked_and_changes_the_session(site: BuildSite, knob: Knob) -> None:
    number = hanging(site)
    before = site.client.confirm(JOB)
    lost = knob("crash", lose_builds="running", reset_numbers=True, reset_queue_ids=True).json()
    assert number in lost["lost"] and lost["session"] != before == before
    assert site.client.confirm(JOB) == lost["session"]
    with pytest.raises(NotFound):
        site.client.build(JOB, number)
    assert site.client.job(JOB).next_number <= number
    assert hanging(site) <= number, "numbers are given again"
    knob("crash", lose_builds="running")


def test_a_hidden_job_a_quiet_controller_and_a_missing_node(site: BuildSite, knob: Knob) -> None:
    knob(f"jobs/{JOB}", hidden=True)
    with pytest.raises(NotFound):
        site.client.job(JOB)
    knob(f"jobs/{JOB}", hidden=False, disabled=True)
    assert not site.client.job(JOB).buildable
    knob(f"jobs/{JOB}", disabled=False)
    knob("quiet-down")
    values = site.parameters()
    queue_id = site.client.trigger(request(values), deadline=soon())
    wait_for(lambda: "shut down" in site.client.queue_item(queue_id, values["TRIGGER_ID"]).why, "it says why")
    knob("crash", lose_queue=True)
    assert not site.client.queue_item(queue_id, values["TRIGGER_ID"]).known


def test_a_hidden_job_loses_its_builds_like_others(site: BuildSite, knob: Knob) -> None:
    number, other = hanging(site), hanging(site)
    knob(f"jobs/{JOB}", hidden=True)
    assert knob(f"jobs/{JOB}/builds/{number}", "DELETE").status_code == 200
    assert knob(f"jobs/{JOB}/builds/{number}", "DELETE").status_code == 404
    assert knob("crash", lose_builds="running").status_code == 200
    knob(f"jobs/{JOB}", hidden=False)
    for gone in (number, other):
        with pytest.raises(NotFound):
            site.client.build(JOB, gone)


def test_location_follows_the_host_that_was_asked(site: BuildSite) -> None:
    address = f"{site.target.url.rstrip('/')}/job/{JOB}/buildWithParameters"
    answer = httpx.post(
        address, data=site.parameters(), auth=(USER, TOKEN), headers={"Host": "jenkins.example:81"}, trust_env=False
    )
    assert answer.status_code == 201 and answer.headers["location"].startswith("http://jenkins.example:81/queue/item/")


def test_agents_appear_and_vanish(site: BuildSite, knob: Knob) -> None:
    knob("nodes", labels=[])
    number, _values = site.start(BUILD_CMD="echo begun; sleep 300")

    def says(why: str) -> None:
        wait_for(lambda: why in getattr(site.client.agent_waits(JOB).get(number), "why", ""), why)

    says("There are no nodes with the label ‘python’")
    knob("nodes", labels=["python"], offline=["python"])
    says("All nodes of label ‘python’ are offline")
    knob("nodes", offline=[], busy=True)
    says("Waiting for next available executor on ‘python’")
    knob("nodes", busy=False)
    wait_for(lambda: "begun" in site.client.read_log(JOB, number, 0).text, "an agent took it")
    knob("nodes", vanish=True)
    ended = site.finished(number)
    assert (ended.result, ended.abort_cause) == ("ABORTED", "Agent was removed")


def test_an_account_without_rights(site: BuildSite, knob: Knob) -> None:
    number = hanging(site)
    knob("account", lacks=["hudson.model.Item.Build", "hudson.model.Item.Cancel"])
    values = site.parameters()
    with pytest.raises(Forbidden, match="Item/Build"):
        site.client.trigger(request(values), deadline=soon())
    with pytest.raises(Forbidden, match="Item/Cancel"):
        site.client.stop(JOB, number, level="stop", deadline=soon())
    with pytest.raises(Rejected, match="cancel"):
        site.client.cancel_queued(1, deadline=soon())
    knob("account", lacks=["hudson.model.Item.Read"])
    with pytest.raises(NotFound):
        site.client.job(JOB)
    knob("account")
    site.client.stop(JOB, number, level="stop", deadline=soon())
    assert site.finished(number).result == "ABORTED"


def test_a_password_needs_a_crumb_which_a_restart_voids(site: BuildSite, knob: Knob) -> None:
    knob("account", password=True)
    with pytest.raises(Forbidden, match="crumb"):
        site.client.trigger(request(site.parameters()), deadline=soon())
    library = jenkins.Jenkins(site.target.url, USER, TOKEN)
    assert library.build_job(JOB, site.parameters()) > 0
    knob("crash")
    with pytest.raises(jenkins.JenkinsException, match="crumb"):
        library.build_job(JOB, site.parameters())


def test_an_older_version_leaves_the_notes_out(site: BuildSite, knob: Knob) -> None:
    number = hanging(site)
    path = f"{site.target.url.rstrip('/')}/job/{JOB}/{number}/logText/progressiveText?start=0"

    def has_notes() -> bool:
        return b"\x1b[8mha:" in httpx.get(path, auth=(USER, TOKEN), trust_env=False).content

    assert has_notes()
    knob("version", version="2.504.3")
    assert site.client.describe().version == "2.504.3" and not has_notes()


def test_an_answer_that_trickles_is_whole(site: BuildSite, knob: Knob) -> None:
    number = hanging(site)
    wait_for(lambda: "begun" in site.client.read_log(JOB, number, 0).text, "it says so")
    text = site.client.read_log(JOB, number, 0).text
    knob("rules", match="progressiveText", kind="trickle", seconds=0.05)
    began = time.monotonic()
    assert site.client.read_log(JOB, number, 0).text == text
    assert time.monotonic() - began >= 0.05 * (len(text.encode()) // TRICKLE_BYTES)


def test_a_lost_build_leaves_the_saved_queue_once_more(site: BuildSite, knob: Knob) -> None:
    number, values = site.start(BUILD_CMD="sleep 300")
    knob("crash", lose_builds=[number], requeue=True)

    def again() -> list[int]:
        found = knob("truth", "GET").json()["builds"]
        return [one["number"] for one in found if one["trigger_id"] == values["TRIGGER_ID"]]

    (other,) = wait_for(again, "it runs again")
    assert other > number
    site.client.stop(JOB, other, level="kill", deadline=soon())


def test_a_sign_in_two_pieces_is_whole(site: BuildSite, knob: Knob) -> None:
    number = hanging(site)
    wait_for(lambda: "begun" in site.client.read_log(JOB, number, 0).text, "nobody else writes")
    log = f"jobs/{JOB}/builds/{number}/log"
    knob(log, append="\xe6\x94")
    before = site.client.read_log(JOB, number, 0)
    knob(log, append="\xaf\n")
    assert "支\n" in before.text + site.client.read_log(JOB, number, before.next_offset).text


def test_a_log_can_be_cut_and_written_into(site: BuildSite, knob: Knob, tmp_path: Path) -> None:
    number = hanging(site)
    wait_for(lambda: "begun" in site.client.read_log(JOB, number, 0).text, "it says so")
    knob(f"jobs/{JOB}/builds/{number}/log", append="more\n", times=3)
    assert site.client.read_log(JOB, number, 0).text.endswith("more\nmore\nmore\n")
    page = site.client.read_log(JOB, number, 0)
    knob(f"jobs/{JOB}/builds/{number}/log", keep=30)
    assert site.client.read_log(JOB, number, page.next_offset).was_rewound
    assert knob(f"jobs/{JOB}/builds/{number}", "DELETE").status_code == 200
    with pytest.raises(NotFound):
        site.client.build(JOB, number)
