"""What happened in a rollout, in words: what we stored while following it, and what the cluster still tells itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from deployer.interfaces import EventFacts
from foundation.problems import Sentence
from foundation.sentences import revived
from releases.models import Deployment, OrderEvent
from releases.views.shown.tiles import short_name
from releases.views.shown.words import POD_STATES

MOST = 40
READ = 400
"""Events of the order that are looked through: other environments' lie among them."""


@dataclass(frozen=True)
class Moment:
    """One line of the table: when, what it is about, what happened, and the cluster's own words."""

    at: datetime | None
    about: str
    said: Sentence
    words: str = ""
    is_warning: bool = False


def moments_of(deployment: Deployment) -> list[Moment]:
    """What was seen while it was followed, newest first: one query, kept for ever."""
    rows = OrderEvent.objects.filter(order_id=deployment.order_id, kind__startswith="deployment.")
    found = [event for event in rows.order_by("-seq")[:READ] if event.data.get("id") == deployment.pk]
    said = [_moment(event, deployment) for event in found]
    return [one for one in said if one is not None][:MOST]


def _moment(event: OrderEvent, deployment: Deployment) -> Moment | None:
    what = event.kind.partition(".")[2]
    if what == "progress":
        return Moment(
            event.at,
            pgettext("object of a rollout", "pods"),
            _progress(event.data),
            str(revived(event.data.get("message") or "")),
        )
    said = {
        "queued": _("Requested by %(who)s"),
        "applied": _("The cluster accepted it: snapshot %(snapshot)s"),
        "cancelling": _("%(who)s asked to cancel"),
        "succeeded": _("Every pod of the new version is ready"),
        "failed": _("It failed"),
        "errored": _("A platform error ended it"),
        "cancelled": _("It was cancelled"),
    }.get(what)
    if said is None:
        return None
    values = {
        "who": event.actor.shown_name if event.actor else "Prism4k",
        "snapshot": deployment.snapshot.short_hash if deployment.snapshot else "",
    }
    words = str(revived(event.data.get("message") or "")) if what in ("failed", "errored", "cancelled") else ""
    return Moment(event.at, deployment.component.slug, said % values, words, what in ("failed", "errored"))


def _progress(data: Mapping[str, Any]) -> str:
    """``ready 1/4 · 2 starting``."""
    parts = [_("ready %(ready)s/%(wanted)s") % {"ready": data.get("ready", 0), "wanted": data.get("wanted", 0)}]
    states = data.get("states") or {}
    parts += [f"{count} {POD_STATES.get(state, state)}" for state, count in states.items() if state != "ready"]
    return " · ".join(parts)


REASONS: dict[str, Sentence] = {
    "Scheduled": gettext_lazy("A node was found for the pod"),
    "FailedScheduling": gettext_lazy("No node can take the pod"),
    "Pulling": gettext_lazy("The image is being pulled"),
    "Pulled": gettext_lazy("The image is on the node"),
    "Created": gettext_lazy("The container was created"),
    "Started": gettext_lazy("The container started"),
    "Killing": gettext_lazy("The container is being stopped"),
    "BackOff": gettext_lazy("The container ended again and is started later"),
    "Failed": gettext_lazy("The container could not be started"),
    "Unhealthy": gettext_lazy("A health check did not succeed"),
    "FailedMount": gettext_lazy("A volume could not be mounted"),
    "FailedCreate": gettext_lazy("A pod could not be created"),
    "Evicted": gettext_lazy("The pod was evicted from its node"),
    "ScalingReplicaSet": gettext_lazy("Pods are added or removed"),
    "SuccessfulCreate": gettext_lazy("A pod was created"),
    "SuccessfulDelete": gettext_lazy("A pod was removed"),
}
"""Reasons of Kubernetes' events in words (kubelet, scheduler and controllers, 1.36); others are shown as they are."""


def told_by_cluster(events: Sequence[EventFacts]) -> list[Moment]:
    """Newest first."""
    rows = sorted(events, key=lambda event: event.at, reverse=True)
    return [_event(event) for event in rows[:MOST]]


def _event(event: EventFacts) -> Moment:
    said = REASONS.get(event.reason, event.reason)
    if event.count > 1:
        times = ngettext("%(said)s (%(n)s time)", "%(said)s (%(n)s times)", event.count)
        said = times % {"said": said, "n": event.count}
    words = f"{event.reason}: {event.message}" if event.message else event.reason
    name = short_name(event.name) if event.kind == "Pod" else event.name
    return Moment(parse_datetime(event.at), f"{event.kind.lower()} {name}", said, words, event.type == "Warning")
