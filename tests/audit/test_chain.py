"""The audit log: stands or falls with the act, cannot be changed, and shows when it was."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction

import audit
from audit.chain import NEAR, read_head, seal_events, unsealed_events
from audit.choices import Outcome
from audit.exports import TRAILER
from audit.marks import PROOFS, TEXTS, digest_of_values, new_mark
from audit.models import AuditEvent, AuditLink, SealRun
from audit.triggers import install, lifted, remove, triggers_present
from audit.verification import verify
from foundation.clock import db_now
from foundation.request_context import request_context
from foundation.runs.driving import drive
from foundation.runs.engine import RunState


def record(number: int = 1) -> AuditEvent:
    return audit.record(audit.platform, "order.created", object_type="order", object_id=number, after={"n": number})


def insert(pk: int) -> AuditEvent:
    """As the product would have recorded it under that id."""
    values = {"at": db_now(), **dict.fromkeys(TEXTS, ""), **dict.fromkeys(PROOFS)} | {"actor_id": "a", "verb": "v"}
    return AuditEvent.objects.create(pk=pk, **values, mark=new_mark(digest_of_values(values)))


def test_an_event_says_who_what_where_and_under_which_request(db: None) -> None:
    with request_context(number="REQ7", address="10.0.0.9"):
        event = audit.record(
            audit.platform, "space.changed", object_type="space", object_id=3, object_name="PRD · SIS-OMM",
            project="sis-omm", environment="prd", outcome=Outcome.REFUSED, reason="four eyes",
            before={"approvals": 1}, after={"approvals": 2},
        )  # fmt: skip
    event.refresh_from_db()
    assert (event.actor_id, event.actor_name, event.verb, event.outcome) == (
        "platform", "Prism4k", "space.changed", "refused",
    )  # fmt: skip
    assert (event.object_id, event.request_number, event.address) == ("3", "REQ7", "10.0.0.9")
    assert (event.before, event.after) == ({"approvals": 1}, {"approvals": 2})


@pytest.mark.security("secrets-that-leak")
def test_secrets_do_not_get_in(db: None) -> None:
    event = audit.record(
        audit.platform, "cluster.changed", object_type="cluster", reason="token=abcdef-123456",
        after={"token": "abcdef-123456", "url": "https://u:abcdef-123456@host"},
    )  # fmt: skip
    event.refresh_from_db()
    assert "abcdef-123456" not in json.dumps([event.reason, event.after])


def test_an_act_that_is_rolled_back_leaves_no_event(db: None) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        record()
        raise RuntimeError
    assert not AuditEvent.objects.exists()


@pytest.mark.security("changed-audit")
def test_sealing_and_verifying(db: None) -> None:
    for number in range(5):
        record(number)
    assert not verify().checked and verify().unsealed == 5
    assert seal_events(limit=3) == 3 and seal_events() == 2 and seal_events() == 0
    result = verify()
    assert result.is_whole and (result.checked, result.unsealed) == (5, 0) and result.head == read_head()


def test_a_late_commit_with_a_lower_id_is_sealed(db: None) -> None:
    newer = record(1)
    assert seal_events() == 1
    # A transaction that took its id first and commits last.
    insert(newer.pk - 1)
    assert list(unsealed_events().values_list("pk", flat=True)) == [newer.pk - 1]
    assert seal_events() == 1 and verify().is_whole
    assert list(AuditLink.objects.values_list("event_id", flat=True)) == [newer.pk, newer.pk - 1]


def test_near_passes_leave_very_late_commits_to_the_sweep(db: None) -> None:
    newer = insert(50_000)
    assert seal_events(everywhere=False) == 1
    for pk in (newer.pk - NEAR + 1, newer.pk - NEAR - 1):
        insert(pk)
    assert seal_events(everywhere=False) == 1
    assert seal_events() == 1 and verify().is_whole


TAMPERINGS: dict[str, Callable[[], Any]] = {
    "verb": lambda: AuditEvent.objects.filter(object_id="2").update(verb="order.closed"),
    "after": lambda: AuditEvent.objects.filter(object_id="2").update(after={"n": 3}),
    "reason": lambda: AuditEvent.objects.filter(object_id="2").update(reason="x"),
    "actor": lambda: AuditEvent.objects.filter(object_id="2").update(actor_name="Somebody"),
    "outcome": lambda: AuditEvent.objects.filter(object_id="2").update(outcome="refused"),
    "address": lambda: AuditEvent.objects.filter(object_id="2").update(address="1.2.3.4"),
    "event deleted": lambda: AuditEvent.objects.filter(object_id="2").delete(),
    "link deleted": lambda: AuditLink.objects.filter(sequence=2).delete(),
    "mac": lambda: AuditLink.objects.filter(sequence=2).update(mac="0" * 64),
    "previous mac": lambda: AuditLink.objects.filter(sequence=2).update(previous_mac="0" * 64),
}


@pytest.mark.security("changed-audit")
@pytest.mark.parametrize("name", TAMPERINGS)
def test_any_tampering_is_found_at_its_link(db: None, name: str) -> None:
    for number in (1, 2, 3):
        record(number)
    seal_events()
    with lifted():
        TAMPERINGS[name]()
    result = verify()
    assert not result.is_whole and result.broken_at == 2 and result.checked == 1 and result.problem


@pytest.mark.security("changed-audit")
def test_a_time_that_was_changed_is_found(db: None) -> None:
    event = record()
    seal_events()
    with lifted(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditevent SET at = '2020-01-01 00:00:00+00:00' WHERE id = %s", [event.pk])
    assert verify().broken_at == 1


@pytest.mark.security("changed-audit")
def test_links_that_swap_their_events_are_found(db: None) -> None:
    first, second = record(1), record(2)
    seal_events()
    with lifted():
        AuditLink.objects.filter(event_id=first.pk).update(event_id=10**9)
        AuditLink.objects.filter(event_id=second.pk).update(event_id=first.pk)
        AuditLink.objects.filter(event_id=10**9).update(event_id=second.pk)
    assert verify().broken_at == 1


@pytest.mark.security("changed-audit")
def test_a_chain_that_was_cut_short_is_found_by_a_known_head(db: None) -> None:
    for number in (1, 2, 3):
        record(number)
    seal_events()
    head = str(read_head())
    assert verify(known_head=head).is_whole
    with lifted():
        AuditLink.objects.filter(sequence=3).delete()
        AuditEvent.objects.filter(object_id="3").delete()
    assert verify().is_whole
    assert "ends at link 2" in verify(known_head=head).problem
    record(4)
    seal_events()
    assert "not the one" in verify(known_head=head).problem


@pytest.mark.security("changed-audit")
def test_another_key_cannot_have_sealed_it(db: None, settings: Any) -> None:
    record()
    seal_events()
    settings.AUDIT_KEY = "another key"
    assert verify().broken_at == 1


@pytest.mark.security("changed-audit")
@pytest.mark.parametrize("rows", [AuditEvent.objects, AuditLink.objects], ids=["event", "link"])
@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_refuses_changes(db: None, rows: Any, act: str) -> None:
    record()
    seal_events()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.all().delete() if act == "delete" else rows.update(id=5)
    assert rows.count() == 1


@pytest.mark.security("changed-audit")
def test_missing_triggers_are_seen_and_put_back(db: None) -> None:
    assert triggers_present()
    remove()
    assert not triggers_present()
    call_command("migrate", verbosity=0)
    assert triggers_present()
    install()


def test_the_sealing_run_seals_and_logs_the_head(db: None, caplog: pytest.LogCaptureFixture) -> None:
    row = SealRun.objects.get()
    record()
    with caplog.at_level("INFO", logger="audit"):
        drive("audit-seal", row.pk, until=lambda row: row.head_logged_at is not None)
        drive("audit-seal", row.pk, until=lambda row: row.fence > 3)
    assert verify().checked == 1
    heads = [entry.getMessage() for entry in caplog.records if "Audit chain" in entry.getMessage()]
    assert heads == [f"Audit chain: 1 links, head {read_head().mac}."]
    row.refresh_from_db()
    assert row.state == RunState.QUEUED and row.singleton


def test_the_commands(db: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record(1)
    record(2)
    seal_events()
    record(3)
    call_command("audit_verify")
    assert f"2 events sealed, 1 waiting, head {read_head()}" in capsys.readouterr().out
    call_command("audit_export")
    text = capsys.readouterr().out
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line.get("sequence") for line in lines] == [1, 2, None]
    trailer = lines[-1][TRAILER]
    assert (trailer["rows"], trailer["head"]) == (2, str(read_head()))
    file = tmp_path / "audit.jsonl"
    file.write_text(text)
    call_command("audit_check_export", file)
    assert "as it was signed: 2 rows" in capsys.readouterr().out
    taken = AuditEvent.objects.get(verb="audit.exported")
    assert (taken.actor_id, taken.after) == ("platform", {"kind": "jsonl", "after": 0, "up_to": 2})
    assert lines[1]["previous_mac"] == lines[0]["mac"] and lines[0]["after"] == {"n": 1}
    call_command("audit_export", "--after", "1")
    assert len(capsys.readouterr().out.splitlines()) == 2
    with lifted():
        AuditEvent.objects.filter(object_id="1").update(verb="other")
    with pytest.raises(CommandError, match="NOT whole after 0 links"):
        call_command("audit_verify")


def test_sealers_and_recorders_at_once_make_one_whole_chain(shared_database: dict[str, str]) -> None:
    failures: list[BaseException] = []

    def work(act: Callable[[], Any]) -> None:
        try:
            for _ in range(15):
                try:
                    act()
                except DatabaseError:
                    continue  # a second sealer lost the race whole
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(act,)) for act in (record, record, record, seal_events, seal_events)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal_events()
    result = verify()
    assert not failures and result.is_whole and (result.checked, result.unsealed) == (45, 0)


def test_the_package_is_importable_before_the_models_are() -> None:
    program = "import audit, sys; sys.exit('audit.models' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
