"""The one act of this app: waking a run that is stuck."""

from __future__ import annotations

from django.db import transaction

import audit
from accounts.models import User
from environments.access import require
from foundation.messages import message as _
from foundation.problems import Missing, Refused
from foundation.runs import kinds
from foundation.runs.wake import wake


def wake_run(*, actor: User, kind: str, pk: int) -> None:
    """Make the run due now; the watcher takes it within seconds. Raises Missing, Refused when it has ended."""
    require(actor, "see_health")
    try:
        model = kinds.get(kind).model
    except kinds.UnknownKind:
        raise Missing() from None
    with transaction.atomic():
        if not wake(model, pk):
            raise Refused(_("This run has ended: there is nothing to wake."), "run-ended")
        audit.record(actor, "run.woken", object_type=kind, object_id=str(pk), object_name=f"{kind} {pk}")
