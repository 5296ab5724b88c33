"""The lane ``Build ▸ FAT ▸ UAT ▸ PRD | DRP`` of an order."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from environments.models import Space
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from releases import gates, selectors
from releases.choices import OrderState
from releases.models import Build, Placement, ReleaseOrder, Review
from releases.views.shown import stages
from releases.views.shown.standing import (
    Settling,
    Standing,
    current_promotions,
    latest_deployments,
    settling_of,
    standing_of,
)
from releases.views.shown.words import build_waits


@dataclass(frozen=True)
class Card:
    """One card of the lane. ``panel`` is what ``?panel=`` says; ``closed`` the first gate in the way."""

    panel: str
    title: str
    name: str
    is_production: bool
    state: str
    word: Sentence
    detail: Sentence
    serving: str
    closed: gates.Gate | None = None


@dataclass(frozen=True)
class Place:
    """Everything about the order in one space, read once for card and panel."""

    space: Space
    standing: Standing
    placement: Placement | None
    review: Review | None
    promotion_gates: list[gates.Gate]
    deployment_gates: list[gates.Gate]
    settling: Settling | None


@dataclass(frozen=True)
class Lane:
    """``columns`` of cards: an environment and its twins share one."""

    build: Card
    columns: list[list[Card]]
    places: dict[str, Place]


def read_lane(order: ReleaseOrder, viewer: User) -> Lane:
    """The whole lane with its gates as they stand for this viewer."""
    deployments, promotions = latest_deployments([order]), current_promotions([order])
    places: dict[str, Place] = {}
    for space in selectors.spaces_of(order):
        key = (order.pk, space.pk)
        standing = standing_of(order, space, deployments.get(key), promotions.get(key))
        places[space.environment.slug] = _place(order, standing, viewer)
    build = selectors.latest_build(order)
    return Lane(_build_card(order, build), _columns(order, places), places)


def _place(order: ReleaseOrder, standing: Standing, viewer: User) -> Place:
    space = standing.space
    review = selectors.latest_review(order, space)
    snapshot = review.snapshot if review else None
    placement = selectors.placement_of(order, space)
    return Place(
        space=space,
        standing=standing,
        placement=placement,
        review=review,
        promotion_gates=gates.promotion_gates(order, space),
        deployment_gates=gates.deployment_gates(order, space, snapshot=snapshot, deployer=viewer),
        settling=settling_of(placement, standing.deployment),
    )


def _build_card(order: ReleaseOrder, build: Build | None) -> Card:
    if build is None:
        return Card("build", "Build", "", False, "none", _("not built yet"), "", "")
    state, word = stages.summary(build)
    detail: Sentence = build_waits(build) if build.state in ACTIVE else ""
    if not detail:
        detail = _("attempt %(n)s by %(who)s") % {"n": build.attempt, "who": build.started_by.shown_name}
    return Card("build", "Build", "", False, state, word or RunState(build.state).label, detail, "")


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
    environment = place.space.environment
    state, word, detail, closed = _said(order, place)
    return Card(
        panel=environment.slug,
        title=environment.label,
        name=environment.shown_name,
        is_production=environment.is_production,
        state=state,
        word=word,
        detail=detail,
        serving=_serving(place.placement),
        closed=closed,
    )


def _serving(placement: Placement | None) -> str:
    if placement is None or placement.good is None:
        return ""
    return f"{placement.good.order.short_name} {placement.ready}/{placement.wanted}"


def _said(order: ReleaseOrder, place: Place) -> tuple[str, Sentence, Sentence, gates.Gate | None]:
    """(state, word, detail, first closed gate) of one card."""
    standing = place.standing
    deployment = standing.deployment
    detail: Sentence = deployment.deployed_by.shown_name if deployment else ""
    if deployment and deployment.state in ACTIVE:
        return standing.state, standing.word, detail, None
    if place.settling is not None:
        return place.settling.state, place.settling.word, detail, None
    if standing.promotion is not None and standing.state == "promoted":
        closed = gates.first_closed(place.deployment_gates)
        return ("blocked", _("blocked"), "", closed) if closed else ("promoted", _("may be deployed"), "", None)
    if deployment is not None:
        word = _("was here") if deployment.state == RunState.SUCCEEDED else standing.word
        return standing.state, word, detail, None
    if order.state == OrderState.CLOSED:
        return "none", _("not promoted"), "", None
    closed = gates.first_closed(place.promotion_gates)
    return "none", _("not promoted"), "", closed
