"""Entry checks: what may be typed, which version counts where, who may, and where Services are asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from audit.models import AuditEvent
from components.entry_words import summary_of
from components.history import changes_of
from components.models import EntryCheck
from components.selectors import current_entry_check, spaces_asking_services
from components.services import save_entry_check
from environments.selectors.places import account_manifest_of
from foundation.problems import Denied, Invalid, Refused, Stale
from tests.components.conftest import Shop

SERVICE = {"kind": "service", "port": "http", "path": "/healthz"}
URL = {"kind": "url", "url": "https://1.1.1.1/healthz", "statuses": "200, 300-399", "text": "ok"}


def save(shop: Shop, values: dict[str, Any], place: str = "", **more: Any) -> EntryCheck:
    environment = shop.world.environments[place] if place else None
    return save_entry_check(
        actor=more.pop("actor", shop.world.olli), component=shop.component, environment=environment,
        values=values, **more,
    )  # fmt: skip


def browse(shop: Shop, who: str) -> Client:
    client = Client()
    client.force_login(shop.world.people[who])
    return client


def counts(shop: Shop, place: str) -> EntryCheck | None:
    return current_entry_check(shop.component, shop.world.environments[place])


def test_the_general_one_counts_where_there_is_no_own(shop: Shop) -> None:
    assert counts(shop, "fat") is None
    general = save(shop, SERVICE)
    own = save(shop, URL, "prd")
    assert counts(shop, "fat") == general and counts(shop, "prd") == own
    save(shop, {"kind": "none"}, "uat")
    assert counts(shop, "uat") is None, "asked nowhere but here"
    save(shop, {"kind": "everywhere"}, "prd")
    assert counts(shop, "prd") == general


def test_what_means_nothing_for_the_kind_is_not_kept(shop: Shop) -> None:
    row = save(shop, {**SERVICE, "url": "https://x.example/", "patience_seconds": "90"})
    assert (row.url, row.port, row.path, row.patience_seconds) == ("", "http", "/healthz", 90)
    assert save(shop, {"kind": "service"}).path == "/"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": ""}, "kind"),
        ({"kind": "everywhere"}, "kind"),
        ({"kind": "exec"}, "kind"),
        ({"kind": "url"}, "url"),
        ({"kind": "url", "url": "app.corp.example/healthz"}, "url"),
        ({"kind": "url", "url": "ftp://1.1.1.1/"}, "url"),
        ({"kind": "url", "url": "http://1.1.1.1/"}, "url"),
        ({"kind": "url", "url": "https://10.0.0.1/"}, "url"),
        ({"kind": "url", "url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"kind": "url", "url": "https://[::1]/"}, "url"),
        ({"kind": "url", "url": "https://user:word@1.1.1.1/"}, "url"),
        ({"kind": "url", "url": "https://1.1.1.1/?password=geheim123x"}, "url"),
        ({"kind": "url", "url": "https://1.1.1.1/#part"}, "url"),
        ({**SERVICE, "port": "0"}, "port"),
        ({**SERVICE, "port": "65536"}, "port"),
        ({**SERVICE, "port": "ht tp"}, "port"),
        ({**SERVICE, "port": "http/../x"}, "port"),
        ({**SERVICE, "path": "healthz"}, "path"),
        ({**SERVICE, "path": "/../../secrets"}, "path"),
        ({**SERVICE, "path": "/%2e%2e/x"}, "path"),
        ({**SERVICE, "path": "//elsewhere.example/"}, "path"),
        ({**SERVICE, "path": "/a b"}, "path"),
        ({**SERVICE, "statuses": "2xx"}, "statuses"),
        ({**SERVICE, "statuses": "299-200"}, "statuses"),
        ({**SERVICE, "statuses": "99"}, "statuses"),
        ({**SERVICE, "statuses": "200,,204"}, "statuses"),
        ({**SERVICE, "header": "not a name: x"}, "header"),
        ({**SERVICE, "text": "x" * 201}, "text"),
        ({**SERVICE, "patience_seconds": "0"}, "patience_seconds"),
        ({**SERVICE, "patience_seconds": "3601"}, "patience_seconds"),
        ({**SERVICE, "patience_seconds": "1m"}, "patience_seconds"),
    ],
)
def test_what_cannot_be_asked_is_told_at_its_field(
    shop: Shop, values: dict[str, Any], field: str, settings: LazySettings
) -> None:
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(Invalid) as caught:
        save(shop, values)
    assert set(caught.value.fields) == {field}
    assert not EntryCheck.objects.exists()


def test_an_administrator_opens_addresses(shop: Shop, settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOW = ["http", "10.0.0.0/8"]
    assert save(shop, {"kind": "url", "url": "http://10.0.0.1:8080/healthz"}).url == "http://10.0.0.1:8080/healthz"


def test_versions_are_kept_audited_and_told(shop: Shop) -> None:
    save(shop, SERVICE, note="a first one")
    assert save(shop, SERVICE, seen_number=1).number == 1, "nothing changed"
    save(shop, {**SERVICE, "text": "ready"}, seen_number=1)
    with pytest.raises(Stale):
        save(shop, URL, seen_number=1)
    newest, first = [change for change in changes_of(shop.component) if isinstance(change.row, EntryCheck)]
    assert str(newest.what) == "Entry check of every environment, version 2" and first.row.note == "a first one"
    assert [(str(one.label), one.before, one.after) for one in newest.fields] == [("Expected text", "", "ready")]
    told = AuditEvent.objects.filter(verb="save_entry_check")
    assert told.count() == 2


def test_who_sets_allocations_sets_entry_checks(shop: Shop) -> None:
    with pytest.raises(Denied):
        save(shop, SERVICE, actor=shop.world.dana)
    with pytest.raises(Denied):
        save(shop, SERVICE, "fat", actor=shop.world.tess)
    shop.component.is_archived = True
    with pytest.raises(Refused):
        save(shop, SERVICE)


def test_services_are_asked_only_in_spaces_where_one_counts(shop: Shop) -> None:
    spaces = {slug: shop.world.spaces[slug] for slug in ("fat", "uat", "prd")}
    ids = {space.pk: slug for slug, space in spaces.items()}
    assert not spaces_asking_services(ids)
    save(shop, SERVICE, "fat")
    assert {ids[pk] for pk in spaces_asking_services(ids)} == {"fat"}
    save(shop, SERVICE)
    for place in ("fat", "prd", "drp"):
        save(shop, {"kind": "none"}, place)
    assert {ids[pk] for pk in spaces_asking_services(ids)} == {"uat"}
    manifest = account_manifest_of(shop.world.ada, spaces["uat"].cluster)
    assert manifest.count("services/proxy") == 1, "in one namespace"


def test_it_reads_as_one_line(shop: Shop) -> None:
    assert summary_of(save(shop, SERVICE)) == "Service, http /healthz → 200-399 · 60 s"
    assert summary_of(save(shop, URL, "prd")) == "https://1.1.1.1/healthz → 200, 300-399 · “ok” · 60 s"


def test_the_form_saves_and_shows_what_is_wrong(shop: Shop) -> None:
    base = f"/components/{shop.component.project.slug}/{shop.component.slug}/"
    client = browse(shop, "olli")
    page = client.get(base + "edit/").content.decode()
    assert "nothing: ready pods are enough" in page and base + "entry-check/prd/" in page
    assert 'value="everywhere"' not in client.get(base + "entry-check/").content.decode()
    wrong = client.post(base + "entry-check/prd/", {**SERVICE, "path": "x", "seen_number": "0"})
    assert wrong.status_code == 400 and "A path begins with /" in wrong.content.decode()
    fine = client.post(base + "entry-check/prd/", {**SERVICE, "seen_number": "0", "note": "as agreed"}, follow=True)
    assert "The entry check is version 1" in fine.content.decode()
    assert "Service, http /healthz → 200-399 · 60 s" in fine.content.decode()
    assert browse(shop, "dana").get(base + "entry-check/").status_code == 403


def test_a_form_that_was_overtaken_shows_theirs_and_can_be_saved_again(shop: Shop) -> None:
    url = f"/components/{shop.component.project.slug}/{shop.component.slug}/entry-check/"
    client = browse(shop, "olli")
    save(shop, {**SERVICE, "text": "theirs"})
    answer = client.post(url, {**SERVICE, "path": "/mine", "seen_number": "0"})
    text = answer.content.decode()
    assert answer.status_code == 409 and "has saved version 1: yours was not saved" in text
    assert "Service, http /healthz → 200-399 · “theirs” · 60 s" in text and 'value="/mine"' in text
    again = {bound.html_name: bound.value() or "" for bound in answer.context["form"]}
    assert client.post(url, again).status_code == 302
    assert EntryCheck.objects.get(component=shop.component, number=2).path == "/mine"


def test_the_api_has_the_same(shop: Shop) -> None:
    client = browse(shop, "olli")
    base = f"/api/v1/components/{shop.component.project.slug}/{shop.component.slug}/"
    saved = client.put(base + "entry-checks/", {**SERVICE, "patience_seconds": 30}, content_type="application/json")
    assert saved.status_code == 200 and saved.json()["environment"] is None
    own = client.put(base + "entry-checks/prd/", URL, content_type="application/json").json()
    assert (own["environment"], own["number"], own["text"]) == ("prd", 1, "ok")
    listed = client.get(base + "entry-checks/").json()["items"]
    assert {row["environment"] for row in listed} == {None, "prd"}
    assert len(client.get(base).json()["entry_checks"]) == 2
    refused = client.put(base + "entry-checks/", {**SERVICE, "statuses": "many"}, content_type="application/json")
    assert refused.status_code == 400 and "statuses" in refused.content.decode()
    assert (
        client.put(base + "entry-checks/", {**SERVICE, "script": "x"}, content_type="application/json").status_code
        == 400
    )
    assert client.put(base + "entry-checks/nope/", URL, content_type="application/json").status_code == 404
