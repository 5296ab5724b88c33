"""An order's page: the lane ``Build ▸ FAT ▸ UAT ▸ PRD | DRP``, the one primary button, and what stops the order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import ngettext

from environments import freezes
from environments.access import Rights, names_who_may
from foundation.messages import MessageLike, localized_names, localized_time
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from releases import gates, holds, selectors, when_gates
from releases.approval_gates import fills_a_place
from releases.choices import OrderState
from releases.models import Build, Deployment, Placement, ReleaseOrder
from releases.presenters.acts import Act, panel_url, refusal
from releases.presenters.build import (
    UsualBuild,
    percent_of,
    seconds_between,
    stage_summary,
    start_act,
    stop_act,
    usual_build,
)
from releases.presenters.environment import Place, deploy_act, has_problems, place_of
from releases.presenters.schedules import ready_word
from releases.presenters.standings import Standing, attempts_of, current_promotions, standing_of
from releases.presenters.states import Shown, order_state, run_word
from releases.presenters.words import build_waits, why_waiting
from releases.rule_gate import read_rule_changes
from releases.services import approvals
from releases.turns import turn_in
from releases.whom_to_ask import who_deploys


@dataclass(frozen=True)
class Card:
    """One card of the lane, two lines high. ``panel`` is what ``?panel=`` says; ``closed`` the first gate in the way.

    The first line is the state. The second is ``note``, in a few words, or who did what is drawn, when (``at``) and in
    how long (``seconds``; the page counts on from ``began``). ``detail`` is the whole reason, and ``ask`` whom to ask:
    they stand above the lane and in the panel. ``percent`` draws a bar while something goes on.
    """

    panel: str
    title: str
    name: str
    is_production: bool
    state: str
    word: MessageLike
    note: MessageLike = ""
    note_state: str = ""
    detail: MessageLike = ""
    serving: str = ""
    pods: str = ""
    who: str = ""
    at: datetime | None = None
    began: datetime | None = None
    seconds: int | None = None
    percent: int | None = None
    closed: gates.Gate | None = None
    ask: MessageLike = ""


SERVING = frozenset({"serving", "settling", "blocked", "short", "stopped", "mixed", "replacing", "unknown"})
"""States of an order that stands in a place: its pods are counted there."""


@dataclass(frozen=True)
class Lane:
    """``columns`` of cards: an environment and its twins share one."""

    build: Card
    columns: list[list[Card]]
    places: dict[str, Place]
    latest: Build | None
    usual: UsualBuild
    shown: Shown
    """How the whole order stands."""


def read_lane(order: ReleaseOrder, rights: Rights) -> Lane:
    """The whole lane with its gates as they stand for this viewer."""
    attempts, promotions = attempts_of([order]), current_promotions([order])
    places: dict[str, Place] = {}
    spaces = selectors.spaces_of(order)
    selectors.read_ahead(order, spaces)
    holds.read_ahead([order], [space.pk for space in spaces])
    when_gates.keep_ahead([order], freezes.read())
    read_rule_changes(spaces)
    for space in spaces:
        key, placement = (order.pk, space.pk), selectors.placement_of(order, space)
        turn = turn_in(placement, order)
        standing = standing_of(order, space, attempts.get(key), promotions.get(key), turn, placement)
        places[space.environment.slug] = place_of(order, standing, rights)
    build = selectors.latest_build(order)
    usual = usual_build(order.component_id)
    shown = order_state(order, build, [place.standing for place in places.values()])
    return Lane(_build_card(build, usual.seconds), _columns(order, places), places, build, usual, shown)


# ---------------------------------------------------------------- the build's card
def _build_card(build: Build | None, usual: int | None) -> Card:
    title = str(_("Build"))
    if build is None:
        return Card("build", title, "", False, "none", _("not built yet"))
    state, word = stage_summary(build)
    detail: MessageLike = build_waits(build) if build.state in ACTIVE else ""
    seconds = seconds_between(build.started_at or build.created_at, build.finished_at)
    return Card(
        "build",
        title,
        str(_("attempt %(n)s", n=build.attempt)),
        False,
        state,
        word or run_word(build),
        note=detail,
        detail=detail,
        who=build.started_by.shown_name,
        at=build.finished_at,
        began=None if build.finished_at else build.started_at or build.created_at,
        seconds=seconds,
        percent=percent_of(seconds or 0, usual) if build.state == RunState.RUNNING and not detail else None,
    )


# ---------------------------------------------------------------- an environment's card
def _columns(order: ReleaseOrder, places: dict[str, Place]) -> list[list[Card]]:
    columns: list[list[Card]] = []
    where: dict[int, int] = {}
    for place in places.values():
        environment = place.space.environment
        card = _card(order, place)
        if environment.twin_id in where:
            columns[where[environment.twin_id]].append(card)
        else:
            columns.append([card])
            where[environment.pk] = len(columns) - 1
    return columns


def _card(order: ReleaseOrder, place: Place) -> Card:
    environment, standing = place.space.environment, place.standing
    card = Card(
        environment.slug, environment.label, environment.shown_name, environment.is_production, standing.state,
        standing.word, serving=_serving(order, place.placement),
    )  # fmt: skip
    if standing.turn is not None:
        return replace(card, note=standing.more, detail=standing.more)
    if standing.is_under_way and standing.newest:
        return replace(card, **_under_way(standing.newest))
    if standing.state == "promoted" or (place.break_glass and standing.deployment is None):
        return replace(card, **_promoted(order, place))
    if standing.deployment is not None:
        return replace(card, **_done(standing, place))
    return replace(card, **_not_promoted(order, place))


def _under_way(deployment: Deployment) -> dict[str, Any]:
    ready, wanted = deployment.progress.get("ready", 0), deployment.progress.get("wanted", 0)
    waits = why_waiting(deployment) if deployment.state == RunState.QUEUED else ""
    return {
        "who": deployment.deployed_by.shown_name,
        "began": deployment.created_at,
        "seconds": seconds_between(deployment.created_at, None),
        "note": waits,
        "detail": waits,
        "percent": ready * 100 // wanted if wanted else 0,
    }


def _done(standing: Standing, place: Place) -> dict[str, Any]:
    """Who deployed it and in how long; a restart or scaling since then is told beside it, and is not the deployer's."""
    deployment = standing.deployment
    assert deployment is not None
    serves = standing.state in SERVING
    facts = {
        "who": deployment.deployed_by.shown_name,
        "at": deployment.finished_at,
        "seconds": seconds_between(deployment.created_at, deployment.finished_at),
        "pods": _pods(place.placement) if serves else "",
    }
    return facts | ({"note": standing.more, "note_state": "blocked"} if serves and standing.more else {})


def _promoted(order: ReleaseOrder, place: Place) -> dict[str, Any]:
    closed = [gate for gate in place.deployment_gates if not gate.is_open]
    if closed:
        word = ngettext("blocked by %(n)s", "blocked by %(n)s", len(closed)) % {"n": len(closed)}
        gate = closed[0]
        return {"note": word, "note_state": "blocked", "detail": gate.message, "closed": gate, "ask": gate.who}
    due_at = getattr(place.standing.promotion, "scheduled_at", None)
    ready = ready_word(due_at)
    if due_at:
        return {"note": ready, "detail": _("It is deployed by itself at %(at)s.", at=localized_time(due_at))}
    ask = who_deploys(order, place.space)
    return {"note": ready, "detail": _("It waits for somebody to deploy it."), "ask": ask}


def _not_promoted(order: ReleaseOrder, place: Place) -> dict[str, Any]:
    if order.state == OrderState.CLOSED:
        return {}
    closed = gates.first_closed(place.promotion_gates)
    if closed is None:
        detail, ask = _("It waits for somebody to promote it."), gates.promoters_of(order, place.space)
        return {"note": _("may be promoted"), "detail": detail, "ask": ask}
    if closed.code == "built":
        return {"note": _("waits for the build"), "closed": closed}
    return {"note": closed.message, "detail": closed.message, "closed": closed, "ask": closed.who}


def _pods(placement: Placement | None) -> str:
    return f"{placement.ready}/{placement.wanted}" if placement else ""


def _serving(order: ReleaseOrder, placement: Placement | None) -> str:
    """What serves there, where it is another order."""
    if placement is None or placement.last_succeeded is None or placement.last_succeeded.order_id == order.pk:
        return ""
    return f"{placement.last_succeeded.order.short_name} {_pods(placement)}"


@dataclass(frozen=True)
class Stuck:
    """Why it does not go on: where, the gate's own message and who can clear it, or whose turn it is."""

    where: MessageLike
    message: MessageLike
    who: MessageLike
    is_gate: bool = False


def primary_act(order: ReleaseOrder, lane: Lane, rights: Rights, panel: str) -> Act | None:
    """What comes next; greyed with its reason where this viewer may not. None where the open panel has its form."""
    if order.state == OrderState.CLOSED and (opened := _opened(lane)):
        return _onwards(order, opened, rights, panel)
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
    """Where something goes on, or may by break-glass; otherwise the first that the order has not succeeded in."""
    places = lane.places.values()
    active = (place for place in places if place.standing.is_under_way)
    ahead = (place for place in places if not place.standing.has_succeeded)
    return next(active, None) or _opened(lane) or next(ahead, None)


def _opened(lane: Lane) -> Place | None:
    """Where break-glass is in force, until the order has succeeded there."""
    places = lane.places.values()
    return next((one for one in places if one.break_glass and not one.standing.has_succeeded), None)


def _onwards(order: ReleaseOrder, place: Place, rights: Rights, panel: str) -> Act | None:
    space, standing = place.space, place.standing
    if standing.turn:
        return None
    if standing.newest and standing.newest.state in ACTIVE:
        url = reverse("releases:rollout", args=[standing.newest.pk])
        return Act(_("Follow the rollout"), url, is_primary=True)
    if standing.deployment and standing.has_failed:
        return Act(_("See the cause"), reverse("releases:rollout", args=[standing.deployment.pk]), is_primary=True)
    if standing.promotion is None and place.break_glass is None:
        return _promote(order, place, rights, panel)
    url = reverse("releases:review", args=[order.number, space.environment.slug])
    if rights.can("deploy", space=space) and has_problems(place.review):
        return Act(_("See the problems"), url, is_primary=True, letter="d")
    if not space.asks_review:
        return deploy_act(order, place, rights, is_primary=True)
    if _waits_for_own_word(place, rights):
        return Act(_("Approve for %(name)s", name=space.environment.label), url, is_primary=True, letter="a")
    label = _("Review and deploy to %(name)s", name=space.environment.label)
    if rights.can("deploy", space=space) or rights.can("approve", space=space):
        return Act(label, url, is_primary=True, letter="d")
    # Before a review there is nothing to approve: who deploys makes one first.
    is_reviewed = place.review is not None and place.review.snapshot_id is not None
    no = refusal(rights, "deploy", space=space, gates=place.deployment_gates if is_reviewed else [], order=order)
    return Act(label, url, no=no, is_primary=True)


def _waits_for_own_word(place: Place, rights: Rights) -> bool:
    """Are approvals all that lacks, and may this viewer still give one? Read on the review page, before deploying."""
    if [gate.code for gate in place.deployment_gates if not gate.is_open] != ["approved"]:
        return False
    snapshot = place.review.snapshot if place.review else None
    if snapshot is None or any(one.by_id == rights.user.pk for one in selectors.approvals_in_force(snapshot)):
        return False
    # A rejection is answered on the review page by its author, not by one more yes.
    if selectors.rejection(snapshot) or approvals.why_not(rights.user, snapshot):
        return False
    return fills_a_place(rights, snapshot)


def _promote(order: ReleaseOrder, place: Place, rights: Rights, panel: str) -> Act | None:
    space = place.space
    no = refusal(rights, "promote", space=space, owner_id=order.author_id, gates=place.promotion_gates, order=order)
    slug = space.environment.slug
    if not no.why and panel == slug:
        return None
    url = panel_url(order.number, slug)
    label = _("Promote to %(name)s", name=space.environment.label)
    return Act(label, url, no=no, is_primary=True, letter="p")


def stuck_at(order: ReleaseOrder, lane: Lane, rights: Rights) -> Stuck | None:
    """What the order waits for, in one line; None while something goes on or when it is through."""
    if order.state == OrderState.CREATED:
        others = names_who_may("build", project_id=order.project_id)
        who = localized_names(dict.fromkeys([order.author.shown_name, *others]))
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
    return any(other.space.environment_id == twin_id and other.standing.has_succeeded for other in lane.places.values())


def _card_of(lane: Lane, place: Place) -> Card:
    slug = place.space.environment.slug
    return next(card for column in lane.columns for card in column if card.panel == slug)


def header_acts(order: ReleaseOrder, rights: Rights) -> list[Act]:
    """What is in the order's menu, beside the one primary button."""
    repeat = f"{reverse('releases:new')}?repeat={order.number}"
    acts = [
        _plain(order, rights, "create_order", _("Repeat as a new order"), repeat, sign="plus"),
        Act(_("Order sheet"), reverse("desk:order-sheet", args=[order.number]), sign="printer"),
    ]
    if order.state == OrderState.CLOSED:
        return acts
    for verb, name, label, sign in (
        ("close_order", "done", _("Close as done"), "check"),
        ("return", "return", _("Return"), "rollback"),
        ("withdraw_order", "withdraw", _("Withdraw the order"), "cancelled"),
    ):
        url = reverse("releases:close", args=[order.number, name])
        acts.append(_plain(order, rights, verb, label, url, sign=sign))
    return acts


def check_act(order: ReleaseOrder, rights: Rights) -> Act:
    """检测."""
    no = refusal(rights, "check", project_id=order.project_id, order=order)
    return Act(_("Check"), reverse("releases:check", args=[order.number]), "post", no=no)


def _plain(order: ReleaseOrder, rights: Rights, verb: str, label: MessageLike, url: str, *, sign: str) -> Act:
    no = refusal(rights, verb, project_id=order.project_id, owner_id=order.author_id, order=order)
    return Act(label, url, no=no, sign=sign)
