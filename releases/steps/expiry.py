"""Within seconds: what is over by its time, or with somebody's right, is ended and says so on every page.

Until then nothing counts that is over: rules ask times and rights themselves, at the click and at the step.
"""

from __future__ import annotations

from environments.services.rule_changes import put_away_lapsed
from foundation.runs.lease import Again, Lease, Outcome
from releases.services.break_glass import expire_over
from releases.services.freeze_news import tell_pages_of_freezes
from releases.services.holds import expire_holds
from releases.services.schedules import end_vain_schedules
from releases.services.turns import end_vain

PAUSE_SECONDS = 2.0


def step(lease: Lease) -> Outcome:
    """One pass over what waits: few rows, found by indexes of what has not ended."""
    expire_over()
    put_away_lapsed()
    end_vain()
    end_vain_schedules()
    expire_holds()
    tell_pages_of_freezes()
    return Again(PAUSE_SECONDS)
