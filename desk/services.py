"""What people do here: wake a run that is stuck, take the audit with them, have it verified."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

import audit
from accounts.models import User
from audit import exports
from audit.models import AuditCheck, AuditEvent
from desk.selectors.audit import AuditFilters, filter_events, readable_events
from environments.access import Rights, require
from foundation.messages import message as _
from foundation.problems import Invalid, Missing, Refused
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


def export_audit(*, actor: User, rights: Rights, filters: AuditFilters, kind: str) -> Iterator[str]:
    """The events that fit, as a signed file piece by piece; that somebody took them is an event too.

    Raises Denied, and Invalid for a kind of file that there is not.
    """
    rows = filter_events(readable_events(actor, rights), filters)
    if kind not in exports.FORMATS:
        raise Invalid({"kind": [_("Choose csv or jsonl.")]})
    newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    after = {"kind": kind, "up_to": newest, "filters": filters.given}
    audit.record(
        actor, "audit.exported", object_type="audit", object_name="audit", project=filters.project, after=after
    )
    return exports.export(rows.filter(pk__lte=newest), kind)


def ask_for_check(*, actor: User) -> None:
    """Has the whole audit verified now. Raises Denied."""
    require(actor, "read_audit")
    with transaction.atomic():
        check = AuditCheck.objects.get()
        wake(AuditCheck, check.pk)
        audit.record(actor, "audit.check_asked", object_type="audit", object_name="audit")
