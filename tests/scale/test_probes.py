"""The probes of breakers, taken by two processes at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models.functions import Now

from foundation import breakers
from foundation.models import Remote
from foundation.runs import kinds
from foundation.runs.engine import Lease, claim
from tests.foundation.probe.models import ProbeRun


def test_two_claims_that_take_two_probes_never_wait_for_each_other(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for remote in ("jenkins:1", "jenkins:2", "jenkins:2", "jenkins:1"):
        ProbeRun.objects.create(script=["again"], remote=remote)
    for name in ("jenkins:1", "jenkins:2"):
        breakers.trip(name, "gone", was_probe=False)
    Remote.objects.update(probe_at=Now())
    real, has_asked, both_asked = breakers.take_probe, threading.local(), threading.Barrier(2)

    def ask_together(name: str) -> bool:
        """Each thread stops after its first probe until the other has one too."""
        won = real(name)
        if not getattr(has_asked, "once", False):
            has_asked.once = True
            both_asked.wait(20)
        return won

    monkeypatch.setattr(breakers, "take_probe", ask_together)

    def claim_two(owner: str) -> list[Lease]:
        try:
            return claim(kinds.get("probe"), owner=owner, limit=2)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        leases = [lease for found in pool.map(claim_two, ["one/1", "two/1"]) for lease in found]
    assert sorted(lease.remote for lease in leases if lease.is_probe) == ["jenkins:1", "jenkins:2"]
    assert len(leases) == 2, "nothing but probes goes to a remote that is away"
