"""Nothing reaches production past the rules in force, in each order in which people act.

Fifteen schedules, 300 with ``FULL=1``; a failure tells its number and what it did.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from django.db import transaction

from tests.cast import World
from tests.releases.random_desk import Desk

SCHEDULES = 300 if os.environ.get("FULL") else 15
TOLD = {
    "approval.given", "break_glass.opened", "break_glass.reviewed", "deployment.queued", "deployment.released",
    "member.ended", "refused at its turn",
    "rule_change.in_force", "rule_change.proposed", "turn.waiting",
}  # fmt: skip
"""What fifteen schedules do at least once."""
if SCHEDULES > 15:
    # Too rare for fifteen: their own tests make sure of them there.
    TOLD |= {"break_glass.expired", "deployed under break-glass"}


@pytest.mark.slow
@pytest.mark.security("skipped-steps")
@pytest.mark.timeout(3600 if SCHEDULES > 15 else 600)
def test_nothing_reaches_production_past_the_rules_in_force(world: World) -> None:
    done: Counter[str] = Counter()
    for seed in range(SCHEDULES):
        with transaction.atomic():
            desk = Desk(world, random.Random(seed))
            try:
                desk.run()
            except BaseException as error:
                error.add_note(f"Schedule {seed}:\n" + "\n".join(desk.story))
                raise
            done += desk.done
            transaction.set_rollback(True)
    assert set(done) >= TOLD, f"never done: {sorted(TOLD - set(done))}; done: {sorted(done.items())}"
