"""The verdict on a rollout that begins now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deployer.interfaces import Verdict
from deployer.verdict import judge
from tests.contract.cluster_stand_in import Bench


def judge_now(bench: Bench, selector: str, name: str, generation: int, mark: str, *, ahead_seconds: int = 0) -> Verdict:
    """What it is worth, with a deadline of a minute, now or so many seconds ahead."""
    now = datetime.now(UTC) + timedelta(seconds=ahead_seconds)
    return judge(
        bench.client.observe(bench.namespace, selector),
        name=name,
        applied_generation=generation,
        deployment_mark=mark,
        now=now,
        started_at=now,
        last_progress_at=now,
        deadline_seconds=60,
    )
