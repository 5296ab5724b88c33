"""The one primary button of an order's page, and what stops the order: for this viewer, with who can clear it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from environments.access import Rights, names_who_may
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from foundation.sentences import listed
from releases import selectors
from releases.choices import OrderState
from releases.models import ReleaseOrder
from releases.services import approvals
from releases.views.shown.acts import Act, refusal
from releases.views.shown.lane import Card, Lane, Place
from releases.views.shown.panels import deploy_act, start_act, stop_act


@dataclass(frozen=True)
class Stuck:
    """Why it does not go on: where, the gate's own sentence and who can clear it, or whose turn it is."""

    where: Sentence
    sentence: Sentence
    who: Sentence
    is_gate: bool = False


def primary_act(order: ReleaseOrder, lane: Lane, rights: Rights, panel: str) -> Act | None:
    """What comes next; greyed with its reason where this viewer may not. None where the open panel has its form."""
    if order.state == OrderState.CLOSED:
        url = f"{reverse('releases:new')}?repeat={order.number}"
        return Act(_("Repeat"), url) if rights.can("create_order", project_id=order.project_id) else None
    if order.state == OrderState.BUILDING:
        return stop_act(order, lane.latest, rights)
    if order.state in (OrderState.CREATED, OrderState.BUILD_FAILED):
        return start_act(order, rights)
    place = next_place(lane)
    return _onwards(order, place, rights, panel) if place else None


def next_place(lane: Lane) -> Place | None:
    """Where something goes on; otherwise the first environment that the order has not succeeded in."""
    places = lane.places.values()
    active = (place for place in places if place.standing.deployment and place.standing.deployment.state in ACTIVE)
    ahead = (place for place in places if place.standing.state != RunState.SUCCEEDED)
    return next(active, None) or next(ahead, None)


def _onwards(order: ReleaseOrder, place: Place, rights: Rights, panel: str) -> Act | None:
    space, standing = place.space, place.standing
    if standing.deployment and standing.deployment.state in ACTIVE:
        url = reverse("releases:rollout", args=[standing.deployment.pk])
        return Act(_("Follow the rollout"), url, is_primary=True)
    if standing.deployment and standing.state in (RunState.FAILED, RunState.ERRORED):
        return Act(_("See the cause"), reverse("releases:rollout", args=[standing.deployment.pk]), is_primary=True)
    if standing.promotion is None:
        return _promote(order, place, rights, panel)
    if not space.asks_review:
        return deploy_act(order, place, rights, is_primary=True)
    url = reverse("releases:review", args=[order.number, space.environment.slug])
    if _waits_for_own_word(place, rights):
        return Act(_("Approve for %(name)s") % {"name": space.environment.label}, url, is_primary=True, letter="a")
    label = _("Review and deploy to %(name)s") % {"name": space.environment.label}
    if rights.can("deploy", space=space) or rights.can("approve", space=space):
        return Act(label, url, is_primary=True, letter="d")
    no = refusal(rights, "deploy", space=space)
    return Act(label, url, why=no.why, who=no.who, is_primary=True)


def _waits_for_own_word(place: Place, rights: Rights) -> bool:
    """Are approvals all that lacks, and may this viewer still give one? Read on the review page, before deploying."""
    if [gate.code for gate in place.deployment_gates if not gate.is_open] != ["approved"]:
        return False
    snapshot = place.review.snapshot if place.review else None
    if snapshot is None or any(one.by_id == rights.user.pk for one in selectors.approvals_in_force(snapshot)):
        return False
    # A rejection is answered on the review page by whoever gave it, not by one more yes.
    return selectors.rejection(snapshot) is None and not approvals.why_not(rights.user, snapshot)


def _promote(order: ReleaseOrder, place: Place, rights: Rights, panel: str) -> Act | None:
    space = place.space
    no = refusal(rights, "promote", space=space, owner_id=order.author_id, gates=place.promotion_gates)
    slug = space.environment.slug
    if not no.why and panel == slug:
        return None
    url = f"{reverse('releases:order', args=[order.number])}?panel={slug}"
    label = _("Promote to %(name)s") % {"name": space.environment.label}
    return Act(label, url, why=no.why, who=no.who, is_primary=True, letter="p")


def stuck_at(order: ReleaseOrder, lane: Lane, rights: Rights) -> Stuck | None:
    """What the order waits for, in one line; None while something goes on or when it is through."""
    if order.state == OrderState.CREATED:
        others = names_who_may("build", project_id=order.project_id)
        who = listed(dict.fromkeys([order.author.shown_name, *others]))
        return Stuck(lane.build.title, _("It waits for somebody to build it."), who)
    if lane.build.detail:
        return Stuck(lane.build.title, lane.build.detail, "")
    if order.state != OrderState.BUILT:
        return None
    place = next_place(lane)
    if place is None or _is_spare(lane, place):
        return None
    card = _card_of(lane, place)
    return Stuck(card.title, card.detail, card.ask, is_gate=card.closed is not None) if card.detail else None


def _is_spare(lane: Lane, place: Place) -> bool:
    """A twin whose sibling the order has reached: nothing waits for it, it may be filled at any time."""
    twin_id = place.space.environment.twin_id
    return any(
        other.space.environment_id == twin_id and other.standing.state == RunState.SUCCEEDED
        for other in lane.places.values()
    )


def _card_of(lane: Lane, place: Place) -> Card:
    slug = place.space.environment.slug
    return next(card for column in lane.columns for card in column if card.panel == slug)
