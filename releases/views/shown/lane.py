"""The lane ``Build ▸ FAT ▸ UAT ▸ PRD | DRP`` of an order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from environments.access import Rights, names_who_may, who_may
from environments.models import Space
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from foundation.sentences import listed
from releases import gates, selectors
from releases.choices import OrderState
from releases.models import Build, Deployment, Placement, ReleaseOrder, Review
from releases.views.shown import stages
from releases.views.shown.standing import (
    Settling,
    Standing,
    current_promotions,
    latest_deployments,
    settling_of,
    standing_of,
)
from releases.views.shown.usual import UsualBuild, percent_of, seconds_between, usual_build
from releases.views.shown.words import build_waits, why_waiting


@dataclass(frozen=True)
class Card:
    """One card of the lane. ``panel`` is what ``?panel=`` says; ``closed`` the first gate in the way.

    ``detail`` says why it waits; otherwise ``who``, ``at`` and ``seconds`` say who did what is drawn, when and in how
    long. ``percent`` draws a bar while something goes on.
    """

    panel: str
    title: str
    name: str
    is_production: bool
    state: str
    word: Sentence
    detail: Sentence = ""
    serving: str = ""
    pods: str = ""
    who: str = ""
    at: datetime | None = None
    seconds: int | None = None
    usual: int | None = None
    percent: int | None = None
    closed: gates.Gate | None = None
    ask: Sentence = ""


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
    latest: Build | None
    usual: UsualBuild


def read_lane(order: ReleaseOrder, rights: Rights) -> Lane:
    """The whole lane with its gates as they stand for this viewer."""
    deployments, promotions = latest_deployments([order]), current_promotions([order])
    places: dict[str, Place] = {}
    spaces = selectors.spaces_of(order)
    selectors.read_ahead(order, spaces)
    for space in spaces:
        key = (order.pk, space.pk)
        standing = standing_of(order, space, deployments.get(key), promotions.get(key))
        places[space.environment.slug] = _place(order, standing, rights)
    build = selectors.latest_build(order)
    usual = usual_build(order.component_id)
    return Lane(_build_card(build, usual.seconds), _columns(order, places), places, build, usual)


def _place(order: ReleaseOrder, standing: Standing, rights: Rights) -> Place:
    space = standing.space
    review = selectors.latest_review(order, space)
    snapshot = review.snapshot if review else None
    placement = selectors.placement_of(order, space)
    # Four eyes are about who deploys: they tell nothing to those who never may.
    deployer = rights.user if rights.can("deploy", space=space) else None
    return Place(
        space=space,
        standing=standing,
        placement=placement,
        review=review,
        promotion_gates=gates.promotion_gates(order, space),
        deployment_gates=gates.deployment_gates(order, space, snapshot=snapshot, deployer=deployer),
        settling=settling_of(placement, standing.deployment),
    )


# ---------------------------------------------------------------- the build's card
def _build_card(build: Build | None, usual: int | None) -> Card:
    title = str(_("Build"))
    if build is None:
        return Card("build", title, "", False, "none", _("not built yet"))
    state, word = stages.summary(build)
    detail: Sentence = build_waits(build) if build.state in ACTIVE else ""
    seconds = seconds_between(build.started_at or build.created_at, build.finished_at)
    return Card(
        "build",
        title,
        str(_("attempt %(n)s") % {"n": build.attempt}),
        False,
        state,
        word or RunState(build.state).label,
        detail=detail,
        who=build.started_by.shown_name,
        at=build.finished_at or build.created_at,
        seconds=seconds,
        usual=usual if build.state in ACTIVE else None,
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
    environment = place.space.environment
    card = Card(environment.slug, environment.label, environment.shown_name, environment.is_production, "none", "")
    card = replace(card, serving=_serving(order, place.placement))
    deployment = place.standing.deployment
    if deployment is not None and deployment.state in ACTIVE:
        return replace(card, **_under_way(place, deployment))
    if place.settling is not None and deployment is not None:
        done = _done(deployment, pods=_pods(place.placement))
        return replace(card, state=place.settling.state, word=place.settling.word, **done)
    if place.standing.state == "promoted":
        return replace(card, **_promoted(place))
    if deployment is not None:
        word = _("was here") if deployment.state == RunState.SUCCEEDED else place.standing.word
        # What failed is not blocked: its cause is a click away.
        return replace(card, state=place.standing.state, word=word, **_done(deployment))
    return replace(card, **_not_promoted(order, place))


def _under_way(place: Place, deployment: Deployment) -> dict[str, Any]:
    ready, wanted = deployment.progress.get("ready", 0), deployment.progress.get("wanted", 0)
    return {
        "state": deployment.state,
        "word": place.standing.word,
        "who": deployment.deployed_by.shown_name,
        "at": deployment.created_at,
        "detail": why_waiting(deployment) if deployment.state == RunState.QUEUED else "",
        "percent": ready * 100 // wanted if wanted else 0,
    }


def _done(deployment: Deployment, pods: str = "") -> dict[str, Any]:
    return {
        "who": deployment.deployed_by.shown_name,
        "at": deployment.finished_at,
        "seconds": seconds_between(deployment.created_at, deployment.finished_at),
        "pods": pods,
    }


def _promoted(place: Place) -> dict[str, Any]:
    closed = [gate for gate in place.deployment_gates if not gate.is_open]
    if not closed:
        ask = who_may("deploy", space=place.space)
        return {"state": "promoted", "word": _("may be deployed"), "detail": _("It waits for somebody to deploy it."),
                "ask": ask}  # fmt: skip
    word = ngettext("blocked by %(n)s", "blocked by %(n)s", len(closed)) % {"n": len(closed)}
    gate = closed[0]
    return {"state": "blocked", "word": word, "detail": gate.sentence, "closed": gate, "ask": gate.who}


def _not_promoted(order: ReleaseOrder, place: Place) -> dict[str, Any]:
    if order.state == OrderState.CLOSED:
        return {"word": _("not promoted")}
    closed = gates.first_closed(place.promotion_gates)
    if closed is None:
        names = {"word": _("not promoted"), "detail": _("It waits for somebody to promote it.")}
        return names | {"ask": promoters_of(order, place.space)}
    if closed.code == "built":
        return {"word": _("waits for the build"), "closed": closed}
    return {"word": _("not promoted"), "detail": closed.sentence, "closed": closed, "ask": closed.who}


def promoters_of(order: ReleaseOrder, space: Space) -> str:
    """Who may promote the order there: its author first, where creators may."""
    names = names_who_may("promote", space=space)
    if space.creators_may_promote:
        names = [order.author.shown_name, *names]
    return listed(dict.fromkeys(names[:3]))


def _pods(placement: Placement | None) -> str:
    return f"{placement.ready}/{placement.wanted}" if placement else ""


def _serving(order: ReleaseOrder, placement: Placement | None) -> str:
    """What serves there, where it is another order."""
    if placement is None or placement.good is None or placement.good.order_id == order.pk:
        return ""
    return f"{placement.good.order.short_name} {_pods(placement)}"
