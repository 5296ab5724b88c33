"""Force-release: freeing a place whose deployment does not end by itself."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from environments.access import require
from foundation.messages import message as _
from foundation.problems import Invalid, Refused
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import Reason
from releases.events import record_act
from releases.locks import lock_end
from releases.models import Deployment
from releases.transitions import end_run


def release_place(*, actor: User, deployment: Deployment, reason: str) -> None:
    """End the deployment without its step and free its place, with a reason.

    A step that still runs has lost its lease with it: it writes nothing more and sends nothing more. What it sent
    before is not known, so nobody deploys there, and nobody who waits has a turn, before the cluster was read.
    """
    require(actor, "force_release", project_id=deployment.space.project_id)
    reason = reason.strip()[:500]
    if not reason:
        raise Invalid({"reason": [_("Say why: it is written into the audit.")]})
    with transaction.atomic():
        lock_end(deployment)
        row = Deployment.objects.select_related("order__project", "space__environment").get(pk=deployment.pk)
        if row.state not in ACTIVE:
            raise Refused(_("This deployment has ended already."), "deployment-ended")
        record_act(
            row.order, "deployment.released", actor, subject=row, space=row.space, data={"note": reason}, reason=reason
        )
        message = _(
            "%(who)s released the place by force: %(reason)s What runs there is not known before the cluster was read.",
            who=actor.localized_name,
            reason=reason if reason.endswith((".", "。", "!", "?")) else f"{reason}.",
        )
        data = {"kind": row.kind, "message": message}
        end_run(row, RunState.CANCELLED, actor=actor, reason=Reason.RELEASED, data=data, message=message)
