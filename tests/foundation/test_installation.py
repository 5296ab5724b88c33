"""The installation's epoch: one while the database lives, a later one after each restore."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from foundation import installation
from foundation.installation import begin_epoch, current_epoch
from foundation.models import Installation

pytestmark = pytest.mark.django_db


def test_an_epoch_stays_until_the_next_begins() -> None:
    Installation.objects.all().delete()
    first = current_epoch()
    assert first == current_epoch() > 1_700_000_000
    assert begin_epoch() == current_epoch() > first


def test_a_backup_that_is_restored_twice_begins_two_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    backup = current_epoch()
    found = []
    for hours in (1, 2):
        Installation.objects.update(epoch=backup)
        now = datetime.now(UTC) + timedelta(hours=hours)
        monkeypatch.setattr(installation, "db_now", lambda now=now: now)
        found.append(begin_epoch())
    assert backup < found[0] < found[1]


def test_a_clock_that_went_back_does_not_take_the_epoch_back() -> None:
    Installation.objects.update(epoch=99_999_999_999)
    assert begin_epoch() == 100_000_000_000
