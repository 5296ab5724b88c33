"""What rules ask of the events that are kept: who did something to something of late?"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from audit.choices import Outcome
from audit.models import AuditEvent


def who_acted(verbs: Collection[str], *, object_type: str, object_id: int, since: datetime) -> set[int]:
    """Ids of the people who did one of the verbs to the object since then; what was refused does not count."""
    done = AuditEvent.objects.filter(object_type=object_type, object_id=str(object_id), verb__in=verbs, at__gt=since)
    ids = done.filter(outcome=Outcome.DONE).values_list("actor_id", flat=True)
    return {int(one) for one in ids if one.isdecimal()}
