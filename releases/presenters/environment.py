"""An order in one environment: its panel and the buttons there; ``states.py`` words what they show."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.urls import reverse

from environments.access import Rights
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases import break_glass, gates, holds, selectors
from releases.models import Approval, BreakGlass, Deployment, Placement, Promotion, ReleaseOrder, Review, Turn
from releases.presenters.acts import Act, Refusal, refusal
from releases.presenters.break_glass import ShownBreakGlass, open_act, shown_rows
from releases.presenters.holds import ShownHold, shown_holds
from releases.presenters.review import approvals_of
from releases.presenters.roll_back_asks import AskedRollBack, asked_of_order
from releases.presenters.schedules import ShownSchedule, schedule_act, shown_schedule
from releases.presenters.standings import Standing
from releases.presenters.words import Diagnosis, diagnosis_of, reason_of
from releases.turns import line_of

MOST_BREAK_GLASS = 5
"""So many of an order in one space are shown."""


@dataclass(frozen=True)
class Place:
    """Everything about the order in one space, read once for card and panel."""

    space: Space
    standing: Standing
    placement: Placement | None
    review: Review | None
    promotion_gates: list[gates.Gate]
    deployment_gates: list[gates.Gate]
    break_glass: BreakGlass | None
    """In force for the order there."""


def place_of(order: ReleaseOrder, standing: Standing, rights: Rights) -> Place:
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
        break_glass=break_glass.in_force(order, space),
    )


@dataclass(frozen=True)
class SpacePanel:
    """One environment of the order."""

    place: Place
    promotions: list[Promotion]
    approvals: list[Approval]
    deployments: list[Deployment]
    promote_refusal: Refusal
    withdraw: Act | None
    review: Act
    deploy: Act | None
    roll_back: Act | None
    line: list[Turn]
    instead: Act | None
    leave: Act | None
    break_glasses: list[ShownBreakGlass]
    open_break_glass: Act | None
    holds: list[ShownHold]
    scheduled: ShownSchedule | None
    schedule: Act | None
    """The way to a time at which it is deployed."""
    asked_back: AskedRollBack | None
    """That the order comes back there, which waits for approval."""

    @property
    def space(self) -> Space:
        """The environment of this project."""
        return self.place.space

    @property
    def latest(self) -> Deployment | None:
        """The order's newest deployment there."""
        return self.deployments[0] if self.deployments else None

    @property
    def diagnosis(self) -> Diagnosis | None:
        """Why the newest deployment failed."""
        return diagnosis_of(self.latest.diagnosis) if self.latest else None

    @property
    def reason(self) -> MessageLike:
        """The same in a few words."""
        return reason_of(self.latest) if self.latest else ""


def space_panel(order: ReleaseOrder, place: Place, rights: Rights) -> SpacePanel:
    """Everything about the order there, with the buttons as they stand for this viewer."""
    space = place.space
    no = refusal(rights, "promote", space=space, owner_id=order.author_id, gates=place.promotion_gates, order=order)
    rows = selectors.deployments_of(order).filter(space=space).select_related("order")
    deploy = deploy_act(order, place, rights)
    line = line_of(place.placement) if place.placement else []
    scheduled = shown_schedule(order, space, rights)
    return SpacePanel(
        place=place,
        promotions=list(Promotion.objects.filter(order=order, space=space).select_related("promoted_by")[:20]),
        approvals=approvals_of(place.review),
        deployments=list(rows[:20]),
        promote_refusal=no,
        withdraw=_withdraw_act(order, place, rights),
        review=review_act(order, place, rights),
        deploy=deploy,
        roll_back=roll_back_act(place.placement, space, rights),
        line=line,
        instead=_instead(deploy, place, line),
        leave=leave_act(place.standing.turn, rights),
        break_glasses=shown_rows(break_glass.rows_of(order, space)[:MOST_BREAK_GLASS], rights),
        open_break_glass=open_act(order, space, rights, [gate for gate in place.deployment_gates if not gate.is_open]),
        holds=shown_holds(holds.over(order, space), rights),
        scheduled=scheduled,
        schedule=schedule_act(order, space, rights, scheduled) if place.standing.promotion else None,
        asked_back=asked_of_order(order, space),
    )


def _instead(deploy: Act | None, place: Place, line: list[Turn]) -> Act | None:
    """Deploying with nobody waiting any more but this order; None where nobody waits, or one may not deploy."""
    if deploy is None or not deploy.is_allowed or not line or place.standing.turn:
        return None
    ask = _("Those that wait here are cancelled: %(n)s. What is being deployed goes on.", n=len(line))
    label = _("Instead of those that wait")
    return replace(deploy, label=label, values=(("supersede", "on"),), confirm=ask, letter="")


def leave_act(turn: Turn | None, rights: Rights) -> Act | None:
    """The button that ends the waiting."""
    if turn is None:
        return None
    space = turn.placement.space
    no = refusal(rights, "cancel_deployment", space=space, owner_id=turn.asked_by_id, order=turn.order)
    return Act(_("Wait no longer"), reverse("releases:cancel-turn", args=[turn.pk]), "post", no=no)


def _withdraw_act(order: ReleaseOrder, place: Place, rights: Rights) -> Act | None:
    promotion = place.standing.promotion
    if promotion is None:
        return None
    no = refusal(rights, "promote", space=place.space, owner_id=order.author_id, order=order)
    url = reverse("releases:withdraw-promotion", args=[order.number, promotion.pk])
    return Act(_("Withdraw the promotion"), url, no=no)


def review_act(order: ReleaseOrder, place: Place, rights: Rights) -> Act:
    """The link to the review page: everybody who sees the order may read it."""
    url = reverse("releases:review", args=[order.number, place.space.environment.slug])
    why = "" if order.image_digest else _("The order has no image yet: build it first.")
    may_act = rights.can("deploy", space=place.space) or rights.can("approve", space=place.space)
    return Act(_("Review and deploy") if may_act else _("See the review"), url, no=Refusal(why))


def has_problems(review: Review | None) -> bool:
    """It ended without a snapshot: what it found is read, and mended, before anybody deploys."""
    return review is not None and review.is_terminal and review.snapshot_id is None


def deploy_act(order: ReleaseOrder, place: Place, rights: Rights, *, is_primary: bool = False) -> Act | None:
    """One act that makes review and deployment, where the space asks for no review."""
    space = place.space
    if space.asks_review:
        return None
    url = reverse("releases:deploy", args=[order.number, space.environment.slug])
    label = _("Deploy to %(name)s", name=space.environment.label)
    no = refusal(rights, "deploy", space=space, gates=place.deployment_gates, order=order)
    letter = "d" if is_primary else ""
    return Act(label, url, "post", no=no, is_primary=is_primary, letter=letter)


def roll_back_act(place: Placement | None, space: Space, rights: Rights) -> Act | None:
    """The way to the choice of what succeeded there before; None where nothing did but what stands there now."""
    if place is None or not selectors.has_earlier_success(place):
        return None
    no = refusal(rights, "deploy", space=space)
    names = [space.project.slug, place.component.slug, space.environment.slug]
    return Act(
        _("Roll back"),
        reverse("releases:roll-back", args=names),
        no=no,
        sign="rollback",
    )
