"""The panels below the lane: the build's, and one environment's."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from environments.access import Rights, who_may
from environments.models import Space
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE
from releases import selectors
from releases.choices import OrderState
from releases.models import Approval, Build, Deployment, Promotion, ReleaseOrder, Review
from releases.views.shown import stages
from releases.views.shown.acts import Act, refusal
from releases.views.shown.facts import console_url
from releases.views.shown.lane import Place
from releases.views.shown.words import build_waits, reason_of

@dataclass(frozen=True)
class BuildPanel:
    """The newest attempt (or the one asked for), with its strip."""

    build: Build | None
    attempts: list[Build]
    stages: list[stages.Stage]
    waits: Sentence
    reason: Sentence
    console: str
    start: Act | None


def build_panel(order: ReleaseOrder, rights: Rights, attempt: int | None = None) -> BuildPanel:
    """Attempts newest first; ``attempt`` picks an older one."""
    rows = Build.objects.filter(order=order).select_related("started_by", "server", "stop_requested_by", "registry")
    attempts = list(rows.order_by("-attempt"))
    build = next((row for row in attempts if row.attempt == attempt), attempts[0] if attempts else None)
    return BuildPanel(
        build=build,
        attempts=attempts,
        stages=stages.strip(build),
        waits=build_waits(build) if build else "",
        reason=reason_of(build) if build else "",
        console=console_url(build) if build else "",
        start=start_act(order, rights),
    )


def start_act(order: ReleaseOrder, rights: Rights) -> Act | None:
    """The way to the dialog; None when there is nothing to build any more."""
    if order.state not in (OrderState.CREATED, OrderState.BUILD_FAILED):
        return None
    no = refusal(rights, "build", project_id=order.project_id, owner_id=order.author_id)
    label = _("Build") if order.state == OrderState.CREATED else _("Build again")
    return Act(label, reverse("releases:build", args=[order.number]), why=no.why, who=no.who, is_primary=True)


def stop_act(order: ReleaseOrder, build: Build | None, rights: Rights) -> Act | None:
    """The stop button of a build that goes on; None otherwise."""
    if build is None or build.state not in ACTIVE:
        return None
    url = reverse("releases:stop", args=[order.number, build.attempt])
    if build.stop_requested_at:
        sentence = _("It was asked to stop; the page says so when Jenkins has stopped it.")
        return Act(_("Stop the build"), url, "post", why=sentence, is_danger=True)
    no = refusal(rights, "stop_build", project_id=order.project_id, owner_id=order.author_id)
    return Act(_("Stop the build"), url, "post", why=no.why, who=no.who, is_danger=True)


@dataclass(frozen=True)
class SpacePanel:
    """One environment of the order."""

    place: Place
    promotions: list[Promotion]
    approvals: list[Approval]
    deployments: list[Deployment]
    promote_why: Sentence
    promote_who: Sentence
    withdraw: Act | None
    review: Act
    deploy: Act | None

    @property
    def space(self) -> Space:
        """The environment of this project."""
        return self.place.space

    @property
    def latest(self) -> Deployment | None:
        """The order's newest deployment there."""
        return self.deployments[0] if self.deployments else None


def space_panel(order: ReleaseOrder, place: Place, rights: Rights) -> SpacePanel:
    """Everything about the order there, with the buttons as they stand for this viewer."""
    space = place.space
    no = refusal(rights, "promote", space=space, owner_id=order.author_id, gates=place.promotion_gates)
    rows = selectors.deployments_of(order).filter(space=space).select_related("order")
    return SpacePanel(
        place=place,
        promotions=list(Promotion.objects.filter(order=order, space=space).select_related("promoted_by")[:20]),
        approvals=approvals_of(place.review),
        deployments=list(rows[:20]),
        promote_why=no.why,
        promote_who=no.who,
        withdraw=_withdraw_act(order, place, rights),
        review=review_act(order, place, rights),
        deploy=_deploy_act(order, place, rights),
    )


def approvals_of(review: Review | None) -> list[Approval]:
    """Every word about the snapshot that the review found, newest first."""
    if review is None or review.snapshot_id is None:
        return []
    return list(Approval.objects.filter(snapshot=review.snapshot_id).select_related("by"))


def _withdraw_act(order: ReleaseOrder, place: Place, rights: Rights) -> Act | None:
    promotion = place.standing.promotion
    if promotion is None:
        return None
    no = refusal(rights, "promote", space=place.space, owner_id=order.author_id)
    url = reverse("releases:withdraw-promotion", args=[order.number, promotion.pk])
    return Act(_("Withdraw the promotion"), url, why=no.why, who=no.who)


def review_act(order: ReleaseOrder, place: Place, rights: Rights) -> Act:
    """The link to the review page: everybody who sees the order may read it."""
    url = reverse("releases:review", args=[order.number, place.space.environment.slug])
    why = "" if order.image_digest else _("The order has no image yet: build it first.")
    may_act = rights.can("deploy", space=place.space) or rights.can("approve", space=place.space)
    is_next = place.standing.promotion is not None and place.space.asks_review and may_act
    return Act(_("Review and deploy") if may_act else _("See the review"), url, why=why, is_primary=is_next)


def _deploy_act(order: ReleaseOrder, place: Place, rights: Rights) -> Act | None:
    """One act that makes review and deployment, where the space asks for no review."""
    space = place.space
    if space.asks_review:
        return None
    url = reverse("releases:deploy", args=[order.number, space.environment.slug])
    label = _("Deploy to %(name)s") % {"name": space.environment.label}
    no = refusal(rights, "deploy", space=space, gates=place.deployment_gates)
    return Act(label, url, "post", why=no.why, who=no.who, is_primary=True)


def header_acts(order: ReleaseOrder, rights: Rights) -> list[Act]:
    """What is in the order's menu, beside the one primary button."""
    repeat = f"{reverse('releases:new')}?repeat={order.number}"
    acts = [_plain(order, rights, "create_order", _("Repeat as a new order"), repeat)]
    if order.state == OrderState.CLOSED:
        return acts
    for verb, name, label in (
        ("close_order", "done", _("Close as done")),
        ("return", "return", _("Return")),
        ("withdraw_order", "withdraw", _("Withdraw the order")),
    ):
        acts.append(_plain(order, rights, verb, label, reverse("releases:close", args=[order.number, name])))
    return acts


def check_act(order: ReleaseOrder, rights: Rights) -> Act:
    """检测."""
    no = refusal(rights, "check", project_id=order.project_id)
    return Act(_("Check"), reverse("releases:check", args=[order.number]), "post", why=no.why, who=no.who)


def _plain(order: ReleaseOrder, rights: Rights, verb: str, label: Sentence, url: str) -> Act:
    no = refusal(rights, verb, project_id=order.project_id, owner_id=order.author_id)
    return Act(label, url, why=no.why, who=no.who)


def cancel_act(deployment: Deployment, rights: Rights) -> Act | None:
    """The cancel button of a deployment that goes on; None otherwise."""
    if deployment.state not in ACTIVE:
        return None
    url = reverse("releases:cancel", args=[deployment.pk])
    if deployment.cancel_requested_at:
        return Act(_("Cancel"), url, "post", why=_("It was asked to cancel: a moment."))
    space = deployment.space
    if rights.can("cancel_deployment", space=space, owner_id=deployment.deployed_by_id):
        return Act(_("Cancel"), url, "post", is_danger=True)
    return Act(
        _("Cancel"),
        url,
        "post",
        why=_("Only its deployer and operations cancel it."),
        who=who_may("deploy", space=space),
    )
