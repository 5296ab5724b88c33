"""部署进度: one deployment, pod by pod, to its verdict."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from environments.access import Rights
from foundation.runs.choices import ACTIVE, RunState
from releases import gates, selectors
from releases.models import Deployment, Placement
from releases.services import deployments
from releases.views.pages import done, is_partial, live, page, person
from releases.views.shown.acts import Act, refusal
from releases.views.shown.panels import cancel_act
from releases.views.shown.standing import active_word, settling_of
from releases.views.shown.tiles import Tiles, tiles_of
from releases.views.shown.words import diagnosis_of, reason_of, why_waiting


@login_required
@require_safe
def rollout(request: HttpRequest, pk: int) -> HttpResponse:
    """Is it working, and if not, why?"""
    deployment = selectors.deployment_by_id(person(request), pk)
    context = _context(request, deployment)
    return page(request, "releases/_rollout.html" if is_partial(request) else "releases/rollout.html", context)


def _context(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    rights = Rights(person(request))
    order, space = deployment.order, deployment.space
    place = selectors.placement_of(order, space)
    is_active = deployment.state in ACTIVE
    tiles: Tiles = tiles_of(deployment.progress.get("pods", []))
    return {
        "deployment": deployment,
        "order": order,
        "space": space,
        "environment": space.environment,
        "place": place,
        "is_active": is_active,
        "word": active_word(deployment) if is_active else RunState(deployment.state).label,
        "waiting": why_waiting(deployment) if deployment.state == RunState.QUEUED else "",
        "reason": reason_of(deployment),
        "tiles": tiles,
        "diagnosis": diagnosis_of(deployment.diagnosis),
        "suspicion": diagnosis_of(deployment.progress.get("suspicion")) if is_active else None,
        "settling": settling_of(place, deployment),
        "deadline": _deadline(deployment) if is_active else None,
        "cancel": cancel_act(deployment, rights),
        "roll_back": _roll_back_act(deployment, place, rights),
        **live(order, space.pk),
    }


def _deadline(deployment: Deployment) -> Any:
    """When it counts as failed, unless a pod moves on before."""
    if deployment.progressed_at is None:
        return None
    return deployment.progressed_at + timedelta(seconds=deployment.space.deploy_deadline_seconds)


def _roll_back_act(deployment: Deployment, place: Placement | None, rights: Rights) -> Act | None:
    """Back to what succeeded there before this one; None while it goes on, or when nothing did."""
    if deployment.state in ACTIVE:
        return None
    target = _target(deployment, place)
    if target is None or target.snapshot is None:
        return None
    space = deployment.space
    found = gates.roll_back_gates(target.order, space, snapshot=target.snapshot, deployer=rights.user)
    no = refusal(rights, "deploy", space=space, gates=found)
    path = reverse(
        "releases:roll-back", args=[space.project.slug, deployment.component.slug, space.environment.slug]
    )  # fmt: skip
    label = _("Roll back to %(name)s") % {"name": target.order.short_name}
    is_failed = deployment.state in (RunState.FAILED, RunState.ERRORED)
    return Act(label, f"{path}?to={target.pk}", why=no.why, who=no.who, is_primary=is_failed, is_danger=not is_failed)


def _target(deployment: Deployment, place: Placement | None) -> Deployment | None:
    """The newest success there that is another snapshot than the one that stands there now."""
    applied = place.applied.snapshot_id if place and place.applied else None
    for earlier in selectors.good_deployments(deployment.component_id, deployment.space, limit=20):
        if earlier.snapshot_id != applied:
            return earlier
    return None


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop following; what the cluster accepted stays as it is."""
    deployment = selectors.deployment_by_id(person(request), pk)
    deployments.cancel_deployment(actor=person(request), deployment=deployment)
    return done(request, _("Asked to cancel: the page shows it in a moment."), "releases:rollout", pk)
