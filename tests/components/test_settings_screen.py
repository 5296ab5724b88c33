"""The Settings tab: the original's fields and grid in one form, checked by the server, saved as next versions."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from components.models import Allocation, BranchTip, ComponentSettings
from components.services import archive_component, save_allocation, save_settings
from environments.models import Space
from foundation.models import Remote
from tests.components.conftest import GRID, ORIGINAL, Shop

PLACE = ("sis-omm", "sis-omm-proxy-gw")
EDIT = reverse("components:edit", args=PLACE)
CHECK = reverse("components:check", args=PLACE)


def browse(shop: Shop, who: str) -> Client:
    client = Client()
    client.force_login(shop.world.people[who])
    return client


def sent_of(client: Client) -> dict[str, str]:
    """What the form on the page would send unchanged."""
    context = client.get(EDIT).context
    forms = [context["form"], *(column.form for column in context["columns"])]
    return {field.html_name: "" if field.value() is None else str(field.value()) for form in forms for field in form}


def grid(**changes: str) -> dict[str, str]:
    typed = {f"{slug}-{name}": text for slug, amounts in GRID.items() for name, text in amounts.items()}
    return typed | {f"{slug}-seen_number": "0" for slug in GRID} | changes


@pytest.fixture
def set_up(shop: Shop) -> Shop:
    """Settings and allocations are there as version 1."""
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL, note="first")
    for slug, amounts in GRID.items():
        place = shop.world.environments[slug]
        save_allocation(actor=shop.world.olli, component=shop.component, environment=place, amounts=amounts)
    return shop


def test_settings_and_grid_are_saved_by_one_button(set_up: Shop) -> None:
    client = browse(set_up, "olli")
    sent = sent_of(client) | {"build_command": "ant dist", "prd-replicas": "3", "note": "half the load"}
    answer = client.post(EDIT, sent, follow=True)
    assert answer.redirect_chain == [(EDIT, 302)]
    settings = set_up.component.settings.first()
    assert settings is not None and (settings.number, settings.build_command) == (2, "ant dist")
    row = Allocation.objects.get(environment__slug="prd", number=2)
    assert (row.replicas, row.note, row.author) == (3, "half the load", set_up.world.olli)
    assert Allocation.objects.count() == 5, "columns that nobody touched keep their version"
    said = [str(message) for message in answer.context["messages"]]
    assert said == ["The settings are saved as version 2.", "The allocation in PRD is saved."]


def test_sending_the_form_unchanged_saves_nothing(set_up: Shop) -> None:
    client = browse(set_up, "olli")
    answer = client.post(EDIT, sent_of(client), follow=True)
    assert [str(message) for message in answer.context["messages"]] == ["Nothing was different: nothing was saved."]
    assert ComponentSettings.objects.count() == 1 and Allocation.objects.count() == 4


def test_nothing_is_saved_when_one_half_does_not_fit(set_up: Shop) -> None:
    client = browse(set_up, "olli")
    answer = client.post(EDIT, sent_of(client) | {"build_command": "ant dist", "prd-memory_request": "12"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "PRD · Memory: the lower bound 12 is above the upper bound 8." in page
    assert 'data-wrong="id_prd-memory_request id_prd-memory_limit"' in page
    assert "ant dist" in page and 'value="12"' in page, "what was typed stays"
    assert ComponentSettings.objects.count() == 1 and Allocation.objects.count() == 4


def test_a_column_is_copied_without_saving_and_what_was_typed_stays(set_up: Shop) -> None:
    client = browse(set_up, "olli")
    sent = sent_of(client) | {"description": "half typed", "prd-cpu_request": "3"}
    answer = client.post(EDIT, sent | {"copy": "yes", "copy_from": "prd", "copy_to": "drp"})
    assert answer.status_code == 200
    columns = {column.environment.slug: column.form for column in answer.context["columns"]}
    assert columns["drp"].typed() == GRID["prd"] | {"cpu_request": "3"}
    assert columns["uat"].typed() == GRID["uat"]
    assert answer.context["form"]["description"].value() == "half typed"
    assert Allocation.objects.count() == 4
    sent |= {name: str(columns["drp"][name[4:]].value()) for name in sent if name.startswith("drp-")}
    answer = client.post(EDIT, sent)
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["note"]), "nobody said why"
    assert client.post(EDIT, sent | {"note": "as PRD"}).status_code == 302
    drp = Allocation.objects.get(environment__slug="drp", number=2)
    assert drp.replicas == 4


def test_what_a_save_makes_new_versions_of_is_said_before(set_up: Shop) -> None:
    """An allocation alone leaves the settings at their version; each person is told of what is theirs to save."""
    client = browse(set_up, "olli")
    assert 'id="saves"' not in client.get(EDIT).content.decode(), "nothing is typed yet"
    changed = grid() | {"prd-replicas": "3"}
    assert (
        "Save makes new versions of: allocation in PRD."
        in client.post(CHECK, sent_of(client) | changed).content.decode()
    )
    typed = sent_of(client) | {"description": "other"}
    assert "Save makes new versions of: settings (v2)." in client.post(CHECK, typed).content.decode()
    unreadable = grid() | {"prd-replicas": "many"}
    assert 'id="saves"' not in client.post(CHECK, sent_of(client) | unreadable).content.decode()


def test_columns_nobody_filled_are_left_alone(shop: Shop) -> None:
    client = browse(shop, "olli")
    sent = sent_of(client) | {f"fat-{name}": text for name, text in GRID["fat"].items()}
    assert client.post(EDIT, sent).status_code == 302
    assert [row.environment.slug for row in Allocation.objects.select_related("environment")] == ["fat"]


def test_the_server_checks_while_somebody_types(set_up: Shop) -> None:
    Space.objects.filter(environment__slug="prd").update(memory_limit_ceiling=40 * 1024**3, pods_ceiling=5)
    client = browse(set_up, "olli")
    sent = sent_of(client)
    fits = client.post(CHECK, sent, headers={"HX-Request": "true"}).content.decode()
    assert "Every amount fits." in fits and "80 %" in fits and "<html" not in fits
    assert "FAT, UAT, PRD, DRP" not in fits, "nothing runs there yet"
    over = client.post(CHECK, sent | {"prd-replicas": "6"}).content.decode()
    assert "memory upper (GiB): all replicas together take 48; the ceiling of PRD is 40." in over
    assert "want 6 pods; its ceiling is 5" in over and "120 %" in over
    assert set_up.world.ada.shown_name in over, "who can raise the ceiling"
    wrong = client.post(CHECK, sent | {"uat-cpu_limit": "2 cores", "prd-memory_request": "41"}).content.decode()
    assert "UAT · Write a number of cores such as 2 or 0.5" in wrong
    assert "One pod alone would be above the ceiling" not in wrong, "requests have no ceiling here"
    assert "Memory: the lower bound 41 is above the upper bound 8." in wrong
    assert Allocation.objects.count() == 4


def test_what_a_check_says_changes_with_the_other_components_of_the_space(set_up: Shop) -> None:
    Space.objects.filter(environment__slug="fat").update(cpu_limit_ceiling=8000)
    from_others = {"replicas": "3", "cpu_request": "1", "cpu_limit": "2", "memory_request": "1", "memory_limit": "1"}
    other = set_up.component.project.components.create(name="Other", slug="other")
    fat = set_up.world.environments["fat"]
    save_allocation(actor=set_up.world.olli, component=other, environment=fat, amounts=from_others)
    said = browse(set_up, "olli").post(CHECK, grid()).content.decode()
    assert "CPU upper (cores): all components of FAT together take 10; its ceiling is 8." in said


def test_saving_above_a_ceiling_is_possible_and_told(set_up: Shop) -> None:
    Space.objects.filter(environment__slug="prd").update(pods_ceiling=4)
    client = browse(set_up, "olli")
    answer = client.post(EDIT, sent_of(client) | {"prd-replicas": "6", "note": "peak"}, follow=True)
    assert any("want 6 pods" in str(message) for message in answer.context["messages"])
    assert Allocation.objects.filter(environment__slug="prd", replicas=6).exists()


def test_a_developer_changes_the_settings_and_reads_the_grid(set_up: Shop) -> None:
    client = browse(set_up, "dana")
    page = client.get(EDIT).content.decode()
    assert re.search(r'name="prd-replicas"[^>]*disabled', page) and "Operations set this." in page
    assert not re.search(r'name="package_name"[^>]*disabled', page)
    sent = sent_of(client) | {"package_name": "new.war", "prd-replicas": "99"}
    assert client.post(EDIT, sent).status_code == 302
    assert set_up.component.settings.first().package_name == "new.war"  # type: ignore[union-attr]
    assert not Allocation.objects.filter(replicas=99).exists()


@pytest.mark.parametrize("who", ["tess", "uma", "ada"])
def test_who_may_change_nothing_reads_it_all(set_up: Shop, who: str) -> None:
    client = browse(set_up, who)
    page = client.get(EDIT).content.decode()
    assert "ant -f build.xml" in page and "You may read this and not change it." in page
    assert set_up.world.dana.shown_name in page, "whom to ask"
    assert not re.search(r">\s*Save\s*<", page)
    assert client.post(EDIT, sent_of(client) | {"package_name": "new.war"}).status_code == 403


def test_an_archived_component_is_closed_for_everybody(set_up: Shop) -> None:
    archive_component(actor=set_up.world.olli, component=set_up.component)
    page = browse(set_up, "olli").get(EDIT).content.decode()
    assert re.search(r'name="package_name"[^>]*disabled', page) and not re.search(r">\s*Save\s*<", page)


def test_who_was_overtaken_loses_nothing_and_may_save_anyway(set_up: Shop) -> None:
    client = browse(set_up, "dana")
    sent = sent_of(client) | {"description": "hers"}
    save_settings(actor=set_up.world.olli, component=set_up.component, values={"description": "his"}, note="because")
    answer = client.post(EDIT, sent)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Olli has saved version 2" in page and "hers" in page
    assert "because" in page, "what the other one changed stands in the history beside it"
    assert set_up.component.settings.first().description == "his"  # type: ignore[union-attr]
    insisting = sent | {"seen_number": str(answer.context["form"]["seen_number"].value())}
    assert client.post(EDIT, insisting).status_code == 302
    assert set_up.component.settings.first().description == "hers"  # type: ignore[union-attr]


def test_what_is_missing_is_named_and_leads_to_its_field(shop: Shop) -> None:
    values = {**ORIGINAL, "base_image": ""}
    save_settings(actor=shop.world.dana, component=shop.component, values=values)
    for slug, amounts in GRID.items():
        place = shop.world.environments[slug]
        save_allocation(actor=shop.world.olli, component=shop.component, environment=place, amounts=amounts)
    page = browse(shop, "dana").get(reverse("components:detail", args=PLACE)).content.decode()
    assert "1 missing:" in page and f'href="{EDIT}#id_base_image"' in page and "Base image" in page
    edit = browse(shop, "dana").get(EDIT).content.decode()
    assert 'id="id_base_image"' in edit


def test_the_repository_tells_when_it_was_last_read(set_up: Shop) -> None:
    client = browse(set_up, "dana")
    assert "not read yet" in client.get(EDIT).content.decode()
    now = timezone.now()
    for name in ("master", "release/3.2"):
        BranchTip.objects.create(git_url=ORIGINAL["git_url"], branch=name, commit="a" * 40, seen_at=now)
    page = client.get(EDIT).content.decode()
    assert "connected" in page and "2 branches" in page
    Remote.objects.create(name=set_up.git.remote_key, opened_at=now)
    assert "no answer since" in client.get(EDIT).content.decode()


def test_reading_branches_now_keeps_what_was_typed(set_up: Shop) -> None:
    client = browse(set_up, "dana")
    read_url = reverse("components:git-read", args=PLACE)
    part = client.post(read_url, headers={"HX-Request": "true"}).content.decode()
    assert "git-read" in part and "<html" not in part
    whole = client.post(read_url, sent_of(client) | {"description": "half typed"})
    assert whole.status_code == 200 and "half typed" in whole.content.decode()
    assert browse(set_up, "tess").post(read_url).status_code == 403


def test_an_address_may_propose_amounts(set_up: Shop) -> None:
    answer = browse(set_up, "olli").get(EDIT, {"prd-replicas": "6"})
    columns = {column.environment.slug: column.form for column in answer.context["columns"]}
    assert columns["prd"]["replicas"].value() == "6" and columns["uat"]["replicas"].value() == "2"


def test_the_history_says_who_changed_which_value_and_why(set_up: Shop) -> None:
    save_settings(
        actor=set_up.world.petra, component=set_up.component, values={"package_name": "b.war"}, note="renamed"
    )
    page = browse(set_up, "uma").get(reverse("components:history", args=PLACE)).content.decode()
    assert "Settings, version 2" in page and "renamed" in page and "Petra" in page
    assert "<del>sis_omm_proxy_gw.war</del>" in page and "<ins>b.war</ins>" in page
    assert "Allocation in PRD, version 1" in page


def test_settings_are_drawn_with_a_bounded_number_of_queries(
    set_up: Shop, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = browse(set_up, "olli")
    for number in range(6):
        values = {"description": f"text {number}"}
        save_settings(actor=set_up.world.dana, component=set_up.component, values=values)
    client.get(EDIT)
    with django_assert_max_num_queries(40):
        client.get(EDIT)
    with django_assert_max_num_queries(24):
        client.get(reverse("components:detail", args=PLACE))
