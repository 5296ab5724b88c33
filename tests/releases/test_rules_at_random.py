"""Nothing reaches production past the rules in force, in each order in which people act and time passes.

A state machine of Hypothesis: 15 schedules, 300 with ``FULL=1``. A failure is made smaller before it is told.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.cast import World
from tests.releases.random_acts import do_one
from tests.releases.random_desk import Desk

SCHEDULES = 300 if os.environ.get("FULL") else 15
LENGTH = 14
TOLD = {
    "approval.given", "break_glass.opened", "deployment.queued", "member.ended", "rule_change.in_force",
    "rule_change.proposed",
}  # fmt: skip
"""What fifteen schedules do at least once."""
if SCHEDULES > 15:
    # Too rare for fifteen: their own tests make sure of them there.
    TOLD |= {
        "break_glass.expired", "break_glass.reviewed", "deployed under break-glass", "deployment.released",
        "refused at its turn", "turn.waiting",
    }  # fmt: skip
KINDS = ("rules", "rules", "people", "clock", "flow", "deployments", "deployments", "break-glass")
"""What acts are about. One rule for all of them: Hypothesis leaves out some of many rules in each schedule."""


class Production(RuleBasedStateMachine):
    """People, clocks, rule changes, revocations and break-glass; who does it to what is drawn within."""

    desk: Desk

    def __init__(self, world: World, done: Counter[str]) -> None:
        super().__init__()
        self.world, self.told = world, done
        self.undone = transaction.atomic()
        self.undone.__enter__()

    @initialize(chance=st.randoms(use_true_random=True))
    def begin(self, chance: random.Random) -> None:
        self.desk = Desk(self.world, chance)

    @rule(about=st.sampled_from(KINDS))
    def somebody_acts(self, about: str) -> None:
        do_one(self.desk, about)

    @rule()
    def an_order_goes_all_the_way(self) -> None:
        """By people who mostly may; something else comes between its acts."""
        for act in self.desk.release(lambda: do_one(self.desk)):
            act()
            self.desk.ensure_rules()

    @invariant()
    def the_rules_hold(self) -> None:
        if hasattr(self, "desk"):
            self.desk.ensure_rules()

    def teardown(self) -> None:
        """The chain is whole; then all of it is undone."""
        try:
            if hasattr(self, "desk"):
                self.desk.end()
                self.told.update(self.desk.done)
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)


@pytest.mark.slow
@pytest.mark.security("skipped-steps")
@pytest.mark.timeout(3600 if SCHEDULES > 15 else 600)
def test_nothing_reaches_production_past_the_rules_in_force(world: World) -> None:
    done: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: Production(world, done),
        settings=settings(
            max_examples=SCHEDULES, stateful_step_count=LENGTH, derandomize=True, database=None, deadline=None,
            phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert set(done) >= TOLD, f"never done: {sorted(TOLD - set(done))}; done: {sorted(done.items())}"
