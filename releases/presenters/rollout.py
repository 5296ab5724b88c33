"""A rollout: how far it is, what happened in it, and what to do about one that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from deployer.interfaces import EventFacts
from environments.access import Rights, who_may
from foundation.messages import Message, MessageLike, from_json_data
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE
from releases import scaling
from releases.choices import DeploymentKind
from releases.models import Deployment, OrderEvent, Placement
from releases.presenters.acts import Act, Refusal, explain_url
from releases.presenters.build import percent_of, seconds_between, usual_rollout
from releases.presenters.place_acts import scale_act
from releases.presenters.runtime import short_name
from releases.presenters.states import pod_word


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
    # Without contact nobody knows how far it is.
    is_followed = deployment.is_active and deployment.contact_lost_since is None
    left = None if usual is None or not is_followed else max(0, usual - known)
    is_late = is_followed and usual is not None and known > 2 * usual + 10
    return Pace(elapsed, usual, left, percent_of(known, usual), is_late)


MOST = 40
READ = 400
"""Events of the order that are looked through: other environments' lie among them."""


@dataclass(frozen=True)
class Moment:
    """One line: when, what it is about, what happened, in the cluster's own words too, and which of SOURCES says it."""

    at: datetime | None
    about: str
    message: MessageLike
    detail: str = ""
    is_warning: bool = False
    source: str = "platform"


SOURCES: dict[str, MessageLike] = {
    "": pgettext_lazy("source of a line", "All"),
    "platform": "Prism4k",
    "cluster": pgettext_lazy("source of a line", "Cluster"),
}
"""``?source=`` to its word."""


def timeline(own: Sequence[Moment], told: Sequence[Moment], source: str) -> list[Moment]:
    """Both in one order, the newest first; what has no time comes last."""
    rows = [one for one in (*own, *told) if source in ("", one.source)]
    dated = sorted((one for one in rows if one.at is not None), key=attrgetter("at"), reverse=True)
    return [*dated, *(one for one in rows if one.at is None)][:MOST]


def moments_of(deployment: Deployment) -> list[Moment]:
    """What happened and what was seen while it was followed, newest first: one query, kept for ever."""
    of_order = OrderEvent.objects.filter(order_id=deployment.order_id, kind__startswith="deployment.")
    rows = of_order.select_related("actor")
    found = [event for event in rows.order_by("-seq")[:READ] if event.data.get("id") == deployment.pk]
    said = [_moment(event, deployment) for event in found]
    seen = [_seen(moment) for moment in deployment.progress.get("moments", [])]
    shown = [one for one in [*said, *reversed(seen)] if one is not None and one.at is not None]
    return sorted(shown, key=attrgetter("at"), reverse=True)[:MOST]


def _seen(moment: Mapping[str, Any]) -> Moment:
    about, words = pgettext("object of a rollout", "pods"), str(moment.get("message") or "")
    return Moment(parse_datetime(moment["at"]), about, _progress(moment), words)


def _moment(event: OrderEvent, deployment: Deployment) -> Moment | None:
    what = event.kind.partition(".")[2]
    is_removal = deployment.kind == DeploymentKind.REMOVE
    said = {
        "queued": _("Requested by %(who)s"),
        "applied": _("The cluster accepted it: snapshot %(snapshot)s"),
        "cancelling": _("%(who)s asked to cancel"),
        "released": _("%(who)s released the place by force"),
        "succeeded": _("Nothing of it is left") if is_removal else _("Every pod of the new version is ready"),
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
    words = str(from_json_data(event.data.get("message") or "")) if what in ("failed", "errored", "cancelled") else ""
    return Moment(event.at, deployment.component.slug, Message(said.text, values), words, what in ("failed", "errored"))


def _progress(data: Mapping[str, Any]) -> str:
    """``ready 1/4 · 2 starting``."""
    parts: list[object] = [_("ready %(ready)s/%(wanted)s", ready=data.get("ready", 0), wanted=data.get("wanted", 0))]
    states = data.get("states") or {}
    parts += [f"{count} {pod_word(state)}" for state, count in states.items() if state != "ready"]
    return " · ".join(str(part) for part in parts)


REASONS: dict[str, MessageLike] = {
    "Scheduled": _("A node was found for the pod"),
    "FailedScheduling": _("No node can take the pod"),
    "Pulling": _("The image is being pulled"),
    "Pulled": _("The image is on the node"),
    "Created": _("The container was created"),
    "Started": _("The container started"),
    "Killing": _("The container is being stopped"),
    "BackOff": _("The container ended again and is started later"),
    "Failed": _("The container could not be started"),
    "Unhealthy": _("A health check did not succeed"),
    "FailedMount": _("A volume could not be mounted"),
    "FailedCreate": _("A pod could not be created"),
    "Evicted": _("The pod was evicted from its node"),
    "ScalingReplicaSet": _("Pods are added or removed"),
    "SuccessfulCreate": _("A pod was created"),
    "SuccessfulDelete": _("A pod was removed"),
}
"""Reasons of Kubernetes' events in words (kubelet, scheduler and controllers, 1.36); others are shown as they are."""


def told_by_cluster(events: Sequence[EventFacts]) -> list[Moment]:
    rows = sorted(events, key=lambda event: event.at, reverse=True)
    return [_event(event) for event in rows[:MOST]]


def _event(event: EventFacts) -> Moment:
    said = REASONS.get(event.reason, event.reason)
    if event.count > 1:
        times = ngettext("%(said)s (%(n)s time)", "%(said)s (%(n)s times)", event.count)
        said = times % {"said": said, "n": event.count}
    words = f"{event.reason}: {event.message}" if event.message else event.reason
    name = short_name(event.name) if event.kind == "Pod" else event.name
    return Moment(
        parse_datetime(event.at), f"{event.kind.lower()} {name}", said, words, event.type == "Warning", "cluster"
    )


CONFIGURATION = frozenset({"config_missing", "crash_loop", "init_failed", "not_ready", "stuck_creating"})
ALLOCATION = frozenset({"out_of_memory", "unschedulable", "quota_exceeded", "limit_range", "evicted"})
TEMPLATE = frozenset({"image_name_invalid", "liveness_failed", "quota_needs_resources", "pod_security", "start_failed"})


def ways_on(deployment: Deployment, code: str) -> list[Act]:
    """Where the cause can be taken away: configuration, allocation; nothing for what others must mend."""
    space, component = deployment.space, deployment.component
    names = [space.project.slug, component.slug]
    label = space.environment.label
    if code in CONFIGURATION:
        return [
            Act(
                _("Open the configuration of %(name)s", name=label),
                reverse("components:configuration", args=[*names, space.environment.slug]),
            ),
            Act(_("Compare configurations"), reverse("components:configurations", args=names)),
        ]
    if code in ALLOCATION:
        return [Act(_("Open the component's allocation"), reverse("components:detail", args=names))]
    if code.startswith("entry_"):
        return [Act(_("Open the entry check"), f"{reverse('components:edit', args=names)}#entry-card")]
    if code in TEMPLATE:
        return [Act(_("Open the templates"), reverse("components:templates"))]
    return []


def back_act(place: Placement | None, rights: Rights) -> Act | None:
    """After a scale that did not succeed: the number of pods that did, by one click; None otherwise."""
    standing, good = (place.last_applied, place.last_succeeded) if place else (None, None)
    if place is None or standing is None or good is None or standing.kind != DeploymentKind.SCALE:
        return None
    if standing.pk == good.pk or standing.state in ACTIVE or standing.snapshot_id != good.snapshot_id:
        return None
    space, pods = place.space, scaling.replicas_of(good)
    label = _("Back to %(n)s pods", n=pods)
    url = reverse("releases:scale", args=[space.project.slug, place.component.slug, space.environment.slug])
    no = scale_act(place, rights, pods).refusal
    values = (("replicas", str(pods)),)
    return Act(label, url, "post", no=no, values=values, is_primary=True, sign="scale")


def cancel_act(deployment: Deployment, rights: Rights) -> Act | None:
    """The cancel button of a deployment that goes on; None otherwise."""
    if deployment.state not in ACTIVE:
        return None
    url = reverse("releases:cancel", args=[deployment.pk])
    if deployment.cancel_requested_at:
        return Act(_("Cancel"), url, "post", no=Refusal(_("It was asked to cancel: a moment.")))
    space = deployment.space
    if rights.can("cancel_deployment", space=space, owner_id=deployment.deployed_by_id):
        ask = _("Nobody follows it any more; what the cluster has accepted stays as it is.")
        return Act(_("Cancel"), url, "post", is_danger=True, confirm=ask)
    who, explain = who_may("cancel_deployment", space=space), explain_url("cancel_deployment", deployment.order, space)
    no = Refusal(_("Only its deployer and operations cancel it."), who, explain)
    return Act(_("Cancel"), url, "post", no=no)
