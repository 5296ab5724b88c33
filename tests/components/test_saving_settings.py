"""The 17 fields of the original screen: saved, read back, checked, versioned."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from components.completeness import is_ready, missing_elements, missing_for_build
from components.models import BaseImage, Component, ComponentSettings, GitServer
from components.selectors import current_settings, list_components
from components.services import (
    archive_component,
    archive_template,
    create_component,
    create_template,
    save_allocation_grid,
    save_settings,
)
from components.services.components import show_settings
from foundation.problems import Denied, Invalid, Missing, Refused, Stale
from tests.components.conftest import GRID, ORIGINAL, Shop


def test_every_sample_value_of_the_original_screen_reads_back(shop: Shop) -> None:
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL, seen_number=0)
    component = Component.objects.get(slug="sis-omm-proxy-gw")
    settings = current_settings(component)
    assert settings is not None
    shown = show_settings(settings)
    assert component.name == "SIS-OMM-PROXY-GW"
    assert shown == {**ORIGINAL, "base_image": "/base/middleware/tomcat:8.0.14-oraclejdk1.8.0_73"}


def test_a_base_image_is_understood_with_blank_or_colon(shop: Shop) -> None:
    for text in ("/base/middleware/tomcat 8.0.14-oraclejdk1.8.0_73", "base/middleware/tomcat:8.0.14-oraclejdk1.8.0_73"):
        row = save_settings(actor=shop.world.dana, component=shop.component, values={"base_image": text})
        assert row.base_image == shop.base_image


def test_what_is_left_out_stays_and_what_is_the_same_makes_no_version(shop: Shop) -> None:
    first = save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    second = save_settings(
        actor=shop.world.dana, component=shop.component, values={"package_name": "other.war"}, note="renamed"
    )
    again = save_settings(actor=shop.world.dana, component=shop.component, values={"package_name": "other.war"})
    assert (first.number, second.number, again.pk) == (1, 2, second.pk)
    assert second.git_url == ORIGINAL["git_url"]
    event = AuditEvent.objects.filter(verb="save_settings").latest("pk")
    assert event.before == {"version": 1, "package_name": "sis_omm_proxy_gw.war"}
    assert event.after == {"version": 2, "package_name": "other.war"}
    assert event.reason == "renamed"


def test_nobody_overwrites_what_they_did_not_see(shop: Shop) -> None:
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL, seen_number=0)
    with pytest.raises(Stale, match="Dana has saved version 1"):
        save_settings(actor=shop.world.olli, component=shop.component, values={"description": "x"}, seen_number=0)
    assert ComponentSettings.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("git_url", "https://unlisted.example/a/b.git"),
        ("git_url", "file:///etc/passwd"),
        ("git_url", "ext::sh -c id"),
        ("git_url", "http://user:pass@gitlab.sis.example/a.git"),
        ("git_url", "http://gitlab.sis.example:9000/a.git"),
        ("build_directory", "../outside"),
        ("build_directory", "a/$(id)"),
        ("artifact_directory", "target/../../x"),
        ("package_name", "a/b.war"),
        ("package_name", "-rf"),
        ("package_name", "app.war\nx"),
        ("node_label", "built-in"),
        ("node_label", "a b"),
        ("job_name", "../job"),
        ("service_name", "Upper"),
        ("build_command", "a\x00b"),
        ("base_image", "base/middleware/unknown:1"),
        ("base_image", "base/middleware/tomcat"),
        ("dockerfile", "prism-jdk8-service.yaml"),
        ("nonsense", "x"),
    ],
)
def test_what_does_not_fit_is_told_at_its_field_and_changes_nothing(shop: Shop, field: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        save_settings(actor=shop.world.dana, component=shop.component, values={**ORIGINAL, field: value})
    assert set(caught.value.fields) == {field}
    assert str(caught.value.fields[field][0])
    assert not ComponentSettings.objects.exists()


def test_plain_http_only_where_an_administrator_allowed_it(shop: Shop) -> None:
    GitServer.objects.update(allow_http=False)
    with pytest.raises(Invalid) as caught:
        save_settings(actor=shop.world.dana, component=shop.component, values={"git_url": ORIGINAL["git_url"]})
    assert "https" in str(caught.value.fields["git_url"][0])
    saved = save_settings(
        actor=shop.world.dana, component=shop.component, values={"git_url": "git@gitlab.sis.example:a/b.git"}
    )
    assert saved.git_url == "git@gitlab.sis.example:a/b.git"


def test_a_name_is_taken_in_any_capitals(shop: Shop) -> None:
    with pytest.raises(Invalid) as caught:
        create_component(actor=shop.world.dana, project=shop.world.project, name="sis-omm-proxy-gw")
    assert "name" in caught.value.fields


def test_two_components_cannot_share_a_service(shop: Shop) -> None:
    save_settings(actor=shop.world.dana, component=shop.component, values={"service_name": "gateway"})
    other = create_component(actor=shop.world.dana, project=shop.world.project, name="MOP")
    with pytest.raises(Invalid) as caught:
        save_settings(actor=shop.world.dana, component=other, values={"service_name": "gateway"})
    assert "SIS-OMM-PROXY-GW" in str(caught.value.fields["service_name"][0])
    with pytest.raises(Invalid):
        create_component(actor=shop.world.dana, project=shop.world.project, name="gateway")


@pytest.mark.parametrize("name", ["", "A B", "-A", "A_B", "A" * 64, "A\nB", "组件"])
def test_bad_names_are_refused(shop: Shop, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_component(actor=shop.world.dana, project=shop.world.project, name=name)
    assert "name" in caught.value.fields


def test_rights(shop: Shop) -> None:
    with pytest.raises(Denied):
        save_settings(actor=shop.world.tess, component=shop.component, values={"description": "x"})
    with pytest.raises(Missing):
        save_settings(actor=shop.world.otto, component=shop.component, values={"description": "x"})
    with pytest.raises(Denied):
        archive_component(actor=shop.world.dana, component=shop.component)


def test_an_archived_component_leaves_the_list_and_takes_no_change(shop: Shop) -> None:
    archive_component(actor=shop.world.olli, component=shop.component)
    assert list(list_components(shop.world.dana)) == []
    with pytest.raises(Refused):
        save_settings(actor=shop.world.dana, component=shop.component, values={"description": "x"})
    archive_component(actor=shop.world.olli, component=shop.component, is_archived=False)
    assert list(list_components(shop.world.dana)) == [shop.component]


def test_the_list_finds_part_of_code_and_of_chinese_name(shop: Shop) -> None:
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    create_component(actor=shop.world.dana, project=shop.world.project, name="MOP")
    assert [row.name for row in list_components(shop.world.dana, text="proxy")] == ["SIS-OMM-PROXY-GW"]
    assert [row.name for row in list_components(shop.world.dana, text="网关")] == ["SIS-OMM-PROXY-GW"]
    assert [row.name for row in list_components(shop.world.dana, text="MO")] == ["MOP"]
    assert not list_components(shop.world.otto).exists()


def test_a_component_says_what_it_lacks_until_it_is_ready(shop: Shop) -> None:
    lacking = [element.field for element in missing_elements(shop.component)]
    assert lacking[:3] == ["git_url", "job_name", "node_label"]
    assert lacking[-4:] == ["allocation.fat", "allocation.uat", "allocation.prd", "allocation.drp"]
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    grid = {shop.world.environments[slug]: amounts for slug, amounts in GRID.items()}
    save_allocation_grid(actor=shop.world.olli, component=shop.component, grid=grid)
    assert is_ready(shop.component)
    shop.toolchain.delete()
    GitServer.objects.update(is_archived=True)
    missing = missing_elements(shop.component)
    assert [element.field for element in missing] == ["toolchain", "git_server"]
    assert "not listed" in str(missing[1].message) and "OUTBOUND_ALLOW" in str(missing[1].message)


@pytest.mark.parametrize(("field", "value"), [("package_name", "Dockerfile"), ("node_label", "built-in")])
def test_what_is_older_than_its_rule_stops_the_next_build(shop: Shop, field: str, value: str) -> None:
    settings = save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    setattr(settings, field, value)  # as a row that was saved before the rule
    assert field in [element.field for element in missing_for_build(shop.component, settings)]
    with pytest.raises(Invalid):
        save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL | {field: value})


def test_what_is_set_stays_when_it_is_archived_later(shop: Shop) -> None:
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    with pytest.raises(Refused, match="SIS-OMM-PROXY-GW"):
        archive_template(actor=shop.world.ada, template=shop.templates["dockerfile-jdk8-ant"])
    BaseImage.objects.update(is_archived=True)
    row = save_settings(actor=shop.world.dana, component=shop.component, values={**ORIGINAL, "description": "new"})
    assert (row.number, row.base_image) == (2, shop.base_image)


def test_a_projects_template_cannot_hide_a_global_one(shop: Shop) -> None:
    with pytest.raises(Invalid) as caught:
        create_template(
            actor=shop.world.dana,
            kind="dockerfile",
            name="dockerfile-jdk8-ant",
            body="FROM x",
            project=shop.world.project,
        )
    assert "name" in caught.value.fields


@pytest.mark.parametrize("name", ["2048-Web", "2048", "1a"])
def test_a_name_that_no_service_can_have_is_refused_at_its_field(shop: Shop, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_component(actor=shop.world.dana, project=shop.world.project, name=name)
    assert set(caught.value.fields) == {"name"}
    assert "begin with a letter" in str(caught.value.fields["name"][0])


@pytest.mark.parametrize("name", ["2048-svc", "9"])
def test_a_service_name_begins_with_a_letter(shop: Shop, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        save_settings(actor=shop.world.dana, component=shop.component, values={"service_name": name})
    assert set(caught.value.fields) == {"service_name"}
    assert "begin with a letter" in str(caught.value.fields["service_name"][0])


def test_a_name_with_digits_later_is_fine(shop: Shop) -> None:
    assert create_component(actor=shop.world.dana, project=shop.world.project, name="Web-2048").slug == "web-2048"
