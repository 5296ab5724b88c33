"""What the tests of this app share."""

from __future__ import annotations

import pytest
from asgiref.sync import SyncToAsync

from releases.live import changes


@pytest.fixture(autouse=True)
def one_thread_for_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests have one SQLite in memory, where a reader's thread is refused while another writes, without waiting."""
    monkeypatch.setattr(changes, "_thread", SyncToAsync.single_thread_executor)
