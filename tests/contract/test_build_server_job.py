"""The job's config, the check of its script, plugins, nodes and credentials: what Jenkins answers to two accounts.

The cases write jobs, so they are for the stand-in alone; its forms are those of Jenkins' sources.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from deployer.adapters.jenkins import JenkinsBuildServer, connect
from deployer.errors import DeployerError, Forbidden, NotFound, OutcomeUnknown, Rejected, TooLate, Unavailable
from deployer.interfaces import BuildServerTarget
from tests.contract.test_build_server_faults import server
from tests.sandbox.jenkins.parts import CONFIG, JOB, TOKEN, USER, Served, jenkins_arguments, respond, running, soon

ADMIN, ADMIN_TOKEN = "root", "token-of-root"
XML = CONFIG.read_text(encoding="utf-8")


@dataclass
class Jenkins:
    served: Served
    admin: JenkinsBuildServer
    plain: JenkinsBuildServer

    def client(self, user: str, token: str) -> JenkinsBuildServer:
        return connect(BuildServerTarget(f"jenkins:{user}", self.served.url, user, token))


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jenkins]:
    options = ["--admin", ADMIN, "--folders", "A,A/B", "--labels", "java,image"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JENKINS_ADMIN_TOKEN", ADMIN_TOKEN)
        with running(*jenkins_arguments(tmp_path_factory.mktemp("jenkins"), *options)) as served:
            accounts = ((ADMIN, ADMIN_TOKEN), (USER, TOKEN))
            clients = [connect(BuildServerTarget(f"jenkins:{u}", served.url, u, t)) for u, t in accounts]
            yield Jenkins(served, *clients)


# ---------------------------------------------------------------- config.xml
def test_a_config_comes_back_as_it_was_sent(there: Jenkins) -> None:
    xml = XML.replace("Builds every component", "每日 builds")
    there.admin.update_job(JOB, xml, deadline=soon())
    assert there.admin.job_config(JOB) == xml


@pytest.mark.parametrize("job", ["one", "A/B/one", "A/名 x"])
def test_a_job_is_made_once_also_in_a_folder(there: Jenkins, job: str) -> None:
    if "名" in job:
        with pytest.raises(Rejected, match="not allowed"):
            there.admin.create_job(job, XML, deadline=soon())
        return
    there.admin.create_job(job, XML, deadline=soon())
    assert there.admin.job_config(job) == XML
    assert there.plain.job(job).buildable
    with pytest.raises(Rejected, match="taken"):
        there.admin.create_job(job, XML, deadline=soon())


def test_a_build_of_a_job_in_a_folder_is_found_by_its_path(there: Jenkins) -> None:
    there.admin.create_job("A/two", XML, deadline=soon())
    bean = httpx.get(f"{there.served.url}/job/A/job/two/api/json", auth=(USER, TOKEN)).json()
    assert (bean["name"], bean["fullName"]) == ("two", "A/two")
    assert bean["url"].endswith("/job/A/job/two/")


def test_what_is_not_there_is_not_found(there: Jenkins) -> None:
    with pytest.raises(NotFound):
        there.admin.job_config("nothing")
    with pytest.raises(NotFound):
        there.admin.update_job("nothing", XML, deadline=soon())
    with pytest.raises(NotFound, match="no folder"):
        there.admin.create_job("C/one", XML, deadline=soon())
    with pytest.raises(Rejected):
        there.admin.create_job("A/../one", XML, deadline=soon())


def test_a_plain_account_is_told_which_right_it_lacks(there: Jenkins) -> None:
    with pytest.raises(Forbidden, match="Item/ExtendedRead"):
        there.plain.job_config(JOB)
    with pytest.raises(Forbidden, match="Item/Configure"):
        there.plain.update_job(JOB, XML, deadline=soon())
    with pytest.raises(Forbidden, match="Item/Create"):
        there.plain.create_job("three", XML, deadline=soon())


def test_a_wrong_token_is_refused_everywhere(there: Jenkins) -> None:
    client = there.client(ADMIN, "wrong")
    with pytest.raises(Forbidden, match="sign-in"):
        client.job_config(JOB)
    with pytest.raises(Forbidden, match="sign-in"):
        client.update_job(JOB, XML, deadline=soon())


def test_xml_that_jenkins_does_not_take_leaves_the_outcome_to_be_read(there: Jenkins) -> None:
    """500 is also what a proxy answers whose Jenkins took the request."""
    before = there.admin.job_config(JOB)
    with pytest.raises(OutcomeUnknown):
        there.admin.update_job(JOB, "<flow-definition>", deadline=soon())
    assert there.admin.job_config(JOB) == before


def test_a_late_write_is_not_sent(there: Jenkins) -> None:
    with pytest.raises(TooLate):
        there.admin.update_job(JOB, XML, deadline=soon(-1))


# ---------------------------------------------------------------- the script
def test_a_script_is_checked_at_a_job_and_at_a_folder(there: Jenkins) -> None:
    for at in (JOB, "A/B"):
        assert there.admin.script_faults(at, "node {\n  sh 'a'\n}\n") == ()
        (fault,) = there.admin.script_faults(at, "node {\n  sh 'a\n}\n")
        assert (fault.line, fault.column) == (2, 6) and "unterminated" in fault.message


def test_without_configure_every_script_passes(there: Jenkins) -> None:
    assert there.plain.script_faults(JOB, "node {") == ()


def test_the_check_is_post_only_and_wants_an_item(there: Jenkins) -> None:
    path = "descriptorByName/org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition/checkScriptCompile"
    auth = (ADMIN, ADMIN_TOKEN)
    assert httpx.get(f"{there.served.url}/job/{JOB}/{path}?value=x", auth=auth).status_code == 405
    assert httpx.post(f"{there.served.url}/{path}", data={"value": "x"}, auth=auth).status_code == 500
    with pytest.raises(NotFound):
        there.admin.script_faults("nothing", "x")


# ---------------------------------------------------------------- plugins, nodes, credentials
def test_an_administrator_sees_what_is_there(there: Jenkins) -> None:
    found = there.admin.inventory("A/B/J")
    assert found.plugins and {"git", "workflow-cps"} <= {one.name for one in found.plugins if one.is_working}
    assert found.nodes and found.nodes[0].labels == {"built-in", "java", "image"} and not found.nodes[0].is_offline
    assert found.credentials == frozenset({"GitLab"})


def test_what_an_account_may_not_see_is_not_called_missing(there: Jenkins) -> None:
    found = there.plain.inventory("J")
    assert (found.plugins, found.credentials) == (None, None)
    assert found.nodes


# ---------------------------------------------------------------- what stands before Jenkins
def drop(connection: socket.socket, _: bytes) -> None:
    connection.close()


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (drop, OutcomeUnknown),
        (respond("502 Bad Gateway"), OutcomeUnknown),
        (respond("302 Found", Location="/login"), Forbidden),
        (respond("301 Moved", Location="https://elsewhere.example/"), Rejected),
        (respond("413 Too Large"), Rejected),
    ],
)
def test_a_write_is_sent_once_and_its_fault_is_one_of_ours(behave: object, error: type[DeployerError]) -> None:
    with server(behave) as (client, raw), pytest.raises(error) as caught:  # type: ignore[arg-type]
        client.update_job("J", XML, deadline=soon())
    assert type(caught.value) is error
    assert len(raw.requests) == 1


@pytest.mark.parametrize("body", [b"", b"hello", b'{"a": 1}'])
def test_another_web_server_has_no_config(body: bytes) -> None:
    with server(respond("200 OK", body)) as (client, _raw), pytest.raises(Unavailable):
        client.job_config("J")
    page = respond("200 OK", b"<html>x</html>", Content_Type="text/html")
    with server(page) as (client, _raw), pytest.raises(Unavailable):
        client.job_config("J")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"3", b'["x"]', b'{"status":"fail"}'])
def test_only_success_means_that_a_script_compiles(body: bytes) -> None:
    with server(respond("200 OK", body)) as (client, _raw), pytest.raises(Unavailable):
        client.script_faults("J", "x")
