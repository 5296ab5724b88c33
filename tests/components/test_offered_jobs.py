"""A component names only jobs and nodes that its project's Jenkins offers it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Project
from audit.models import AuditEvent
from components.completeness import missing_elements, missing_for_build
from components.models import ComponentSettings, JenkinsServer
from components.offers import names_offered
from components.services import edit_server, save_settings
from foundation.problems import Invalid
from tests.components.conftest import ORIGINAL, Shop

NODE = ORIGINAL["node_label"]


@pytest.fixture
def offered(shop: Shop) -> JenkinsServer:
    Project.objects.create(organisation=shop.world.organisation, slug="ops", name="运维", name_en="Operations")
    edit_server(
        actor=shop.world.ada,
        server=shop.jenkins,
        values={"jobs": "* PRISM_JENKINS_JOB\nops ops/**\nsis-omm omm/*", "nodes": "sis-omm JNLP_*\nops any"},
    )
    return shop.jenkins


@pytest.mark.security("build-parameters")
@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("job_name", "PRISM_JENKINS_JOB", True),
        ("job_name", "omm/build", True),
        ("job_name", "ops/wipe-production", False),
        ("job_name", "omm/build/deeper", False),
        ("job_name", "prism_jenkins_job", False),
        ("job_name", "OTHER", False),
        ("node_label", NODE, True),
        ("node_label", "any", False),
        ("node_label", "jnlp_x", False),
    ],
)
def test_what_a_component_may_name(shop: Shop, offered: JenkinsServer, field: str, value: str, allowed: bool) -> None:
    values = {**ORIGINAL, field: value}
    if allowed:
        assert getattr(save_settings(actor=shop.world.dana, component=shop.component, values=values), field) == value
        return
    with pytest.raises(Invalid) as refused:
        save_settings(actor=shop.world.dana, component=shop.component, values=values)
    assert list(refused.value.fields) == [field] and not ComponentSettings.objects.exists()
    said, helps = map(str, refused.value.fields[field])
    assert value in said and "main offers project sis-omm no" in said and "platform administrator" in helps


def test_everything_goes_on_until_somebody_writes_a_list(shop: Shop) -> None:
    values = {**ORIGINAL, "job_name": "any/where/deep", "node_label": "any"}
    assert save_settings(actor=shop.world.dana, component=shop.component, values=values).job_name == "any/where/deep"


@pytest.mark.security("build-parameters")
def test_what_was_taken_back_stops_the_next_build(shop: Shop) -> None:
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    assert missing_for_build(shop.component) == []
    JenkinsServer.objects.update(jobs="", nodes="ops *")
    missing = {one.field: str(one.message) for one in missing_elements(shop.component) if one.stops_build}
    assert set(missing) == {"job_name", "node_label"}
    assert "no job PRISM_JENKINS_JOB" in missing["job_name"] and "platform administrator" in missing["node_label"]
    # Other fields may still be changed: what stood there before is not asked again.
    saved = save_settings(actor=shop.world.dana, component=shop.component, values={**ORIGINAL, "description": "x"})
    assert saved.description == "x"


def test_wrong_lines_and_the_audit(shop: Shop, offered: JenkinsServer) -> None:
    event = AuditEvent.objects.filter(verb="edit_jenkins_server").latest("pk")
    assert event.before == {"jobs": "* **", "nodes": "* *"} and event.after["nodes"] == "sis-omm JNLP_*\nops any"
    with pytest.raises(Invalid) as refused:
        edit_server(actor=shop.world.ada, server=offered, values={"jobs": "nobody x", "nodes": "* a|b"})
    assert set(refused.value.fields) == {"jobs", "nodes"}


def test_names_to_choose_from() -> None:
    text = "* A\nb B/c d\nb A\nb x-*\nother C"
    assert names_offered(text, "b") == ["A", "B/c d"] and names_offered("* **", "b") == []


def test_the_form_suggests_what_is_offered(shop: Shop, client: Client, offered: JenkinsServer) -> None:
    client.force_login(shop.world.dana)
    url = reverse("components:edit", args=["sis-omm", shop.component.slug])
    shown = client.get(url).content.decode()
    assert '<datalist id="offered-job_name"><option value="PRISM_JENKINS_JOB"></option></datalist>' in shown
    assert 'list="offered-job_name"' in shown and "offered-node_label" not in shown and "ops/" not in shown


def test_the_page_and_the_api_say_what_an_open_list_means(shop: Shop, client: Client) -> None:
    client.force_login(shop.world.ada)
    url = reverse("components:server", args=["jenkins", "main"])

    def notes() -> list[Any]:
        shown = client.get(url)
        told = client.get("/api/v1/jenkins-servers/main/").json()["notes"]
        assert all(note in shown.content.decode() for note in told)
        return [note[:24] for note in told]

    assert notes() == ["Every project may start ", "Every project may build "]
    JenkinsServer.objects.update(jobs="", nodes="sis-omm x")
    assert notes() == ["No project may start any"]
