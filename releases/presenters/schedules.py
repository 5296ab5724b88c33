"""A scheduled deployment as a page or the API tells it: when, by whom, what became of it, who may withdraw it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from environments.access import Rights
from environments.models import Space
from foundation.messages import MessageLike, localized_time
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import Reason
from releases.models import Deployment, ReleaseOrder, Schedule
from releases.presenters.acts import Act, refusal
from releases.schedules import newest_of

SCHEDULED, STARTED, MISSED, WITHDRAWN = "scheduled", "started", "missed", "withdrawn"
STATES: dict[str, str] = {
    RunState.QUEUED: SCHEDULED,
    RunState.RUNNING: SCHEDULED,
    RunState.SUCCEEDED: STARTED,
    RunState.FAILED: MISSED,
    RunState.ERRORED: MISSED,
    RunState.CANCELLED: WITHDRAWN,
}
"""From the state of its run to what it is called."""
WORDS: dict[str, MessageLike] = {
    SCHEDULED: pgettext_lazy("schedule", "scheduled"),
    STARTED: pgettext_lazy("schedule", "its time came"),
    MISSED: pgettext_lazy("schedule", "missed"),
    WITHDRAWN: pgettext_lazy("schedule", "withdrawn"),
}
SIGNS = {SCHEDULED: "queued", STARTED: "succeeded", MISSED: "failed", WITHDRAWN: "cancelled"}


def ready_word(due_at: datetime | None) -> MessageLike:
    """What an order is called that nothing stops; ``due_at`` is when it is deployed by itself, None where it is not."""
    if due_at is None:
        return _("may be deployed")
    return _("scheduled for %(at)s", at=localized_time(due_at))


@dataclass(frozen=True)
class ShownSchedule:
    """One, as this viewer sees it."""

    row: Schedule
    withdraw: Act | None = None

    @property
    def state(self) -> str:
        return STATES[self.row.state]

    @property
    def word(self) -> MessageLike:
        return WORDS[self.state]

    @property
    def sign(self) -> str:
        """The badge of the state."""
        return SIGNS[self.state]

    @property
    def why(self) -> MessageLike:
        """Why it was missed; empty otherwise."""
        return why_of(self.row) if self.state == MISSED else ""


def why_of(row: Schedule) -> MessageLike:
    """Why nothing was deployed by it; empty where something was, or it waits."""
    return row.message or (Reason(row.reason).label if row.reason in Reason.values else "")


def withdraw_act(row: Schedule, rights: Rights) -> Act:
    no = refusal(rights, "cancel_deployment", space=row.space, owner_id=row.asked_by_id, order=row.order)
    return Act(_("Withdraw the schedule"), reverse("releases:withdraw-schedule", args=[row.pk]), "post", no=no)


def shown_schedule(order: ReleaseOrder, space: Space, rights: Rights) -> ShownSchedule | None:
    """The one that waits, or that was missed last while nobody has deployed the order there since."""
    row = newest_of(order, space)
    if row is None or STATES[row.state] not in (SCHEDULED, MISSED):
        return None
    if row.is_active:
        return ShownSchedule(row, withdraw_act(row, rights))
    later = Deployment.objects.filter(order=order, space=space, created_at__gt=row.due_at)
    return None if later.exists() else ShownSchedule(row)


def schedule_act(order: ReleaseOrder, space: Space, rights: Rights, shown: ShownSchedule | None) -> Act | None:
    """The way to choosing a time, for who may deploy there; None for others, and while a time is chosen."""
    if not rights.can("deploy", space=space) or (shown is not None and shown.row.is_active):
        return None
    url = reverse("releases:schedule", args=[order.number, space.environment.slug])
    return Act(_("Deploy at…"), url, sign="clock")


def scheduling(order: ReleaseOrder, space: Space, rights: Rights) -> dict[str, Any]:
    """For the page of the review: what is scheduled, and the way to a time."""
    shown = shown_schedule(order, space, rights)
    return {"scheduled": shown, "schedule_act": schedule_act(order, space, rights, shown)}
