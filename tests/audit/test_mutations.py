"""Somebody writes the tables themselves: with the key or without it, the verification names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

import audit
from audit.chain import new_links, read_head, seal_events, stored, unsealed_events
from audit.heads import START, Head, keep_head
from audit.marks import CONTENT, digest_of_values, mark_fits, new_mark
from audit.models import AuditEvent, AuditLink, SealRun
from audit.triggers import guard_faults, install, lifted
from audit.verification import verify
from foundation.clock import db_now
from foundation.runs.driving import drive

pytestmark = pytest.mark.security("changed-audit")


def record(name: str) -> AuditEvent:
    return audit.record(audit.platform, "order.created", object_type="order", object_id=name, after={"name": name})


@pytest.fixture
def heads(settings: Any, tmp_path: Path) -> Path:
    """Five sealed events and one that waits; each head is in the file, as the sealing run keeps it."""
    settings.AUDIT_HEADS_FILE = str(tmp_path / "outside" / "heads.log")
    for name in "12345":
        record(name)
        seal_events()
        keep_head(read_head(), db_now())
    record("6")
    return Path(settings.AUDIT_HEADS_FILE)


def event(name: str) -> Any:
    return AuditEvent.objects.filter(object_id=name)


def values_of(row: AuditEvent) -> dict[str, Any]:
    return {name: getattr(row, name) for name in CONTENT}


def mark_again(row: AuditEvent) -> None:
    """What only somebody with the key can do."""
    digest = digest_of_values(values_of(row))
    if not mark_fits(row.mark, digest):
        AuditEvent.objects.filter(pk=row.pk).update(mark=new_mark(digest))


def seal_again() -> None:
    """The whole chain anew over what the table holds now, but for what was not sealed; needs the key."""
    waiting = set(unsealed_events().filter(object_id="6").values_list("pk", flat=True))
    AuditLink.objects.all().delete()
    rows = AuditEvent.objects.exclude(pk__in=waiting).order_by("pk")
    AuditLink.objects.bulk_create(new_links(Head(0, START), stored(rows)))


def flip() -> None:
    event("3").update(actor_name="Somebody else")


def drop() -> None:
    AuditLink.objects.filter(event_id=event("3").get().pk).delete()
    event("3").delete()


def insert() -> None:
    """Between the second and the third: the later ids move up, as one would who has the table to himself."""
    for name in "6543":
        event(name).update(id=event(name).get().pk + 1)
    AuditLink.objects.filter(sequence__gte=3).delete()
    row = event("2").get()
    AuditEvent.objects.create(**values_of(row) | {"object_id": "forged"}, pk=row.pk + 1, mark="0" * 16 + ".x")


def reorder() -> None:
    third, fourth = event("3").get().pk, event("4").get().pk
    event("3").update(id=10**9)
    event("4").update(id=third)
    event("3").update(id=fourth)


def cut() -> None:
    AuditLink.objects.filter(sequence__gt=3).delete()
    for name in "456":
        event(name).delete()


def delete_all() -> None:
    AuditLink.objects.all().delete()
    AuditEvent.objects.all().delete()


@dataclass(frozen=True)
class Mutation:
    act: Callable[[], None]
    named: str
    named_with_key: str


MUTATIONS = {
    "flip": Mutation(flip, r"Event \d+ of link 3 was changed", "Links 3 to 3 are not those that were sealed"),
    "drop": Mutation(drop, "Link 3 is missing", "Links 3 to 3 are not those that were sealed"),
    "insert": Mutation(insert, "chain ends at link 2", "Links 3 to 3 are not those that were sealed"),
    "reorder": Mutation(reorder, r"Event \d+ of link 3 was changed", "Links 3 to 3 are not those that were sealed"),
    "cut": Mutation(cut, "The chain ends at link 3", "The chain ends at link 3"),
    "delete all": Mutation(delete_all, "The chain ends at link 0", "The chain ends at link 0"),
}


@pytest.mark.parametrize("has_key", [False, True], ids=["without the key", "with the key"])
@pytest.mark.parametrize("name", MUTATIONS)
def test_what_was_done_to_sealed_rows_is_named(db: None, heads: Path, name: str, has_key: bool) -> None:
    assert verify().is_whole
    mutation = MUTATIONS[name]
    with lifted():
        mutation.act()
        if has_key:
            for row in AuditEvent.objects.all():
                mark_again(row)
            seal_again()
    with pytest.raises(CommandError, match=mutation.named_with_key if has_key else mutation.named):
        call_command("audit_verify")


@pytest.mark.skipif("connection.vendor != 'sqlite'")
@pytest.mark.parametrize(("column", "value"), [("reason", "x'00ff'"), ("at", "'soon'"), ("at", "7"), ("mark", "x'00'")])
def test_what_is_of_another_kind_than_its_column_is_named(db: None, heads: Path, column: str, value: str) -> None:
    """SQLite takes anything in any column."""
    with lifted(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_auditevent SET {column} = {value} WHERE object_id = '3'")
    with pytest.raises(CommandError, match=r"Event \d+ of link 3 was changed"):
        call_command("audit_verify")


def test_the_first_head_that_does_not_fit_is_named_and_not_the_last(db: None, heads: Path) -> None:
    with lifted():
        flip()
        mark_again(event("3").get())
        seal_again()
    assert verify().broken_at == 3
    record("7")
    seal_events()
    keep_head(read_head(), db_now())
    assert verify().broken_at == 3, "heads that were kept since do not hide it"


FORGERIES: dict[str, Callable[[], Any]] = {
    "changed": lambda: event("6").update(verb="order.closed"),
    "its time": lambda: event("6").update(at=db_now() - timedelta(days=1)),
    "its place": lambda: event("6").update(environment="prd"),
    "what changed": lambda: event("6").update(after={"name": "7"}),
    "no mark": lambda: AuditEvent.objects.create(**values_of(event("6").get()), mark=""),
    "the mark of another": lambda: event("6").update(mark="x" + event("5").get().mark),
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("sealed", [False, True], ids=["not sealed", "sealed since"])
def test_a_row_that_nobody_recorded_is_named_before_and_after_it_is_sealed(
    db: None, heads: Path, name: str, sealed: bool
) -> None:
    with lifted():
        FORGERIES[name]()
    if sealed:
        seal_events()
    wanted = "was not recorded by the product" if sealed else "not sealed yet, was changed, or was not recorded"
    with pytest.raises(CommandError, match=wanted):
        call_command("audit_verify")


def test_a_copy_of_a_waiting_row_is_refused_by_the_table_and_named_without_its_index(db: None, heads: Path) -> None:
    row = event("6").get()
    with connection.cursor() as cursor:
        columns = ", ".join(f'"{name}"' for name in (*CONTENT, "mark"))
        (index,) = [
            name
            for name, one in connection.introspection.get_constraints(cursor, "audit_auditevent").items()
            if one["unique"] and one["columns"] == ["mark"]
        ]
        if connection.vendor != "sqlite":
            cursor.execute(f'ALTER TABLE audit_auditevent DROP CONSTRAINT "{index}"')
        else:
            cursor.execute("CREATE TABLE kept AS SELECT * FROM audit_auditevent")
            cursor.execute("DROP TABLE audit_auditevent")
            cursor.execute("ALTER TABLE kept RENAME TO audit_auditevent")
            columns = f"id, {columns}"
        values = columns.replace("id, ", f"{row.pk + 1}, ", 1) if columns.startswith("id") else columns
        cursor.execute(
            f"INSERT INTO audit_auditevent ({columns}) SELECT {values} FROM audit_auditevent WHERE id = {row.pk}"
        )
    problems = " ".join(verify().problems)
    assert "is a copy of another one" in problems
    assert "The unique index on mark" in problems


def test_a_link_before_the_first_hides_no_event(db: None, heads: Path) -> None:
    AuditLink.objects.create(sequence=-1, event_id=event("6").get().pk, previous_mac="", mac="")
    assert verify().problem == "There is a link -1 where link 1 must be."


def test_dropped_triggers_are_named(db: None, heads: Path) -> None:
    with lifted(), pytest.raises(CommandError, match="trigger audit_auditevent_no_update"):
        call_command("audit_verify")
    assert verify().is_whole


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_a_trigger_of_that_name_that_does_nothing_is_named(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_auditevent_no_update")
        cursor.execute(
            "CREATE TRIGGER audit_auditevent_no_update BEFORE UPDATE ON audit_auditevent BEGIN SELECT 1; END"
        )
    assert [fault.split()[2] for fault in guard_faults()] == ["audit_auditevent_no_update,"]
    with lifted():
        pass
    install()
    assert guard_faults() == []


def test_the_file_of_heads_is_kept_by_the_run_and_missed_when_it_is_gone(
    db: None, settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_HEADS_FILE = str(tmp_path / "heads.log")
    run = SealRun.objects.get()
    assert verify().is_whole, "nothing was ever kept"
    record("1")
    drive("audit-seal", run.pk, until=lambda row: row.head_logged_at is not None)
    file = Path(settings.AUDIT_HEADS_FILE)
    assert file.read_text().split()[-1] == str(read_head())
    copy = file.rename(tmp_path / "copy.log")
    assert "is gone" in verify().problem
    assert verify(heads=copy).is_whole
    SealRun.objects.update(head_logged_at=db_now() - timedelta(minutes=2))
    drive("audit-seal", run.pk, until=lambda row: file.exists())
    assert AuditEvent.objects.filter(verb="audit.heads_begun_anew").count() == 1
    assert verify().is_whole


@pytest.mark.parametrize("line", ["nonsense", "2026-01-01T00:00:00.000000Z 3", "x" * 500])
def test_a_line_that_is_no_head_is_named(db: None, heads: Path, line: str) -> None:
    with heads.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(CommandError, match=r"Line 6 of .* is no head"):
        call_command("audit_verify")


def test_a_folder_that_takes_no_file_does_not_stop_the_sealing(
    db: None, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    settings.AUDIT_HEADS_FILE = str(tmp_path / "file" / "heads.log")
    record("1")
    drive("audit-seal", SealRun.objects.get().pk, until=lambda row: row.head_logged_at is not None)
    assert read_head().sequence == 1
    assert "cannot be kept" in caplog.text


@pytest.mark.parametrize("answer", [200, 500, None])
def test_the_webhook_is_told_and_never_stands_in_the_way(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, answer: int | None
) -> None:
    told: list[dict[str, Any]] = []

    def post(_client: Any, url: str, *, json: dict[str, Any]) -> Any:
        import httpx

        told.append(json)
        if answer is None:
            raise httpx.ConnectError("no answer")
        return httpx.Response(answer, request=httpx.Request("POST", url))

    monkeypatch.setattr("audit.steps.httpx.Client.post", post)
    settings.AUDIT_HEADS_WEBHOOK = "http://127.0.0.1:1/heads"
    record("1")
    row = drive("audit-seal", SealRun.objects.get().pk, until=lambda row: row.head_logged_at is not None)
    assert row.head_logged_at
    assert [(one["sequence"], one["mac"]) for one in told] == [(1, read_head().mac)]
