"""部署进度: one deployment, pod by pod, to its verdict."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.actor import actor_of
from deployer.manifests import wanted_replicas
from environments.access import Rights
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, read_view, redirect_with, wanted_part
from foundation.problems import Refused
from foundation.runs.choices import ACTIVE, RunState
from releases import live_reads, selectors
from releases.models import Deployment, Placement
from releases.presenters.activity import Choice
from releases.presenters.acts import Act
from releases.presenters.entry import entry_of
from releases.presenters.place_acts import roll_back_to
from releases.presenters.rollout import (
    SOURCES,
    Pace,
    back_act,
    cancel_act,
    moments_of,
    pace_of,
    timeline,
    told_by_cluster,
    ways_on,
)
from releases.presenters.runtime import Tiles, tiles_of
from releases.presenters.states import after_success, attempt_state
from releases.presenters.words import diagnosis_of, reason_of, why_waiting
from releases.services import deployments
from releases.turns import line_of
from releases.views.pages import live, page
from releases.views.pods import open_pod

MOST_PODS = 8


@read_view
def rollout(request: HttpRequest, pk: int) -> HttpResponse:
    """Is it working, and if not, why? ``?pod=`` opens a pod: its events and the end of its log, asked for now."""
    deployment = selectors.deployment_by_id(actor_of(request), pk)
    part = wanted_part(request)
    if part == "events":
        return page(request, "releases/_rollout_timeline.html", _timeline(request, deployment, with_cluster=True))
    if part == "pod":
        return page(request, "releases/_pod_part.html", _context(request, deployment) | _pod(request, deployment))
    context = _context(request, deployment)
    if part:
        return page(request, "releases/_rollout.html", context)
    context = (
        _timeline(request, deployment, with_cluster=bool(request.GET.get("events")), pace=context["pace"]) | context
    )
    return page(request, "releases/rollout.html", context | _pod(request, deployment))


def _context(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    rights = Rights(actor_of(request))
    order, space = deployment.order, deployment.space
    place = selectors.placement_of(order, space)
    is_active = deployment.state in ACTIVE
    diagnosis = diagnosis_of(deployment.diagnosis)
    return {
        "deployment": deployment,
        "order": order,
        "space": space,
        "environment": space.environment,
        "place": place,
        "is_active": is_active,
        "shown": attempt_state(deployment),
        "waiting": why_waiting(deployment) if deployment.state == RunState.QUEUED else "",
        "reason": reason_of(deployment),
        "tiles": _tiles(deployment, place),
        "wanted": wanted_of(deployment),
        "pace": pace_of(deployment),
        "serving": place.last_succeeded if place and place.last_succeeded_id != deployment.pk else None,
        "applied": _applied_since(deployment, place),
        "diagnosis": diagnosis,
        "ways_on": ways_on(deployment, str(deployment.diagnosis.get("code", ""))) if diagnosis else [],
        "suspicion": diagnosis_of(deployment.progress.get("suspicion")) if is_active else None,
        "since": after_success(order, place) if place and place.last_succeeded_id == deployment.pk else None,
        "entry": entry_of(deployment),
        "cancel": cancel_act(deployment, rights),
        "may_release": is_active and rights.can("force_release", project_id=space.project_id),
        "line": line_of(place) if place and place.in_progress_id == deployment.pk else [],
        "roll_back": _roll_back_act(deployment, place, rights),
        "scale_back": back_act(place, rights) if place and place.last_applied_id == deployment.pk else None,
        **live(order, space.pk),
    }


def wanted_of(deployment: Deployment) -> int:
    """Pods there will be: as the cluster says, or before it said anything, as the snapshot asks for."""
    seen = deployment.progress.get("wanted")
    if seen is not None:
        return int(seen)
    if "replicas" in deployment.overlay:
        return int(deployment.overlay["replicas"])
    manifests = deployment.snapshot.manifests if deployment.snapshot else []
    return wanted_replicas(manifests) if manifests else 0


def _tiles(deployment: Deployment, place: Placement | None) -> Tiles:
    """What was seen of the rollout; before the first read, what serves until now is what is old."""
    is_drawn_ahead = deployment.state in (*ACTIVE, RunState.FAILED)
    wanted = wanted_of(deployment) if is_drawn_ahead else 0
    if deployment.progress or place is None or deployment.state not in ACTIVE:
        return tiles_of(deployment.progress.get("pods", []), wanted, ended_at=deployment.finished_at)
    return tiles_of([{**pod, "is_new": False} for pod in place.pods], wanted)


def _applied_since(deployment: Deployment, place: Placement | None) -> Deployment | None:
    """What was applied last, where that is neither this deployment nor what succeeded last."""
    if place is None or place.last_applied_id in (None, deployment.pk, place.last_succeeded_id):
        return None
    return place.last_applied


def _timeline(
    request: HttpRequest, deployment: Deployment, *, with_cluster: bool, pace: Pace | None = None
) -> dict[str, Any]:
    """What happened, as the platform keeps it and as the cluster tells it now, in one list; ``?source=`` narrows it."""
    source = request.GET.get("source", "")
    source = source if source in SOURCES else ""
    context: dict[str, Any] = {"events": [], "are_events_read": False}
    if with_cluster:
        context = _events(deployment)
    return context | {
        "deployment": deployment,
        "moments": timeline(moments_of(deployment), context["events"], source),
        "source": source,
        "sources": [Choice(value, label, value == source) for value, label in SOURCES.items()],
        "pace": pace or pace_of(deployment),
        "deadline": _deadline(deployment) if deployment.state in ACTIVE else None,
    }


def _events(deployment: Deployment) -> dict[str, Any]:
    """What the cluster itself still tells of the workload and its new pods; a cluster that is away is no fault."""
    uids = [str(row.get("uid", "")) for row in deployment.applied if row.get("kind") == "Deployment"]
    uids += [str(pod.get("uid", "")) for pod in deployment.progress.get("pods", []) if pod.get("is_new")][:MOST_PODS]
    context: dict[str, Any] = {"are_events_read": True}
    try:
        told = told_by_cluster(live_reads.events_of(deployment.space, uids))
    except Refused as trouble:
        return context | {"events": [], "events_trouble": trouble.message}
    # The workload was there before: what it told about earlier rollouts is not about this one.
    return context | {"events": [one for one in told if one.at is None or one.at >= deployment.created_at]}


def _pod(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    pods = deployment.progress.get("pods", [])
    ended_at = deployment.finished_at
    found = open_pod(request, deployment.space, deployment.component, pods, ended_at=ended_at)
    return {"deployment": deployment, "is_pod_live": deployment.is_active, **found}


def _deadline(deployment: Deployment) -> Any:
    """When it counts as failed, unless a pod moves on before."""
    if deployment.progressed_at is None or deployment.phase == "applying":
        return None
    return deployment.progressed_at + timedelta(seconds=deployment.space.deploy_deadline_seconds)


def _roll_back_act(deployment: Deployment, place: Placement | None, rights: Rights) -> Act | None:
    """Back to what succeeded there before; None while it goes on, or where something else stands by now."""
    if deployment.state in ACTIVE or place is None or place.last_applied_id != deployment.pk:
        return None
    target = _target(deployment, place)
    if target is None or target.snapshot is None:
        return None
    space = deployment.space
    no = roll_back_to(place, rights, target).refusal
    path = reverse(
        "releases:roll-back", args=[space.project.slug, deployment.component.slug, space.environment.slug]
    )  # fmt: skip
    label = _("Roll back to %(name)s", name=target.order.short_name)
    is_failed = deployment.state in (RunState.FAILED, RunState.ERRORED)
    return Act(
        label,
        f"{path}?to={target.pk}",
        no=no,
        is_primary=is_failed,
        letter="r",
        sign="rollback",
    )


def _target(deployment: Deployment, place: Placement | None) -> Deployment | None:
    """The newest success there that is another snapshot than the one that stands there now."""
    applied = place.last_applied.snapshot_id if place and place.last_applied else None
    for earlier in selectors.good_deployments(deployment.component_id, deployment.space, limit=20):
        if earlier.snapshot_id != applied:
            return earlier
    return None


@api_route("deployments_cancel")
@act_view
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop following; what the cluster accepted stays as it is."""
    deployment = selectors.deployment_by_id(actor_of(request), pk)
    deployments.cancel_deployment(actor=actor_of(request), deployment=deployment)
    return redirect_with(request, _("Asked to cancel: the page shows it in a moment."), "releases:rollout", pk)
