"""A restore of the database leaves a gap in the audit that verification names; every other gap fails."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

import audit
from audit.chain import Head, read_head, record_restore, seal_events
from audit.models import AuditEvent, AuditLink
from audit.triggers import lifted
from audit.verification import verify
from foundation.problems import Invalid

pytestmark = [pytest.mark.security("changed-audit"), pytest.mark.django_db]


def act(count: int) -> None:
    for number in range(count):
        audit.record(audit.platform, "order.created", object_type="order", object_id=number)
    seal_events()


def lose_after(kept: int) -> None:
    """The database as a backup has it that was taken after so many links."""
    with lifted():
        links = AuditLink.objects.filter(sequence__gt=kept)
        AuditEvent.objects.filter(pk__in=[link.event_id for link in links]).delete()
        links.delete()


def restored(*, kept: int = 3, lost: int = 4) -> tuple[str, str]:
    """Heads within and at the end of what a restore lost; the restore is recorded and work went on."""
    act(kept + lost - 1)
    within = str(read_head())
    act(1)
    known = str(read_head())
    lose_after(kept)
    record_restore(known_head=known, facts={"epoch": 7})
    act(2)
    return within, known


def test_the_gap_of_a_restore_is_named_and_is_no_problem() -> None:
    within, known = restored()
    for head in ("", within, known):
        result = verify(known_head=head)
        assert result.is_whole, result.problem
        (gap,) = result.restored
        assert (gap.kept.sequence, gap.known.sequence) == (3, 7)
    output = StringIO()
    call_command("audit_verify", head=known, stdout=output)
    assert "Restored: links 4 to 7" in output.getvalue()
    assert "The audit log is whole" in output.getvalue()


def test_a_head_later_than_the_one_that_the_restore_was_told_fails() -> None:
    restored()
    act(5)
    foreign = Head(8, "0" * 64)
    assert verify(known_head=str(foreign)).problem == "Link 8 is not the one that the known head names."
    with pytest.raises(CommandError, match="NOT whole"):
        call_command("audit_verify", head="99:" + "0" * 64, stdout=StringIO())


def test_another_mac_of_the_head_that_the_restore_was_told_fails() -> None:
    _within, known = restored()
    sequence = known.partition(":")[0]
    assert not verify(known_head=f"{sequence}:{'0' * 64}").is_whole


def test_links_that_are_cut_off_after_the_restore_fail() -> None:
    restored()
    act(3)
    newest = str(read_head())
    lose_after(read_head().sequence - 2)
    assert "The chain ends" in verify(known_head=newest).problem


def test_a_restore_that_was_cut_out_of_the_chain_fails() -> None:
    _within, known = restored()
    with lifted():
        AuditEvent.objects.filter(verb="platform.restored").delete()
    result = verify(known_head=known)
    assert "is missing" in result.problem
    assert result.restored == ()


def test_a_restore_without_a_head_explains_no_gap() -> None:
    act(5)
    known = str(read_head())
    lose_after(2)
    record_restore(known_head="", facts={})
    assert verify().is_whole
    assert not verify(known_head=known).is_whole


def test_what_the_backup_had_not_sealed_is_sealed_before_the_gap_begins() -> None:
    act(2)
    audit.record(audit.platform, "order.created", object_type="order", object_id=9)
    assert record_restore(known_head="", facts={}).sequence == 3
    event = AuditEvent.objects.get(verb="platform.restored")
    assert event.after is not None
    assert event.after["kept_head"].startswith("3:")
    assert event.after["last_event"] == event.pk - 1


@pytest.mark.parametrize("head", ["2:" + "0" * 64, "nonsense", "x:1"])
def test_a_head_of_another_log_is_refused_and_nothing_is_recorded(head: str) -> None:
    act(3)
    with pytest.raises(Invalid):
        record_restore(known_head=head, facts={})
    assert not AuditEvent.objects.filter(verb="platform.restored").exists()
