"""Pages: what each person may do is offered, what was typed is saved, what does not fit is told at its field."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from components.models import (
    BaseImage,
    Component,
    ComponentSettings,
    ConfigVersion,
    GitServer,
    JenkinsServer,
    Preview,
    ServerTest,
    Template,
    Toolchain,
)
from components.services import save_settings
from tests.components.conftest import ORIGINAL, Shop

PLACE = ("sis-omm", "sis-omm-proxy-gw")


@pytest.fixture
def browser(shop: Shop, client: Client) -> Any:
    """``browser("dana")`` is that person's browser."""

    def sign_in(name: str) -> Client:
        client.force_login(getattr(shop.world, name))
        return client

    return sign_in


def _form(client: Client, url: str) -> dict[str, Any]:
    """What the form on the page would send unchanged."""
    form = client.get(url).context["form"]
    return {field.html_name: field.value() if field.value() is not None else "" for field in form}


def test_a_component_is_made_and_set_up_by_its_developer(browser: Any, shop: Shop) -> None:
    client = browser("dana")
    answer = client.post(reverse("components:new"), {"project": "sis-omm", "name": "MOP"})
    edit = reverse("components:edit", args=["sis-omm", "mop"])
    assert answer.url == edit
    sent = {**_form(client, edit), **ORIGINAL, "service_name": "mop", "base_image": str(shop.base_image)}
    answer = client.post(edit, sent)
    assert answer.url == edit
    settings = ComponentSettings.objects.get(component__slug="mop")
    assert settings.package_name == "sis_omm_proxy_gw.war"
    assert settings.artifact_directory == "target/sis_omm_proxy_gw/"
    shown = client.get(answer.url).content.decode()
    for text in ("理财网关组件", "http://gitlab.sis.example/sis-omm/proxy-gw.git", "prism-jdk8-deployment.yaml"):
        assert text in shown
    assert "Allocation in FAT" in shown, "what is still missing is named"


def test_what_does_not_fit_stands_at_its_field_with_what_was_typed(browser: Any, shop: Shop) -> None:
    client = browser("dana")
    edit = reverse("components:edit", args=PLACE)
    answer = client.post(edit, {**_form(client, edit), "package_name": "a/b.war", "description": "kept"})
    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == {"package_name"}
    assert "kept" in answer.content.decode()
    assert not ComponentSettings.objects.exists()


def test_a_form_drawn_before_somebody_saved_is_refused(browser: Any, shop: Shop) -> None:
    client = browser("dana")
    edit = reverse("components:edit", args=PLACE)
    sent = _form(client, edit)
    save_settings(actor=shop.world.olli, component=shop.component, values={"description": "his"})
    answer = client.post(edit, {**sent, "description": "hers"})
    assert answer.status_code == 409
    assert ComponentSettings.objects.get().description == "his"


def test_configuration_rows(browser: Any, shop: Shop) -> None:
    client = browser("dana")
    url = reverse("components:configuration", args=[*PLACE, "fat"])
    sent = {
        "seen_number": "0",
        "note": "first",
        "env_name": ["A", "DB_PASSWORD", ""],
        "env_value": ["line 1\r\nline 2", "", ""],
        "env_secret": ["", "db", ""],
        "env_key": ["", "pw", ""],
        "file_name": ["app.properties", ""],
        "file_text": ["a=1\r\n", ""],
    }
    wrong = client.post(
        url, {**sent, "env_value": ["x", "hunter2", ""], "env_secret": ["", "", ""], "env_key": ["", "", ""]}
    )
    assert wrong.status_code == 400
    assert "secret in plain sight" in wrong.content.decode()
    assert client.post(url, sent).status_code == 302
    row = ConfigVersion.objects.get()
    assert row.env == [{"name": "A", "value": "line 1\nline 2"}, {"name": "DB_PASSWORD", "secret": "db", "key": "pw"}]
    assert row.files == {"app.properties": "a=1\n"}
    # Drawn again and sent unchanged it is the same version.
    again = {**sent, "seen_number": "1"}
    assert client.post(url, again).status_code == 302
    assert ConfigVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "name", "status"),
    [
        ("otto", "detail", 404),
        ("otto", "edit", 404),
        ("tess", "edit", 200),
        ("dana", "edit", 200),
        ("olli", "history", 200),
        ("uma", "detail", 200),
        ("uma", "orders", 200),
        ("uma", "configurations", 200),
    ],
)
def test_who_may_open_what(browser: Any, who: str, name: str, status: int) -> None:
    assert browser(who).get(reverse(f"components:{name}", args=PLACE)).status_code == status


def test_production_configuration_is_not_for_developers(browser: Any) -> None:
    assert browser("dana").get(reverse("components:configuration", args=[*PLACE, "prd"])).status_code == 403
    assert browser("dana").get(reverse("components:configuration", args=[*PLACE, "lab"])).status_code == 404


def test_the_list_filters_and_needs_a_person(browser: Any, shop: Shop, client: Client) -> None:
    assert client.get(reverse("components:list")).status_code == 302
    shown = browser("dana").get(reverse("components:list"), {"search": "proxy", "project": "sis-omm"})
    assert [row.name for row in shown.context["page"].items] == ["SIS-OMM-PROXY-GW"]
    assert not browser("otto").get(reverse("components:list")).context["page"].items


def test_archiving(browser: Any, shop: Shop) -> None:
    url = reverse("components:archive", args=PLACE)
    assert browser("dana").post(url).status_code == 403
    assert browser("olli").post(url).status_code == 302
    assert Component.objects.get().is_archived
    browser("olli").post(url, {"is_archived": "no"})
    assert not Component.objects.get().is_archived


def test_a_template_is_published_by_whose_it_is(browser: Any, shop: Shop) -> None:
    url = reverse("components:template", args=["dockerfile-jdk8-ant"])
    sent = {"body": "FROM {{ base_image }}\n", "seen_number": "1", "note": "smaller"}
    assert browser("dana").post(url, sent).status_code == 403
    assert browser("ada").post(url, sent).status_code == 302
    template = Template.objects.get(name="dockerfile-jdk8-ant")
    assert [version.number for version in template.versions.all()] == [2, 1]
    assert browser("ada").post(url, {**sent, "body": "x"}).status_code == 409
    own = {"kind": "service", "name": "own.yaml", "project": "sis-omm", "body": "a: 1"}
    assert browser("dana").post(reverse("components:template-new"), own).url == "/templates/own.yaml/?project=sis-omm"
    assert (
        browser("dana").post(reverse("components:template-new"), {**own, "name": "g.yaml", "project": ""}).status_code
        == 400
    )


def test_a_preview_is_started_and_shown(browser: Any, shop: Shop) -> None:
    url = reverse("components:template-preview", args=["dockerfile-jdk8-ant"])
    sent = {"component": "sis-omm/sis-omm-proxy-gw", "body": "FROM x"}
    answer = browser("dana").post(url, sent)
    preview = Preview.objects.get()
    assert answer.url == reverse("components:preview", args=[preview.pk])
    part = browser("dana").post(url, sent, headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" in part and "<html" not in part
    assert browser("otto").get(answer.url).status_code == 404
    Preview.objects.update(
        state="failed",
        results=[{"environment": "fat", "text": "", "problems": [{"path": "a:1", "message": "No <such> name."}]}],
    )
    part = browser("dana").get(answer.url, headers={"HX-Request": "true"}).content.decode()
    assert "No &lt;such&gt; name." in part and "hx-get" not in part


def test_base_images_are_an_administrators(browser: Any, shop: Shop) -> None:
    url = reverse("components:base-images")
    assert browser("dana").post(url, {"image": "base/python 3.11"}).status_code == 403
    assert browser("ada").post(url, {"image": "base/python 3.11"}).status_code == 302
    assert browser("ada").post(url, {"image": "/base/python:3.11"}).status_code == 400
    archive = reverse("components:base-image-archive")
    assert browser("ada").post(archive, {"image": "base/python:3.11"}).status_code == 302
    assert BaseImage.objects.get(path="base/python").is_archived
    assert "base/python" not in browser("dana").get(url).content.decode()


def test_servers_keep_their_secrets(browser: Any, shop: Shop) -> None:
    url = reverse("components:server", args=["jenkins", "main"])
    shown = browser("uma").get(url).content.decode()
    assert "t0ken-of-jenkins" not in shown
    assert browser("dana").get(url).status_code == 403
    sent = {**_form(browser("ada"), url), "name": "Renamed", "url": "http://127.0.0.1:1", "token": ""}
    assert browser("uma").post(url, sent).status_code == 403
    assert browser("ada").post(url, sent).status_code == 302
    row = JenkinsServer.objects.get()
    assert (row.name, row.token) == ("Renamed", "t0ken-of-jenkins")
    moved = browser("ada").post(url, {**sent, "url": "http://127.0.0.2:1"})
    assert moved.status_code == 400
    assert moved.context["form"].errors.keys() == {"token"}
    assert browser("ada").post(url, {**sent, "url": "http://127.0.0.2:1", "token": "another"}).status_code == 302
    assert JenkinsServer.objects.get().token == "another"


def test_a_server_is_made_known_and_tried(browser: Any, shop: Shop) -> None:
    sent = {"host": "127.0.0.1:3000", "name": "Local", "allow_http": "on"}
    answer = browser("ada").post(reverse("components:server-new", args=["git"]), sent)
    assert answer.url == reverse("components:server", args=["git", "127.0.0.1:3000"])
    assert GitServer.objects.filter(host="127.0.0.1:3000", allow_http=True).exists()
    wrong = browser("ada").post(reverse("components:server-new", args=["git"]), {"host": "10.1.2.3", "name": "Inside"})
    assert wrong.status_code == 400
    assert "internal address" in str(wrong.context["form"].errors["host"])
    test = reverse("components:server-test", args=["git", "127.0.0.1:3000"])
    assert browser("dana").post(test).status_code == 403
    assert browser("ada").post(test, {"subject": "http://127.0.0.1:3000/a.git"}).status_code == 302
    assert ServerTest.objects.get().subject == "http://127.0.0.1:3000/a.git"
    part = browser("ada").get(reverse("components:server-tests", args=["git", "127.0.0.1:3000"])).content.decode()
    assert "hx-get" in part


def test_the_toolchain_of_a_project(browser: Any, shop: Shop) -> None:
    url = reverse("components:toolchain", args=["sis-omm"])
    JenkinsServer.objects.create(slug="second", name="Second", url="http://127.0.0.1:2", username="x")
    assert browser("petra").post(url, {"jenkins": "second", "registry": "harbor"}).status_code == 403
    assert browser("ada").post(url, {"jenkins": "second", "registry": "harbor"}).status_code == 302
    assert Toolchain.objects.get().jenkins.slug == "second"
    archive = reverse("components:server-archive", args=["jenkins", "second"])
    assert browser("ada").post(archive).status_code == 409
    assert not JenkinsServer.objects.get(slug="second").is_archived
