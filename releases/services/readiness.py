"""灾备就绪: have a twin's space checked now."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

import audit
from accounts.models import User
from environments.access import require
from environments.models import Space
from foundation.messages import message as _
from foundation.problems import Refused
from foundation.runs.wake import wake
from releases.models import Readiness


def ask_for_readiness(*, actor: User, space: Space) -> Readiness:
    """Has the twin's space checked now; asked twice it is checked once. Raises Denied, Refused for one without twin."""
    require(actor, "check", project_id=space.project_id)
    with transaction.atomic():
        row = Readiness.objects.select_for_update().filter(space=space).first()
        if row is None or space.environment.twin_id is None or space.is_archived:
            raise Refused(_("%(space)s stands in for no other environment.", space=space), "no-twin")
        if not row.is_asked:
            Readiness.objects.filter(pk=row.pk).update(asked_at=Now())
            audit.record_act(actor, "readiness.asked", space)
        wake(Readiness, row.pk)
        row.refresh_from_db()
    return row
