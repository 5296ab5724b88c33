"""A Service asked through the API server: the application's own answers, and the server's words about the way there."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.adapters.kubernetes import connect
from deployer.entry import Expectation
from deployer.errors import Unavailable
from deployer.interfaces import ClusterTarget, EntryAnswer
from tests.contract.cluster_stand_in import Bench, workload
from tests.controlplane.plane import PRESENT
from tests.patience import at_most, wait_for

ANY = Expectation()
NOT_KNOWN_YET = ("entry_no_service", "entry_no_endpoints")
"""A real server answers from copies that follow the objects a moment later."""
PORTS = [{"containerPort": 8080, "name": "http"}]


def serve(bench: Bench, scenario: str, *, port: int = 80, target: int | str = "http") -> None:
    """A pod that lives by the scenario, behind a Service."""
    made = workload(replicas=1, image=f"{PRESENT}app:1", ports=PORTS)
    made["spec"]["template"]["metadata"]["annotations"] = {"prism4k.io/scenario": scenario}
    bench.apply(made)
    spec = {"selector": {"app": "web"}, "ports": [{"port": port, "targetPort": target, "name": "http"}]}
    bench.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})


def ask(bench: Bench, path: str = "/", port: str = "http", wanted: Expectation = ANY) -> EntryAnswer:
    return bench.client.ask_service(bench.namespace, "web", port, path, wanted)


def settled(bench: Bench, **asked: Any) -> EntryAnswer:
    """What it answers once the Service knows its pod."""

    def answer() -> EntryAnswer | None:
        found = ask(bench, **asked)
        return None if found.code in NOT_KNOWN_YET else found

    found = wait_for(answer, "the Service has an endpoint", 30)
    assert found is not None
    return found


@pytest.mark.parametrize("port", ["http", "80"])
def test_a_ready_pod_answers_with_path_and_query(bench: Bench, port: str) -> None:
    serve(bench, "slow 0")
    answer = settled(bench, path="/healthz?deep=1", port=port)
    assert (answer.code, answer.status) == ("answered", 200)
    assert b'"path": "/healthz?deep=1"' in answer.body and answer.headers["content-type"] == "application/json"
    assert 0 < answer.seconds < at_most(5)


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_error_of_the_application_is_its_own_and_no_lost_contact(bench: Bench, status: int) -> None:
    serve(bench, f"entry {status}")
    answer = settled(bench)
    assert (answer.code, answer.status, answer.is_asked) == ("answered", status, True)


def test_a_redirect_on_itself_is_followed(bench: Bench) -> None:
    serve(bench, "entry home")
    answer = settled(bench)
    assert answer.status == 200 and b'"path": "/home"' in answer.body


def test_a_redirect_that_was_asked_for_is_the_answer(bench: Bench) -> None:
    serve(bench, "entry home")
    assert settled(bench, wanted=Expectation(statuses="302")).status == 302


def test_a_redirect_elsewhere_is_not_followed(bench: Bench) -> None:
    serve(bench, "entry elsewhere")
    answer = settled(bench)
    assert (answer.status, answer.leads_to) == (302, "https://elsewhere.example.com/sign-in")


@pytest.mark.parametrize(
    ("scenario", "target_port", "code"),
    [
        ("entry refused", "http", "entry_refused"),
        ("slow 0", 9999, "entry_refused"),
        ("entry cut", "http", "entry_broken"),
        ("entry hangs", "http", "entry_timeout"),
    ],
    ids=["refused", "wrong-target-port", "cut", "hangs"],
)
def test_what_stands_in_the_way_is_told_apart(bench: Bench, scenario: str, target_port: int | str, code: str) -> None:
    serve(bench, scenario, target=target_port)
    answer = settled(bench)
    assert (answer.code, answer.is_asked) == (code, True), answer


def test_a_pod_that_is_not_ready_is_no_endpoint(bench: Bench) -> None:
    serve(bench, "never-ready")
    wait_for(lambda: ask(bench).code == "entry_no_endpoints", "the Service is known")


def test_no_such_service_and_no_such_port(bench: Bench) -> None:
    assert ask(bench).code == "entry_no_service"
    serve(bench, "slow 0")
    settled(bench)
    assert ask(bench, port="81").code == "entry_no_port"
    assert ask(bench, port="nope").code == "entry_no_endpoints"


def test_an_administrator_may_ask(bench: Bench) -> None:
    assert bench.client.may_ask_services(bench.namespace)


def test_without_the_api_server_nobody_says_anything_of_the_application() -> None:
    nowhere = connect(ClusterTarget("cluster:nowhere", "http://127.0.0.1:9"))
    with pytest.raises(Unavailable):
        nowhere.ask_service("team-fat", "web", "http", "/", ANY)
