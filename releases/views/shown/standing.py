"""Where an order stands in one environment, in one state and one word: lists, lanes and the matrix ask here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from environments.models import Space
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import DeploymentKind, PromotionState
from releases.models import Deployment, Placement, Promotion, ReleaseOrder


@dataclass(frozen=True)
class Standing:
    """``state`` is one of the badge's; ``word`` says it."""

    space: Space
    state: str
    word: Sentence
    deployment: Deployment | None = None
    promotion: Promotion | None = None


def standing_of(
    order: ReleaseOrder, space: Space, deployment: Deployment | None, promotion: Promotion | None
) -> Standing:
    """From the order's newest deployment there and its current promotion, without further queries."""
    state, word = _state(deployment, promotion)
    return Standing(space, state, word, deployment, promotion)


def _state(deployment: Deployment | None, promotion: Promotion | None) -> tuple[str, Sentence]:
    if deployment is not None and deployment.state in ACTIVE:
        return deployment.state, active_word(deployment)
    is_newer = promotion is not None and (deployment is None or promotion.created_at > deployment.created_at)
    if is_newer:
        return "promoted", _("promoted")
    if deployment is None:
        return "none", _("not promoted")
    return deployment.state, RunState(deployment.state).label


def active_word(deployment: Deployment) -> Sentence:
    """``deploying 2/4``: what is under way and how far."""
    words = {
        DeploymentKind.DEPLOY: _("deploying"),
        DeploymentKind.ROLL_BACK: _("rolling back"),
        DeploymentKind.RESTART: _("restarting"),
        DeploymentKind.SCALE: _("scaling"),
    }
    word = words[DeploymentKind(deployment.kind)]
    if deployment.state == RunState.QUEUED:
        return _("waiting")
    if "wanted" in deployment.progress:
        return f"{word} {deployment.progress['ready']}/{deployment.progress['wanted']}"
    return word


def latest_deployments(orders: Iterable[ReleaseOrder]) -> dict[tuple[int, int], Deployment]:
    """The newest deployment by (order id, space id): one query for a page of orders."""
    ids = [order.pk for order in orders]
    newest = Deployment.objects.filter(order__in=ids).values("order_id", "space_id").annotate(top=Max("pk"))
    rows = Deployment.objects.filter(pk__in=newest.values("top")).select_related("deployed_by")
    return {(row.order_id, row.space_id): row for row in rows}


def current_promotions(orders: Iterable[ReleaseOrder]) -> dict[tuple[int, int], Promotion]:
    """The current promotions by (order id, space id): one query."""
    rows = Promotion.objects.filter(order__in=[order.pk for order in orders], state=PromotionState.CURRENT)
    return {(row.order_id, row.space_id): row for row in rows}


def spaces_by_project(project_ids: Iterable[int]) -> dict[int, list[Space]]:
    """The spaces of these projects in flow order: one query."""
    rows = Space.objects.filter(project_id__in=set(project_ids)).select_related("environment")
    found: dict[int, list[Space]] = defaultdict(list)
    for space in rows.order_by("environment__position", "environment__slug"):
        found[space.project_id].append(space)
    return found


@dataclass(frozen=True)
class Settling:
    """What came after a success: ``state`` running while settling, blocked after a restart, succeeded when calm."""

    state: str
    word: Sentence


def settling_of(place: Placement | None, deployment: Deployment | None) -> Settling | None:
    """The state after the verdict of the deployment that serves now; None for any other."""
    if place is None or deployment is None or place.good_id != deployment.pk:
        return None
    if place.unsettled_reason:
        return Settling("blocked", _("It restarted after it had succeeded: %(why)s") % {"why": place.unsettled_reason})
    if place.settled_at is None and place.applied_id == deployment.pk:
        return Settling("running", _("settling"))
    return Settling("succeeded", _("serves here now"))
