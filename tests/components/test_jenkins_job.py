"""``manage.py jenkins_job sync`` against the stand-in Jenkins."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import translation

from audit.models import AuditEvent
from components.models import JenkinsServer
from components.services import save_settings, start_server_test
from components.steps import USUAL_JOB
from deployer.adapters.jenkins import JenkinsBuildServer, differences
from deployer.errors import OutcomeUnknown
from foundation.runs.driving import drive
from sandbox.ports import reserve
from tests.components.conftest import ORIGINAL, Shop
from tests.components.stand_ins import ROOT, serving

pytestmark = pytest.mark.django_db(transaction=True)
SHIPPED = (ROOT / "jenkins_job" / "config.xml").read_text(encoding="utf-8")
TOKEN, ADMIN_TOKEN = "token-of-the-plain-account", "token-of-the-administrator"
VARIABLE = "PRISM4K_JENKINS_TOKEN"


@dataclass
class Site:
    """A stand-in without the job, its control port, and the server's row, whose account may not configure."""

    host: str
    control: str
    row: JenkinsServer

    def config(self, job: str = USUAL_JOB, xml: str = "", *, is_new: bool = False) -> str:
        """The job's config, or the new one that an administrator gives it."""
        path = "/job/" + job.replace("/", "/job/")
        url = f"http://{self.host}{path}/config.xml"
        if is_new:
            url = f"http://{self.host}/createItem?name={job}"
        headers = {"Content-Type": "text/xml"}
        with httpx.Client(auth=("root", ADMIN_TOKEN), headers=headers) as client:
            answer = client.post(url, content=xml.encode()) if xml else client.get(url)
        assert answer.status_code in (200, 404), answer.text
        return answer.text if answer.status_code == 200 else ""

    def knob(self, path: str, **body: object) -> None:
        """Ask the control port for something."""
        answer = httpx.post(f"http://{self.control}/{path}", json=body, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, answer.text


@contextmanager
def _site(folder: Path, *options: str) -> Iterator[Site]:
    port = reserve()
    arguments = ["--state", str(folder), "--user", "prism", "--admin", "root", "--folders", "A,A/B", *options]
    tokens = {"JENKINS_TOKEN": TOKEN, "JENKINS_ADMIN_TOKEN": ADMIN_TOKEN}
    with serving("sandbox.jenkins", *arguments, "--control-port", str(port), **tokens) as first:
        assert first != f"127.0.0.1:{port}"
        row = JenkinsServer.objects.create(
            slug="near", name="Near", url=f"http://{first}", username="prism", token=TOKEN
        )
        yield Site(first, f"127.0.0.1:{port}", row)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.delenv(VARIABLE, raising=False)
    with _site(tmp_path) as found:
        yield found


def sync(*options: str, token: str = ADMIN_TOKEN) -> tuple[int, str]:
    """Exit code and what is printed, as the administrator unless ``token`` is empty."""
    out = io.StringIO()
    account = ["--user", "root"] if token else []
    with pytest.MonkeyPatch.context() as patch:
        if token:
            patch.setenv(VARIABLE, token)
        try:
            call_command("jenkins_job", "sync", "near", *account, *options, stdout=out)
        except CommandError as error:
            return error.returncode, f"{out.getvalue()}{error}"
        except SystemExit as error:
            assert isinstance(error.code, int)
            return error.code, out.getvalue()
    return 0, out.getvalue()


# ---------------------------------------------------------------- writing
@pytest.mark.parametrize("job", [USUAL_JOB, "A/B/J"])
def test_a_job_that_is_not_there_is_made_and_then_in_line(site: Site, job: str) -> None:
    code, said = sync("--job", job)
    assert (code, site.config(job)) == (0, SHIPPED), said
    assert f"The job {job} was made and read back." in said and "+  <definition" in said
    assert "no fault in the script" in said
    code, said = sync("--job", job)
    assert (code, f"The job {job} is in line" in said, "@@" in said) == (0, True, False), said


def test_a_foreign_change_is_shown_and_replaced(site: Site) -> None:
    sync()
    site.config(xml=SHIPPED.replace("<sandbox>true</sandbox>", "<sandbox>false</sandbox>"))
    code, said = sync("--dry-run")
    assert code == 1 and "-    <sandbox>false</sandbox>" in said and "nothing was written" in said
    assert "<sandbox>false" in site.config()
    code, said = sync()
    assert code == 0 and "was updated and read back" in said and "+    <sandbox>true</sandbox>" in said
    assert site.config() == SHIPPED


def test_a_dry_run_makes_nothing(site: Site) -> None:
    code, said = sync("--dry-run")
    assert code == 1 and "is not there; nothing was written" in said
    assert site.config() == "" and not AuditEvent.objects.exists()


def test_the_ids_of_credentials_are_the_sites_own(site: Site) -> None:
    """That of Git as the row names it, the others as the installed job does, however it was saved."""
    installed = SHIPPED
    for name, own in (("registryCredentials", "harbor"), ("webhookCredentials", "nudges")):
        assert f"String {name}() {{ return '' }}" in installed
        installed = installed.replace(
            f"String {name}() {{ return '' }}", f"String {name}() {{ return &apos;{own}&apos; }}"
        )
    site.config(xml=installed, is_new=True)
    site.row.credentials_id = "it's <ours>"
    site.row.save()
    code, said = sync()
    assert code == 0, said
    assert r"return 'it\'s &lt;ours&gt;'" in site.config() and "return 'harbor'" in site.config()
    assert "webhookCredentials() { return 'nudges' }" in site.config() and "No credentials nudges" in said
    assert "No credentials harbor" in said and "No credentials it's <ours>" in said
    assert sync("--dry-run")[0] == 0


def test_each_write_is_audited_before_and_after(site: Site) -> None:
    sync()
    events = AuditEvent.objects.filter(verb__startswith="sync_jenkins_job").order_by("pk")
    assert [event.verb for event in events] == ["sync_jenkins_job_began", "sync_jenkins_job"]
    for event in events:
        assert (event.actor_id, event.object_name) == ("platform", "near")
        assert event.after is not None
        assert event.after["job"] == USUAL_JOB and event.after["account"] == "root"
        assert event.after["by"] == "command line" and ADMIN_TOKEN not in str(event.after)


# ---------------------------------------------------------------- scripts that do not compile
@pytest.fixture
def broken(tmp_path_factory: pytest.TempPathFactory, settings: LazySettings) -> None:
    """A version of the product whose Jenkinsfile lacks its last bracket."""
    root = tmp_path_factory.mktemp("version")
    (root / "jenkins_job").mkdir()
    text = re.sub(r"\}\n</script>", "</script>", SHIPPED)
    (root / "jenkins_job" / "config.xml").write_text(text, encoding="utf-8")
    settings.BASE_DIR = root


@pytest.mark.usefixtures("broken")
def test_a_script_that_does_not_compile_is_not_written(site: Site) -> None:
    site.config(xml=SHIPPED, is_new=True)
    code, said = sync()
    assert code == 2 and "does not compile" in said and re.search(r"line \d+, column \d+: expecting '}'", said)
    assert site.config() == SHIPPED and not AuditEvent.objects.exists()
    assert sync("--job", "A/J")[0] == 2
    assert site.config("A/J") == ""


@pytest.mark.usefixtures("broken")
def test_a_new_job_at_the_top_stays_disabled_until_its_script_compiles(site: Site, settings: LazySettings) -> None:
    code, said = sync()
    assert code == 2 and "does not compile" in said and "stays disabled" in said
    assert site.config().rstrip().endswith("<disabled>true</disabled>\n</flow-definition>")
    settings.BASE_DIR = ROOT
    assert sync()[0] == 0
    assert site.config() == SHIPPED


def test_where_the_check_gets_no_answer_nothing_is_enabled(site: Site) -> None:
    site.knob("rules", match="checkScriptCompile", kind="answer", status=503, times=20)
    code, said = sync()
    assert code == 2 and "answers 503" in said and "stays disabled" in said
    assert "<disabled>true</disabled>" in site.config()
    code, said = sync()
    assert code == 2 and "<disabled>true</disabled>" in site.config()


def test_a_server_without_the_check_gets_the_job_all_the_same(site: Site) -> None:
    site.knob("rules", match="checkScriptCompile", kind="answer", status=404, times=20)
    code, said = sync()
    assert code == 0 and "could not be checked" in said and site.config() == SHIPPED


# ---------------------------------------------------------------- refused, not reachable
def test_an_account_without_the_right_is_told_which(site: Site) -> None:
    site.config(xml=SHIPPED, is_new=True)
    code, said = sync(token="")
    assert code == 2 and "As prism: " in said and "Item/ExtendedRead" in said
    code, said = sync("--job", "new", token="")
    assert code == 2 and "Item/Create" in said and site.config("new") == ""


def test_a_wrong_token_is_one_message(site: Site) -> None:
    code, said = sync(token="not-this-one")
    assert code == 2 and "As root: Jenkins asks for a sign-in" in said
    assert "not-this-one" not in said and site.config() == ""


def test_a_folder_that_is_not_there(site: Site) -> None:
    code, said = sync("--job", "C/J")
    assert code == 2 and "no folder" in said


def test_a_server_that_is_away(site: Site) -> None:
    site.row.url = f"http://127.0.0.1:{reserve()}"
    site.row.save()
    code, said = sync()
    assert code == 2 and "cannot be reached" in said and ADMIN_TOKEN not in said


def test_a_server_that_is_not_known(site: Site) -> None:
    with pytest.raises(CommandError, match="no Jenkins server far; there are: near"):
        call_command("jenkins_job", "sync", "far")


def test_the_token_and_its_account_come_together(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match=f"API token of root in the variable {VARIABLE}"):
        call_command("jenkins_job", "sync", "near", "--user", "root")
    monkeypatch.setenv(VARIABLE, ADMIN_TOKEN)
    with pytest.raises(CommandError, match="name its account with --user"):
        call_command("jenkins_job", "sync", "near")


# ---------------------------------------------------------------- unknown outcomes
def test_a_write_without_an_answer_is_read_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.config(xml=SHIPPED.replace("<sandbox>true", "<sandbox>false"), is_new=True)
    update = JenkinsBuildServer.update_job
    sent = []

    def lose_answer(self: JenkinsBuildServer, job: str, xml: str, *, deadline: float) -> None:
        sent.append(job)
        update(self, job, xml, deadline=deadline)
        raise OutcomeUnknown("No answer came back.")

    monkeypatch.setattr(JenkinsBuildServer, "update_job", lose_answer)
    code, said = sync()
    assert (code, sent, site.config()) == (0, [USUAL_JOB], SHIPPED), said


def test_a_write_that_was_not_carried_out_is_not_called_done(site: Site) -> None:
    changed = SHIPPED.replace("<sandbox>true", "<sandbox>false")
    site.config(xml=changed, is_new=True)
    site.knob("rules", match="POST /job/.*/config.xml", kind="answer", status=502, times=5)
    code, said = sync()
    assert code == 2 and "Run this again" in said and site.config() == changed
    assert AuditEvent.objects.get(verb__startswith="sync_jenkins_job").verb == "sync_jenkins_job_began"


def test_another_job_than_the_one_sent_is_told(site: Site) -> None:
    changed = SHIPPED.replace("<sandbox>true", "<sandbox>false")
    site.config(xml=changed, is_new=True)
    site.knob("rules", match="POST /job/.*/config.xml", kind="answer", status=200, times=5)
    code, said = sync()
    assert code == 2 and "another job than the one sent" in said and site.config() == changed


# ---------------------------------------------------------------- what the job needs
def test_what_is_missing_is_listed_with_what_to_do(shop: Shop, tmp_path: Path) -> None:
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    with _site(tmp_path, "--labels", "java") as site:
        shop.toolchain.jenkins = site.row
        shop.toolchain.save()
        site.row.image_node_label = "image"
        site.row.credentials_id = "other"
        site.row.save()
        site.knob("inventory", plugins={"git": False, "workflow-cps": True}, credentials=["GitLab"])
        code, said = sync()
    assert code == 0
    assert "The plugin Git (git) is not active" in said and "The plugin Pipeline: Job (workflow-job) is missing" in said
    assert "Pipeline: Groovy" not in said
    assert f"No node has the label {ORIGINAL['node_label']} now (named by SIS-OMM-PROXY-GW)" in said
    assert "No node has the label image now (named by the server's settings)" in said
    assert "No credentials other in the global domain" in said


def test_nothing_is_listed_where_everything_is_there(site: Site) -> None:
    sync()
    code, said = sync()
    assert code == 0 and len(said.splitlines()) == 2, said


def test_what_the_account_may_not_see_is_not_called_missing(site: Site) -> None:
    site.config(xml=SHIPPED, is_new=True)
    site.knob("rules", match="GET /(pluginManager|credentials)", kind="answer", status=403, times=20)
    code, said = sync()
    assert code == 0 and "Plugins could not be looked up" in said and "Credentials could not be looked up" in said
    assert "missing" not in said and "No credentials" not in said


# ---------------------------------------------------------------- the connection test
def test_the_connection_test_notes_another_job_where_it_may_read_it(shop: Shop, site: Site) -> None:
    def notes() -> list[str]:
        with translation.override("en"):
            run = drive("server-test", start_server_test(actor=shop.world.ada, server=site.row, subject="").pk)
            assert run.state == "succeeded", run.message
            return [str(note) for note in run.facts["notes"]]

    site.config(xml=SHIPPED.replace("<sandbox>true", "<sandbox>false"), is_new=True)
    assert notes() == []  # its account may not read the config
    site.row.username, site.row.token = "root", ADMIN_TOKEN
    site.row.save()
    (note,) = notes()
    assert "differs" in note and "manage.py jenkins_job sync near" in note
    browser = Client()
    browser.force_login(shop.world.ada)
    assert note in browser.get("/servers/jenkins/near/").text
    sync()
    assert notes() == [] and differences(site.config(), SHIPPED) == ()
