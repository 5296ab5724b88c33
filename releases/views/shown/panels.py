"""The panels below the lane: the build's, and one environment's."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from environments.access import Rights, who_may
from environments.models import Space
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from releases import selectors
from releases.choices import OrderState
from releases.logs.index import LogIndex
from releases.logs.reading import Line, read_lines
from releases.models import Approval, Build, Deployment, Placement, Promotion, ReleaseOrder, Review
from releases.views.shown import stages
from releases.views.shown.acts import Act, refusal
from releases.views.shown.facts import console_url
from releases.views.shown.lane import Place
from releases.views.shown.usual import UsualBuild, seconds_between
from releases.views.shown.words import Diagnosis, build_waits, diagnosis_of, reason_of


@dataclass(frozen=True)
class BuildPanel:
    """The newest attempt (or the one asked for), with its strip. ``error`` is the log's first line that tells of one.

    ``seconds`` since it began, ``usual`` as long as builds of this component take; None: nobody knows.
    """

    build: Build | None
    attempts: list[Build]
    stages: list[stages.Stage]
    waits: Sentence
    reason: Sentence
    console: str
    start: Act | None
    error: Line | None
    seconds: int | None
    usual: int | None


def build_panel(
    order: ReleaseOrder, rights: Rights, attempt: int | None = None, usual: UsualBuild | None = None
) -> BuildPanel:
    """Attempts newest first; ``attempt`` picks an older one."""
    rows = Build.objects.filter(order=order).select_related("started_by", "server", "stop_requested_by", "registry")
    attempts = list(rows.order_by("-attempt"))
    build = next((row for row in attempts if row.attempt == attempt), attempts[0] if attempts else None)
    return BuildPanel(
        build=build,
        attempts=attempts,
        stages=stages.strip(build, usual),
        waits=build_waits(build) if build else "",
        reason=reason_of(build) if build else "",
        console=console_url(build) if build else "",
        start=start_act(order, rights),
        error=_first_error(build) if build else None,
        seconds=seconds_between(build.started_at, build.finished_at) if build else None,
        usual=usual.seconds if usual else None,
    )


def _first_error(build: Build) -> Line | None:
    """Where a reader of a failed build begins."""
    if build.state not in (RunState.FAILED, RunState.ERRORED):
        return None
    number = LogIndex.read(build.log_index).first_error
    return next(iter(read_lines(build, number, 1)), None) if number else None


def start_act(order: ReleaseOrder, rights: Rights) -> Act | None:
    """The way to the dialog; None when there is nothing to build any more."""
    if order.state not in (OrderState.CREATED, OrderState.BUILD_FAILED):
        return None
    no = refusal(rights, "build", project_id=order.project_id, owner_id=order.author_id)
    label = _("Build") if order.state == OrderState.CREATED else _("Build again")
    url = reverse("releases:build", args=[order.number])
    return Act(label, url, why=no.why, who=no.who, is_primary=True, letter="b")


def stop_act(order: ReleaseOrder, build: Build | None, rights: Rights) -> Act | None:
    """The stop button of a build that goes on; None otherwise."""
    if build is None or build.state not in ACTIVE:
        return None
    url = reverse("releases:stop", args=[order.number, build.attempt])
    if build.stop_requested_at:
        sentence = _("It was asked to stop; the page says so when Jenkins has stopped it.")
        return Act(_("Stop the build"), url, "post", why=sentence, is_danger=True)
    no = refusal(rights, "stop_build", project_id=order.project_id, owner_id=order.author_id)
    ask = _("Jenkins is asked to stop it; the order can be built again.")
    return Act(_("Stop the build"), url, "post", why=no.why, who=no.who, is_danger=True, confirm=ask)


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
    roll_back: Act | None

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
    def reason(self) -> Sentence:
        """The same in a few words."""
        return reason_of(self.latest) if self.latest else ""


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
        deploy=deploy_act(order, place, rights),
        roll_back=roll_back_act(place.placement, space, rights),
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
    return Act(_("Review and deploy") if may_act else _("See the review"), url, why=why)


def deploy_act(order: ReleaseOrder, place: Place, rights: Rights, *, is_primary: bool = False) -> Act | None:
    """One act that makes review and deployment, where the space asks for no review."""
    space = place.space
    if space.asks_review:
        return None
    url = reverse("releases:deploy", args=[order.number, space.environment.slug])
    label = _("Deploy to %(name)s") % {"name": space.environment.label}
    no = refusal(rights, "deploy", space=space, gates=place.deployment_gates)
    letter = "d" if is_primary else ""
    return Act(label, url, "post", why=no.why, who=no.who, is_primary=is_primary, letter=letter)


def roll_back_act(place: Placement | None, space: Space, rights: Rights) -> Act | None:
    """The way to the choice of what succeeded there before; None where nothing did but what stands there now."""
    if place is None or not selectors.has_earlier_success(place):
        return None
    no = refusal(rights, "deploy", space=space)
    names = [space.project.slug, place.component.slug, space.environment.slug]
    return Act(_("Roll back"), reverse("releases:roll-back", args=names), why=no.why, who=no.who, sign="rollback")


def header_acts(order: ReleaseOrder, rights: Rights) -> list[Act]:
    """What is in the order's menu, beside the one primary button."""
    repeat = f"{reverse('releases:new')}?repeat={order.number}"
    acts = [_plain(order, rights, "create_order", _("Repeat as a new order"), repeat, sign="plus")]
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
    no = refusal(rights, "check", project_id=order.project_id)
    return Act(_("Check"), reverse("releases:check", args=[order.number]), "post", why=no.why, who=no.who)


def _plain(order: ReleaseOrder, rights: Rights, verb: str, label: Sentence, url: str, *, sign: str) -> Act:
    no = refusal(rights, verb, project_id=order.project_id, owner_id=order.author_id)
    return Act(label, url, why=no.why, who=no.who, sign=sign)


def cancel_act(deployment: Deployment, rights: Rights) -> Act | None:
    """The cancel button of a deployment that goes on; None otherwise."""
    if deployment.state not in ACTIVE:
        return None
    url = reverse("releases:cancel", args=[deployment.pk])
    if deployment.cancel_requested_at:
        return Act(_("Cancel"), url, "post", why=_("It was asked to cancel: a moment."))
    space = deployment.space
    if rights.can("cancel_deployment", space=space, owner_id=deployment.deployed_by_id):
        ask = _("Nobody follows it any more; what the cluster has accepted stays as it is.")
        return Act(_("Cancel"), url, "post", is_danger=True, confirm=ask)
    return Act(
        _("Cancel"),
        url,
        "post",
        why=_("Only its deployer and operations cancel it."),
        who=who_may("deploy", space=space),
    )
