"""Configuration: environments side by side, and a form that begins with another one or an older version."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from components.models import ConfigVersion
from components.services import save_config
from tests.components.conftest import Shop

PLACE = ("sis-omm", "sis-omm-proxy-gw")
COMPARE = reverse("components:configurations", args=PLACE)


def address(environment: str) -> str:
    return reverse("components:configuration", args=[*PLACE, environment])


def browse(shop: Shop, who: str) -> Client:
    client = Client()
    client.force_login(shop.world.people[who])
    return client


@pytest.fixture
def configured(shop: Shop) -> Shop:
    """FAT twice, PRD once, with a variable only FAT has and a Secret that differs."""
    fat, prd = shop.world.environments["fat"], shop.world.environments["prd"]

    def save(place: object, env: list[dict[str, str]], files: dict[str, str] | None = None) -> None:
        save_config(actor=shop.world.olli, component=shop.component, environment=place, env=env, files=files or {})  # type: ignore[arg-type]

    save(fat, [{"name": "LEVEL", "value": "first"}])
    save(
        fat,
        [{"name": "LEVEL", "value": "loose"}, {"name": "ONLY_FAT", "value": "1"}, {"name": "SAME", "value": "x"}],
        {"app.properties": "a=1\n"},
    )
    save(
        prd,
        [
            {"name": "LEVEL", "value": "strict"},
            {"name": "SAME", "value": "x"},
            {"name": "DB_PASSWORD", "secret": "db", "key": "pw"},
        ],
        {"app.properties": "a=1\nb=2\n"},
    )
    return shop


def test_environments_are_compared(configured: Shop) -> None:
    answer = browse(configured, "uma").get(COMPARE)
    lines = {line.name: line for line in answer.context["compared"].variables}
    assert list(lines) == ["DB_PASSWORD", "LEVEL", "ONLY_FAT", "SAME"]
    cells = {name: [(cell.text if cell.is_set else None) for cell in line.cells] for name, line in lines.items()}
    assert cells["LEVEL"] == ["loose", None, "strict", None]
    assert cells["DB_PASSWORD"] == [None, None, "Secret db/pw", None]
    assert lines["LEVEL"].cells[2].is_odd and not lines["LEVEL"].cells[0].is_odd
    (file,) = answer.context["compared"].files
    assert file.differs and file.cells[2].text.startswith("2 lines")


def test_only_what_differs_and_part_of_a_name(shop: Shop) -> None:
    for place in shop.world.environments.values():
        env = [{"name": "SAME", "value": "x"}, {"name": "PLACE", "value": place.slug}]
        save_config(actor=shop.world.petra, component=shop.component, environment=place, env=env, files={})
    client = browse(shop, "dana")
    shown = client.get(COMPARE, {"only": "differences"}).context["compared"]
    assert [line.name for line in shown.variables] == ["PLACE"]
    assert [line.name for line in client.get(COMPARE, {"search": "sam"}).context["compared"].variables] == ["SAME"]
    assert "No variable and no file fits" in client.get(COMPARE, {"search": "nothing"}).content.decode()


def test_who_may_change_which_environment(configured: Shop) -> None:
    page = browse(configured, "dana").get(COMPARE).content.decode()
    assert address("fat") in page and address("prd") not in page
    assert "Who may: " in page and "Olli" in page
    assert address("prd") in browse(configured, "olli").get(COMPARE).content.decode()


def test_the_form_begins_with_another_environment_or_an_older_version(configured: Shop) -> None:
    client = browse(configured, "olli")
    from_prd = client.get(address("fat"), {"from": "prd"})
    assert [row["name"] for row in from_prd.context["rows"] if row] == ["LEVEL", "SAME", "DB_PASSWORD"]
    assert from_prd.context["form"]["seen_number"].value() == 2, "saving makes version 3 of FAT"
    older = client.get(address("fat"), {"version": "1"})
    assert [row["value"] for row in older.context["rows"] if row] == ["first"]
    assert client.get(address("fat"), {"from": "moon"}).status_code == 404
    assert ConfigVersion.objects.count() == 3


def test_more_lines_keep_what_was_typed(configured: Shop) -> None:
    sent = {"seen_number": "2", "note": "why", "env_name": ["NEW"], "env_value": ["v"], "more": "yes"}
    answer = browse(configured, "olli").post(address("fat"), sent)
    assert answer.status_code == 200
    rows = answer.context["rows"]
    assert rows[0]["name"] == "NEW" and len(rows) == 11
    assert 'value="why"' in answer.content.decode()
    assert ConfigVersion.objects.count() == 3


def test_who_was_overtaken_keeps_the_text(configured: Shop) -> None:
    client = browse(configured, "dana")
    sent = {"seen_number": "1", "note": "", "env_name": ["LEVEL"], "env_value": ["mine"]}
    answer = client.post(address("fat"), sent)
    assert answer.status_code == 409
    assert "Olli has saved version 2" in answer.content.decode() and "mine" in answer.content.decode()
    assert client.post(address("fat"), sent | {"seen_number": "2"}).status_code == 302
    assert ConfigVersion.objects.get(number=3).env == [{"name": "LEVEL", "value": "mine"}]


def test_a_mistake_stands_in_its_line(configured: Shop) -> None:
    sent = {"seen_number": "2", "env_name": ["OK", "2BAD"], "env_value": ["1", "2"]}
    answer = browse(configured, "dana").post(address("fat"), sent)
    assert answer.status_code == 400
    assert [row.get("is_wrong") for row in answer.context["rows"]][:2] == [False, True]
    assert "does not begin with a digit" in answer.content.decode()
