"""How far a rollout is against what is usual here."""

from __future__ import annotations

from dataclasses import dataclass

from releases.models import Deployment
from releases.views.shown.usual import percent_of, seconds_between, usual_rollout


@dataclass(frozen=True)
class Pace:
    """Seconds. ``elapsed`` since the cluster accepted it; ``usual`` and ``left`` are None where nobody knows."""

    elapsed: int | None
    usual: int | None
    left: int | None
    percent: int
    is_late: bool


def pace_of(deployment: Deployment) -> Pace:
    """One query."""
    usual = usual_rollout(deployment.component_id, deployment.space_id)
    end = deployment.finished_at
    elapsed = seconds_between(deployment.applied_at or (deployment.created_at if end else None), end)
    known = elapsed if elapsed is not None else 0
    left = None if usual is None or not deployment.is_active else max(0, usual - known)
    is_late = deployment.is_active and usual is not None and known > 2 * usual + 10
    return Pace(elapsed, usual, left, percent_of(known, usual), is_late)
