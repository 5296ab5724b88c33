"""After the database was restored from a backup: a new epoch, and no row that claims to know what it cannot know."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from audit.chain import record_restore
from foundation.installation import begin_epoch
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.wake import wake
from releases.choices import Reason, TurnState
from releases.locks import lock_orders, lock_place
from releases.models import Deployment, Placement, SpaceObservation
from releases.schedules import waiting_schedules
from releases.services.drp import stop_after_restore
from releases.services.schedules import end_each
from releases.transitions import end_run, end_turn
from releases.turns import waiting_turns


@transaction.atomic
def begin_after_restore(*, audit_head: str) -> dict[str, Any]:
    """Records the restore in the audit, begins the epoch, ends what was under way, forgets what was seen.

    ``audit_head`` (``SEQUENCE:MAC``) is the newest that logs or exports have, empty where nobody has one. Returns the
    facts that were recorded. Raises Invalid for a head of another log; nothing is changed then.
    """
    facts = {"epoch": begin_epoch()}
    kept = record_restore(known_head=audit_head, facts=facts)
    _end_turns()
    _end_schedules()
    stop_after_restore()
    ended = [_end(row) for row in Deployment.objects.filter(state__in=sorted(ACTIVE)).select_related("order", "space")]
    _forget_what_was_seen()
    return {**facts, "kept_head": str(kept), "ended": ended}


def _end_turns() -> None:
    """What they were decided on is not what runs: nothing is applied by itself after a restore."""
    message = _("The database was restored while it waited: review and deploy again.")
    for turn in waiting_turns().select_related("order__project", "placement__space__environment"):
        lock_place(turn.order, turn.placement.space)
        end_turn(turn, TurnState.CANCELLED, actor=None, message=message)


def _end_schedules() -> None:
    """What the cluster has by now nobody looked at when it was scheduled."""
    message = _("The database was restored before its time: review and schedule it again.")
    lock_orders(*waiting_schedules().values_list("order", flat=True))
    end_each(waiting_schedules(), actor=None, message=message, to=RunState.FAILED)


def _end(deployment: Deployment) -> str:
    """What became of it is on the cluster; this row must not carry it out a second time."""
    lock_place(deployment.order, deployment.space)
    message = _("The database was restored while this was under way: check what runs, then deploy again.")
    end_run(deployment, RunState.ERRORED, actor=None, reason=Reason.RESTORED, message=message)
    return f"{deployment.order.number} in {deployment.space}"


def _forget_what_was_seen() -> None:
    """Every placement is unknown until its cluster was read again; the watchers do that at once."""
    seen: dict[str, Any] = {"seen_at": None, "settled_at": None, "ready": 0, "wanted": 0, "pods": [], "drift": []}
    seen |= {"replica_sets": [], "drift_checked_at": None, "drift_fingerprint": ""}
    unknown = _("Unknown: the database was restored, and the cluster was not read since.")
    Placement.objects.update(**seen, unsettled_reason=unknown, changed_at=Now())
    for pk in SpaceObservation.objects.values_list("pk", flat=True):
        wake(SpaceObservation, pk, prompt=False)
