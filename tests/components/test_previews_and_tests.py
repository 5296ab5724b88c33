"""Runs of this app: a worker renders previews and tries servers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from components.models import GitServer, ImageRegistry, JenkinsServer, Preview
from components.services import publish_version, save_allocation_grid, save_settings, start_preview, start_server_test
from components.services.templates import start_trial
from deployer.render_host import render_host
from foundation.messages import as_message
from foundation.problems import Refused
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.driving import drive
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.lease import Done
from foundation.runs.slots import LIMIT
from tests.components.conftest import DEPLOYMENT, GRID, ORIGINAL, Shop
from tests.components.stand_ins import ROOT, make_repository, serving

pytestmark = pytest.mark.django_db(transaction=True)


def _preview(shop: Shop, kind: str, body: str) -> Any:
    run = start_preview(actor=shop.world.dana, component=shop.component, kind=kind, body=body)
    return drive("preview", run.pk)


@pytest.fixture
def ready(shop: Shop) -> Shop:
    """The component with settings and allocations."""
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    grid = {shop.world.environments[slug]: amounts for slug, amounts in GRID.items()}
    save_allocation_grid(actor=shop.world.olli, component=shop.component, grid=grid)
    return shop


def test_a_deployment_template_is_rendered_for_each_environment(ready: Shop) -> None:
    run = _preview(ready, "deployment", DEPLOYMENT)
    assert run.state == "succeeded"
    texts = {result["environment"]: result["text"] for result in run.results}
    assert list(texts) == ["fat", "uat", "prd", "drp"]
    assert "replicas: 4" in texts["prd"] and "replicas: 1" in texts["fat"]
    assert "harbor.sis.example/sis-omm/sis-omm-proxy-gw@sha256:" in texts["uat"]


def test_a_person_has_a_few_previews_under_way_and_others_are_not_kept_waiting(ready: Shop) -> None:
    dana, olli = ready.world.dana, ready.world.olli
    asked = {"component": ready.component, "kind": "deployment", "body": DEPLOYMENT}
    runs = [start_preview(actor=dana, **asked) for _ in range(4)]
    with pytest.raises(Refused, match="4 previews of yours are under way"):
        start_preview(actor=dana, **asked)
    start_preview(actor=olli, **asked)
    drive("preview", runs[0].pk)
    start_preview(actor=dana, **asked)


def test_previews_leave_threads_and_the_render_host_to_orders(ready: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many are taken at a time, however many wait; and they are rendered in a program of their own."""

    def fail(*_: object) -> None:
        raise AssertionError("the render host of orders")

    monkeypatch.setattr(render_host, "_ask", fail)
    asked = {"component": ready.component, "kind": "deployment", "body": DEPLOYMENT}
    for actor in (ready.world.dana, ready.world.olli):
        for _ in range(4):
            start_preview(actor=actor, **asked)
    leases = claim(kinds.get("preview"), owner=owner(), limit=8, grace=1e9)
    assert len(leases) == LIMIT
    assert run_step(leases[0]) == Done()
    assert Preview.objects.get(pk=leases[0].pk).state == "succeeded"


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: {{ component.service }}}
spec: {ports: [{port: 80, targetPort: web}]}
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (DEPLOYMENT + "        - {name: side, image: 'docker.io/library/nginx:1'}\n", "not from a registry"),
        (DEPLOYMENT + "        - {name: side, image: 'harbor.sis.example/base/nginx'}\n", "no tag"),
        (DEPLOYMENT.replace("kind: Deployment", "kind: StatefulSet"), "one Deployment"),
        (re.sub(r" +limits:.*\n", "", DEPLOYMENT), "needs limits of cpu"),
        (DEPLOYMENT.replace("{{ replicas }}", "12"), "the manifest 12"),
        (DEPLOYMENT.replace("{{ component.slug }}", "2048-web", 1), "must be sis-omm-proxy-gw"),
        (DEPLOYMENT + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", "The kind Secret is not allowed"),
    ],
)
def test_a_preview_refuses_what_a_review_refuses(ready: Shop, body: str, words: str) -> None:
    run = _preview(ready, "deployment", body)
    assert (run.state, run.reason) == ("failed", "template")
    for result in run.results:
        assert "kind: " in result["text"]
        said = " ".join(str(as_message(problem["message"])) for problem in result["problems"])
        assert words in said, said


def test_a_preview_sees_the_component_s_other_template(ready: Shop) -> None:
    run = _preview(ready, "service", SERVICE)
    assert run.state == "failed"
    (problem,) = run.results[0]["problems"]
    assert "port web" in as_message(problem["message"])
    assert run.results[0]["text"].startswith("apiVersion: v1\nkind: Service")
    assert "Deployment" not in run.results[0]["text"]
    publish_version(actor=ready.world.ada, template=ready.templates["prism-jdk8-deployment.yaml"], body="a: {{ nope }}")
    run = _preview(ready, "service", SERVICE.replace("targetPort: web", "targetPort: 8080"))
    (problem,) = run.results[0]["problems"]
    assert "prism-jdk8-deployment.yaml does not render" in as_message(problem["message"])


def test_a_part_is_checked_by_itself_while_the_other_template_is_not_chosen(ready: Shop) -> None:
    save_settings(actor=ready.world.dana, component=ready.component, values={"deployment_template": ""})
    assert _preview(ready, "service", SERVICE).state == "succeeded"
    assert _preview(ready, "service", SERVICE.replace("port: 80", "port: 99999")).state == "failed"


def test_what_does_not_render_is_told_with_its_line(ready: Shop) -> None:
    run = _preview(ready, "deployment", "a: 1\nb: {{ nothing.like_this }}\n")
    assert (run.state, run.reason) == ("failed", "template")
    for result in run.results:
        (problem,) = result["problems"]
        assert problem["path"].endswith(":2")
        assert "nothing" in problem["message"]


@pytest.mark.security("template-escapes")
def test_a_template_cannot_reach_beyond_its_values(ready: Shop) -> None:
    run = _preview(ready, "service", "a: {{ component.__class__.__mro__ }}\n")
    assert run.state == "failed"
    assert all(result["text"] == "" for result in run.results)


def test_a_dockerfile_is_rendered_once(ready: Shop) -> None:
    run = _preview(ready, "dockerfile", "FROM {{ base_image }}\nCOPY {{ package }} /app/\n")
    assert run.results == [
        {
            "environment": "",
            "text": "FROM harbor.sis.example/base/middleware/tomcat:8.0.14-oraclejdk1.8.0_73\n"
            "COPY sis_omm_proxy_gw.war /app/\n",
            "problems": [],
        }
    ]


def test_a_component_without_settings_says_so(shop: Shop) -> None:
    run = _preview(shop, "service", "a: 1")
    assert run.state == "failed"
    assert "settings" in run.results[0]["problems"][0]["message"]


def _try(shop: Shop, server: Any, subject: str = "") -> Any:
    with translation.override("en"):
        return drive("server-test", start_server_test(actor=shop.world.ada, server=server, subject=subject).pk)


def test_a_git_server(shop: Shop, tmp_path: Path) -> None:
    make_repository(tmp_path)
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        server = GitServer.objects.create(host=host, name="Stand-in", allow_http=True)
        good = _try(shop, server, f"http://{host}/proxy-gw.git")
        assert (good.state, good.facts["branches"]) == ("succeeded", 2)
        assert _try(shop, server, f"http://{host}/nothing.git").state == "failed"
        assert "URL of a repository" in _try(shop, server).message
        elsewhere = _try(shop, server, "http://gitlab.sis.example/a.git")
        assert (elsewhere.state, "another host" in elsewhere.message) == ("failed", True)


def test_a_registry(shop: Shop, tmp_path: Path) -> None:
    with serving("sandbox.registry", "--state", str(tmp_path)) as host:
        server = ImageRegistry.objects.create(slug="near", name="Near", address=host, url=f"http://{host}")
        good = _try(shop, server)
        assert good.state == "succeeded"
        assert good.facts["user"] == "anonymous"
        absent = _try(shop, server, "sis-omm/nothing:1")
        assert (absent.state, "has no sis-omm/nothing:1" in absent.message) == ("failed", True)


def test_a_jenkins(shop: Shop, tmp_path: Path) -> None:
    arguments = ["--state", str(tmp_path), "--user", "prism", "--job-config", str(ROOT / "jenkins_job" / "config.xml")]
    with serving("sandbox.jenkins", *arguments, JENKINS_TOKEN="a-token-of-the-test") as host:
        server = JenkinsServer.objects.create(
            slug="near", name="Near", url=f"http://{host}", username="prism", token="a-token-of-the-test"
        )
        good = _try(shop, server)
        assert good.state == "succeeded", good.message
        assert good.facts["job"] == "PRISM_JENKINS_JOB"
        assert _try(shop, server, "NO_SUCH_JOB").state == "failed"
        server.token = "not-this-one"
        server.save()
        bad = _try(shop, server)
        assert (bad.state, bad.reason) == ("failed", "forbidden")
        assert not re.search("not-this-one|a-token", str(bad.message))


def test_a_server_that_is_away_is_an_answer(shop: Shop) -> None:
    run = _try(shop, shop.jenkins)
    assert (run.state, run.reason) == ("failed", "unavailable")
    assert run.message and "t0ken-of-jenkins" not in run.message


def test_a_person_has_one_trial_under_way(ready: Shop) -> None:
    template = ready.templates["prism-jdk8-deployment.yaml"]
    first = start_trial(actor=ready.world.dana, template=template, body=DEPLOYMENT)
    with pytest.raises(Refused, match="Your last trial is under way"):
        start_trial(actor=ready.world.dana, template=template, body=DEPLOYMENT)
    for preview in Preview.objects.filter(batch=first):
        drive("preview", preview.pk)
    start_trial(actor=ready.world.dana, template=template, body=DEPLOYMENT)
