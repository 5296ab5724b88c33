"""The audit: page, API, exports and the last check, by right, in few queries and in the words of who reads."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

import audit
from audit import exports
from audit.chain import seal_events
from audit.choices import Outcome
from audit.models import AuditCheck, AuditEvent
from audit.triggers import lifted
from desk import audit_files
from desk.audit_rows import act_of
from foundation.clock import db_now
from foundation.request_context import request_context
from foundation.runs.driving import drive
from foundation.streaming import one_by_one
from tests.cast import World, browse

pytestmark = pytest.mark.django_db
ORDER = "K8S20261120110200QT"


@pytest.fixture
def rows(world: World) -> World:
    with request_context(number="REQ7REQ7RE", address="10.0.0.9"):
        audit.record(
            world.dana, "order.created", object_type="order", object_id=1, object_name=ORDER, project="sis-omm",
            after={"branch": "master"},
        )  # fmt: skip
    audit.record(
        world.petra, "space.policy_changed", object_type="space", object_name="PRD", project="sis-omm",
        environment="prd", before={"approvals_needed": 2, "four_eyes": True}, after={"approvals_needed": 1},
        reason="quarter",
    )  # fmt: skip
    audit.record(world.olli, "api POST", object_type="request", object_name="/x", outcome=Outcome.REFUSED, reason="no")
    audit.record(world.ada, "project.created", object_type="project", object_name="Other", project="other")
    return world


def shown(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/audit/{query}")
    assert answer.status_code == 200
    return [row.event.verb for row in answer.context["rows"]]


@pytest.mark.parametrize("name", ["uma", "ada"])
def test_auditors_and_platform_administrators_see_everything(rows: World, name: str) -> None:
    assert set(shown(browse(rows, name))) >= {"order.created", "space.policy_changed", "api POST", "project.created"}


def test_a_project_administrator_sees_the_own_project(rows: World) -> None:
    client = browse(rows, "petra")
    assert shown(client) == ["space.policy_changed", "order.created"]
    assert shown(client, "?project=other") == []
    items = client.get("/api/v1/audit/events/").json()["items"]
    assert [item["verb"] for item in items] == ["space.policy_changed", "order.created"]


@pytest.mark.security("rights-on-every-way-in")
@pytest.mark.parametrize("name", ["dana", "tess", "olli", "otto"])
@pytest.mark.parametrize("path", ["/audit/", "/audit/export/", "/api/v1/audit/events/", "/api/v1/audit/exports/"])
def test_others_are_refused_and_told_whom_to_ask(rows: World, name: str, path: str) -> None:
    answer = browse(rows, name).get(path)
    assert answer.status_code == 403
    assert "Uma" in answer.content.decode()
    assert 'href="/audit/"' not in browse(rows, name).get("/").content.decode()


def test_the_auditor_begins_at_the_audit_and_comes_home_by_the_rail(rows: World) -> None:
    client = browse(rows, "uma")
    assert client.get("/")["Location"] == "/audit/"
    assert client.get("/").status_code == 200
    assert browse(rows, "ada").get("/").status_code == 200


@pytest.mark.parametrize(
    ("query", "verbs"),
    [
        ("?verb=order", ["order.created"]),
        ("?verb=space.policy_changed", ["space.policy_changed"]),
        ("?verb=ord", []),
        ("?actor=dana", ["order.created"]),
        ("?actor=Petra", ["space.policy_changed"]),
        ("?project=sis-omm", ["space.policy_changed", "order.created"]),
        ("?environment=prd", ["space.policy_changed"]),
        (f"?subject={ORDER.lower()}", ["order.created"]),
        ("?subject=REQ7REQ7RE", ["order.created"]),
        ("?outcome=refused", ["api POST"]),
        ("?since=2001-01-01&until=2001-01-02", []),
    ],
)
def test_filters(rows: World, query: str, verbs: list[str]) -> None:
    assert shown(browse(rows, "uma"), query) == verbs
    items = browse(rows, "uma").get(f"/api/v1/audit/events/{query}").json()["items"]
    assert [item["verb"] for item in items] == verbs


def test_a_day_that_is_none_narrows_no_page_and_is_refused_by_the_api(rows: World) -> None:
    client = browse(rows, "uma")
    assert shown(client, "?since=nonsense&verb=order") == ["order.created"]
    answer = client.get("/api/v1/audit/events/?since=nonsense")
    assert answer.status_code == 400 and "since" in answer.json()["fields"]


def test_days_are_of_the_viewers_zone_and_both_count(rows: World) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    rows.people["uma"].time_zone = str(zone)
    rows.people["uma"].save()
    client = browse(rows, "uma")
    today = AuditEvent.objects.get(verb="order.created").at.astimezone(zone).date()
    around = [today + timedelta(days=days) for days in (-1, 0, 1)]
    found = [shown(client, f"?verb=order&since={day}&until={day}") for day in around]
    assert found == [[], ["order.created"], []]


def test_before_and_after_are_in_the_readers_language(rows: World) -> None:
    rows.people["uma"].language = "zh-hans"
    rows.people["uma"].save()
    text = browse(rows, "uma").get("/audit/?verb=space").content.decode()
    assert "空间 · 策略已修改" in text
    assert "approvals_needed" not in text
    row = browse(rows, "uma").get("/audit/?verb=space").context["rows"][0]
    assert ("2", "1") in [(change.before, change.after) for change in row.changes]
    assert ("是", "–") in [(change.before, change.after) for change in row.changes]


def test_a_verb_without_words_stands_as_it_is() -> None:
    assert act_of("odd.thing_done") == "odd · thing done"
    assert act_of("odd") == "odd"


def test_keyset_pages_in_the_same_few_queries(rows: World) -> None:
    client = browse(rows, "uma")
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = client.get("/audit/")
        counts.append(len(queries))
        assert not [one for one in queries if "COUNT(" in one["sql"].upper() and "audit" in one["sql"]]
        for number in range(120):
            audit.record(audit.platform, "order.created", object_type="order", object_name=f"K8S{number}")
    assert counts[0] == counts[1] <= 16
    page = client.get("/audit/").context["page"]
    assert len(page.items) == 50 and page.previous_cursor is None
    older = client.get(f"/audit/?before={page.next_cursor}").context["page"]
    assert older.items[0].pk == page.items[-1].pk - 1
    answer = client.get(f"/api/v1/audit/events/?before={page.next_cursor}&size=2").json()
    assert [item["id"] for item in answer["items"]] == [older.items[0].pk, older.items[1].pk]


def file_of(answer: Any, tmp_path: Path) -> Path:
    assert answer.status_code == 200
    path = tmp_path / "file"
    path.write_bytes(b"".join(answer.streaming_content))
    return path


@pytest.mark.security("changed-audit")
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("address", ["/audit/export/", "/api/v1/audit/exports/"])
def test_an_export_is_signed_checked_and_itself_audited(rows: World, tmp_path: Path, kind: str, address: str) -> None:
    seal_events()
    path = file_of(browse(rows, "uma").get(f"{address}?kind={kind}&project=sis-omm"), tmp_path)
    call_command("audit_check_export", path)
    assert exports.check_file(path)[0] == 2
    event = AuditEvent.objects.latest("pk")
    assert (event.verb, event.actor_name) == ("audit.exported", "Uma")
    assert event.after == {"kind": kind, "up_to": event.pk - 1, "filters": {"project": "sis-omm"}}
    whole = path.read_bytes()
    for spoilt in (
        whole.replace(b"master", b"mast3r"),
        whole.replace(b"rows", b"r0ws"),
        whole[:-20],
        b"",
        whole + b"x\n",
    ):
        path.write_bytes(spoilt)
        with pytest.raises(CommandError):
            call_command("audit_check_export", path)


@pytest.mark.security("changed-audit")
def test_a_file_of_another_key_or_log_is_told(rows: World, tmp_path: Path, settings: Any) -> None:
    seal_events()
    path = file_of(browse(rows, "uma").get("/audit/export/?kind=jsonl"), tmp_path)
    with lifted():
        AuditEvent.objects.all().delete()
        connection.cursor().execute("DELETE FROM audit_auditlink")
    with pytest.raises(CommandError, match="this log has no link"):
        call_command("audit_check_export", path)
    settings.AUDIT_KEY = "another"
    with pytest.raises(CommandError, match="another AUDIT_KEY"):
        call_command("audit_check_export", path)


@pytest.mark.security("forged-lines")
def test_no_cell_is_a_formula_and_each_row_is_a_line(world: World, tmp_path: Path) -> None:
    given = {
        "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "a\nb": "a b", "a\u2028b": "a b",
        # As East Asian input methods type them, and behind what is not seen.
        "＝1+1": "'＝1+1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x", "﹦1": "'﹦1",
        "\u3000=1": "'\u3000=1", "\ufeff=1": "'\ufeff=1", "\u200b＝1": "'\u200b＝1", "\n=1": "' =1",
        "a=1": "a=1", "1-1": "1-1", "": "", " ": " ",
    }  # fmt: skip
    for text in given:
        audit.record(world.dana, "x.done", object_type="x", object_name=text, reason=text, project="sis-omm")
    path = file_of(browse(world, "uma").get("/audit/export/?verb=x"), tmp_path)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    table = list(csv.DictReader(lines[:-1]))
    assert [row["object_name"] for row in table] == list(given.values())
    assert [row["reason"] for row in table] == [row["object_name"] for row in table]


def test_json_lines_hold_the_rows_whole(rows: World, tmp_path: Path) -> None:
    path = file_of(browse(rows, "uma").get("/audit/export/?kind=jsonl&verb=space"), tmp_path)
    row, trailer = (json.loads(line) for line in path.read_text().splitlines())
    assert (row["before"], row["after"]) == ({"approvals_needed": 2, "four_eyes": True}, {"approvals_needed": 1})
    assert trailer[exports.TRAILER]["rows"] == 1


def test_an_unknown_kind_of_file_is_refused_and_nothing_is_recorded(rows: World) -> None:
    assert browse(rows, "uma").get("/api/v1/audit/exports/?kind=xls").status_code == 400
    assert not AuditEvent.objects.filter(verb="audit.exported").exists()


@pytest.mark.security("floods")
def test_an_export_holds_one_chunk_at_once_under_asgi_too(rows: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    sizes = [len(chunk) for chunk in exports.rows_of(AuditEvent.objects.all())]
    assert max(sizes) == 2 and sum(sizes) == AuditEvent.objects.count()
    request = RequestFactory().get("/")
    assert isinstance(audit_files.response(request, iter(["a"]), "csv"), StreamingHttpResponse)

    async def read() -> list[str]:
        return [piece async for piece in one_by_one(iter(["a", "b"]))]

    assert asyncio.run(read()) == ["a", "b"]


def test_the_badge_says_what_the_last_check_found(rows: World) -> None:
    seal_events()
    client = browse(rows, "uma")
    assert "Not verified yet" in client.get("/audit/").content.decode()
    run = AuditCheck.objects.get()
    drive("audit-check", run.pk, until=lambda row: row.verified_at is not None)
    page = client.get("/audit/").content.decode()
    assert "Whole" in page and f"verified up to row {AuditCheck.objects.get().verified}" in page
    with lifted():
        AuditEvent.objects.filter(verb="order.created").update(actor_name="Nobody")
    AuditCheck.objects.update(verified_at=None)
    drive("audit-check", run.pk, until=lambda row: row.verified_at is not None)
    assert "was changed" in client.get("/audit/").content.decode()
    assert "was changed" in client.get("/api/v1/audit/check/").json()["problem"]
    AuditCheck.objects.update(verified_at=db_now() - timedelta(hours=3), problem="")
    assert "Verified long ago" in client.get("/audit/").content.decode()


def test_a_long_log_is_verified_some_links_a_pass(rows: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.steps.LINKS_A_PASS", 2)
    seal_events()
    run = AuditCheck.objects.get()
    assert drive("audit-check", run.pk, until=lambda row: row.checked == 2).verified_at is None
    row = drive("audit-check", run.pk, until=lambda row: row.verified_at is not None)
    assert (row.problem, row.checked) == ("", 0) and row.verified >= 4


@pytest.mark.parametrize("path", ["/audit/check/", "/api/v1/audit/check/"])
def test_a_check_is_asked_for_by_who_may_and_is_audited(rows: World, path: str) -> None:
    wakes = AuditCheck.objects.get().wakes
    assert browse(rows, "petra").post(path).status_code == 403
    assert AuditCheck.objects.get().wakes == wakes
    assert browse(rows, "uma").post(path).status_code in (204, 302)
    assert AuditCheck.objects.get().wakes == wakes + 1
    assert AuditEvent.objects.filter(verb="audit.check_asked", actor_name="Uma").count() == 1
