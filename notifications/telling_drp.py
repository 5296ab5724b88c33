"""Of a DRP switch or drill: the second person is told at once, and who asked for it what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from foundation.messages import message as _
from notifications.choices import NoticeKind
from notifications.heard import Heard
from notifications.telling_words import Told, once
from releases import drp
from releases.choices import DrpKind, DrpState
from releases.models import DrpMember

CAME = (DrpState.RUNNING, DrpState.REFUSED, DrpState.EXPIRED, DrpState.STOPPED, DrpState.SERVES, DrpState.RETURNED)
VERBS = frozenset(f"drp_switch.{state}" for state in (DrpState.ASKED, *CAME))


def told_of_drp(heard: Heard) -> Iterator[Told]:
    """The verb says which state it came to; the row may be further by now."""
    row = drp.rows().filter(pk=heard.subject).first()
    if row is None:
        return
    state = DrpState(heard.verb.partition(".")[2])
    about = {
        "what": DrpKind(row.kind).label, "project": row.space.project.slug.upper(),
        "place": row.space.environment.label, "who": row.asked_by.localized_name, "state": state.label,
    }  # fmt: skip
    page = reverse("releases:drp", args=[row.pk])
    if state == DrpState.ASKED:
        message = _("%(who)s asks for a %(what)s of %(project)s to %(place)s: confirm it within 15 minutes", **about)
        yield Told(NoticeKind.DRP, drp.seconds(row), message, page, row.reason)
        return
    failed = DrpMember.objects.filter(switch=row, state="failed").values_list("component__name", flat=True)
    why = _("Failed: %(names)s", names=list(failed)) if state == DrpState.STOPPED else ""
    people = once(row.asked_by, row.decided_by if state not in (DrpState.RUNNING, DrpState.REFUSED) else None)
    message = _("%(what)s of %(project)s to %(place)s: %(state)s", **about)
    yield Told(NoticeKind.DRP_WENT_ON, people, message, page, why)
