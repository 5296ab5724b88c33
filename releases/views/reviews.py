"""部署核对: read, decide, deploy. A GET writes nothing; an old review is refreshed by POST."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.models import User
from components import live_reads
from environments.access import Rights, who_may
from environments.models import Space
from foundation.api.routes import api_route
from foundation.messages import localized_names
from foundation.messages import message as _
from foundation.pages import act_view, form_view, is_htmx, redirect_with, wanted_part
from foundation.problems import Invalid, Missing
from releases import approval_gates, gates, selectors
from releases.choices import ApprovalState
from releases.forms import DecisionForm, DeployForm, TakeOverForm
from releases.live_reads import layers_between
from releases.models import Approval, Deployment, Placement, ReleaseOrder, Review, Snapshot
from releases.presenters.acts import panel_url, refusal
from releases.presenters.diff import diff_of
from releases.presenters.facts import compare, folded
from releases.presenters.review import (
    additions_of,
    approvals_of,
    bars_of,
    conflicts_of,
    effect_of,
    gates_for_others,
    gates_shown,
    gates_to_deploy,
    has_moved,
    node_capacity_of,
    problems_of,
)
from releases.presenters.schedules import scheduling
from releases.presenters.words import reason_of, why_waiting
from releases.services import approvals, turns
from releases.services import reviews as review_acts
from releases.services.reviews import start_review
from releases.services.ticks import reviewed_ticks
from releases.successes import newest_of
from releases.turns import line_of
from releases.views.pages import live, page

DECIDED = (ApprovalState.GIVEN, ApprovalState.REJECTED)


@api_route("reviews_create")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """What exactly will change? POST reviews again."""
    order, space = selectors.order_and_space(actor_of(request), number, environment)
    if request.method == "POST":
        start_review(actor=actor_of(request), order=order, space=space)
        if is_htmx(request):
            # The new review is announced over the socket; the page stays as it is until then.
            return HttpResponse(status=204)
        return redirect("releases:review", number, space.environment.slug)
    if wanted_part(request) == "commits":
        return page(request, "releases/_commits.html", _between(order, space))
    context = review_context(request, order, space)
    if request.GET.get("commits"):
        context |= _between(order, space)
    template = "releases/_review.html" if wanted_part(request) else "releases/review.html"
    return page(request, template, context)


def running_there(place: Placement | None) -> Deployment | None:
    """What an approver compares with: the last that the cluster accepted, or else the last that succeeded."""
    if place is None:
        return None
    rows = Deployment.objects.select_related(
        "snapshot__order__author", "snapshot__order__base_image", "snapshot__order__dockerfile__template",
        "snapshot__order__bootstart__template", "snapshot__component_settings__author", "snapshot__config__author",
        "snapshot__deployment_template__template", "snapshot__service_template__template",
        "snapshot__allocation__author", "snapshot__entry_check",
    )  # fmt: skip
    pk = place.last_applied_id or place.last_succeeded_id
    return rows.filter(pk=pk, snapshot__isnull=False).first() if pk else None


def full_snapshot(pk: int) -> Snapshot:
    """The snapshot with everything that the comparison names."""
    rows = Snapshot.objects.select_related(
        "order__author", "order__project", "order__base_image", "order__dockerfile__template",
        "order__dockerfile__author", "order__bootstart__template", "order__bootstart__author",
        "component_settings__author", "config__author",
        "deployment_template__template", "deployment_template__author", "service_template__template",
        "service_template__author", "allocation__author", "entry_check__author", "space__environment", "space__project",
    )  # fmt: skip
    return rows.get(pk=pk)


def review_context(
    request: HttpRequest, order: ReleaseOrder, space: Space, *, form: DeployForm | None = None
) -> dict[str, Any]:
    """Everything on the page; ``form`` is the deploy form with its errors."""
    user, rights = actor_of(request), Rights(actor_of(request))
    review = selectors.latest_review(order, space)
    snapshot = full_snapshot(review.snapshot_id) if review and review.snapshot_id else None
    place = selectors.placement_of(order, space)
    bars = bars_of(review) if review else []
    running = running_there(place)
    found = gates_to_deploy(order, space, review, snapshot, rights)
    no = refusal(rights, "deploy", space=space, gates=found, order=order)
    deciding = words_on(approvals_of(review), snapshot, user, is_deploying=not no.why)
    if deciding["own_word"] or deciding["is_deciding"]:
        # With their word this person deploys it no more: what is shown is how it stands for the others.
        found = gates_for_others(order, space, review, snapshot)
    if deciding["own_word"]:
        deciding |= _said(deciding["own_word"], order, found)
    return {
        "order": order,
        "space": space,
        "environment": space.environment,
        "review": review,
        "snapshot": snapshot,
        "place": place,
        "running": running,
        **gates_shown(found),
        "is_fresh": bool(review and selectors.is_fresh(review)),
        "has_moved": has_moved(review, place),
        **_may_review(order, space, rights),
        **folded(compare(snapshot, running) if snapshot else []),
        "diff": diff_of(review) if review and snapshot else [],
        "bars": bars,
        "node_capacity": node_capacity_of(review),
        "waiting": why_waiting(review) if review and review.is_active else "",
        "reason": reason_of(review) if review else "",
        "problems": problems_of(review),
        "conflicts": conflicts_of(review),
        "additions": additions_of(review),
        **_taking_over(review, space, rights),
        **deciding,
        "effect": effect_of(snapshot, place, running) if snapshot else None,
        "deploy_why": no.why,
        "deploy_who": no.who,
        "deploy_explain": no.explain,
        "deploy_form": form or _deploy_form(order, space, review, snapshot),
        **scheduling(order, space, rights),
        **live(order, space.pk),
    }


def _taking_over(review: Review | None, space: Space, rights: Rights) -> dict[str, Any]:
    """The form, where others set or added fields; who may where this person may not."""
    if review is None or not review_acts.open_fields(review):
        return {}
    no = refusal(rights, "take_over", space=space, gates=[])
    return {
        "take_over_form": TakeOverForm(),
        "take_over_why": no.why,
        "take_over_who": no.who,
        "take_over_explain": no.explain,
    }


def _may_review(order: ReleaseOrder, space: Space, rights: Rights) -> dict[str, Any]:
    may_review = rights.can("review", space=space) or rights.can("approve", space=space)
    return {"may_review": may_review and bool(order.image_digest), "who_may_review": who_may("review", space=space)}


def words_on(given: list[Approval], snapshot: Snapshot | None, user: User, *, is_deploying: bool) -> dict[str, Any]:
    """The approvals and rejections so far, the viewer's own among them, and what is next once that is given."""
    own = next((one for one in given if one.by_id == user.pk and one.state in DECIDED), None)
    is_asked = snapshot is not None and snapshot.space.approvals > 0
    why = approvals.why_not(user, snapshot) if snapshot and is_asked and own is None else ""
    is_deciding = is_asked and own is None and not why and not is_deploying
    return {
        "is_deciding": is_deciding,
        "is_rejected": any(one.state == ApprovalState.REJECTED for one in given),
        "nobody_deploys": approval_gates.nobody_deploys_after(user, snapshot) if snapshot and is_deciding else "",
        "approvals": given,
        "own_word": own,
        "decide_why": why,
        "next_to_approve": next_url() if own else "",
    }


def _said(own: Approval, order: ReleaseOrder, found: list[gates.Gate]) -> dict[str, Any]:
    """What this person has said of it, and what comes next: another approval, or who deploys."""
    if own.state == ApprovalState.REJECTED:
        return {"said": _("You rejected it."), "said_next": ""}
    closed = gates.first_closed(found)
    if closed is not None:
        return {"said": _("You approved it."), "said_next": closed.message}
    names = approval_gates.deployers_left(order, own.snapshot.space, {own.by_id})
    said = _("%(who)s may deploy it now.", who=localized_names(names)) if names else _("Nobody is left to deploy it.")
    return {"said": _("You approved it."), "said_next": said}


def next_url() -> str:
    """The next one that waits for this person, where the desk keeps such a queue."""
    try:
        return reverse("desk:approvals-next")
    except NoReverseMatch:
        return ""


def _deploy_form(order: ReleaseOrder, space: Space, review: Review | None, snapshot: Snapshot | None) -> DeployForm:
    """Empty, with what the person saw."""
    initial = {
        "snapshot": snapshot.hash if snapshot else "",
        "live_fingerprint": review.live_fingerprint if review else "",
    }
    return DeployForm(initial=initial, **asked_for_deploying(order, space, review))


def asked_for_deploying(order: ReleaseOrder, space: Space, review: Review | None) -> dict[str, Any]:
    """What the deploy form asks for, besides what the person saw."""
    ticks = reviewed_ticks(review.findings) if review else []
    place = selectors.placement_of(order, space)
    has_line = any(turn.order_id != order.pk for turn in line_of(place)) if place else False
    is_production = space.environment.is_production
    return {"number": order.number, "is_production": is_production, "removals": ticks, "has_line": has_line}


def _between(order: ReleaseOrder, space: Space) -> dict[str, Any]:
    """Commits and layers between what runs there and this order: reads of Git and registry that never fail the page."""
    running = running_there(selectors.placement_of(order, space))
    context: dict[str, Any] = {
        "order": order, "environment": space.environment, "running": running, "is_read": True
    }  # fmt: skip
    if running is None:
        return context
    if running.order.commit and running.order.commit != order.commit:
        url = order.component_settings.git_url if order.component_settings else ""
        context["commits"] = live_reads.commits_between(
            order.component, running.order.commit, order.commit, git_url=url
        )
    context["commits_are_same"] = running.order.commit == order.commit
    if running.order.image_digest != order.image_digest:
        context["layers"] = layers_between(running.order, order)
    return context


@api_route("deployments_create")
@form_view
def deploy(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """Deploy what was seen. Without a snapshot only where the environment asks for no review."""
    order, space = selectors.order_and_space(actor_of(request), number, environment)
    if request.method != "POST":
        return redirect("releases:review", number, space.environment.slug)
    form = DeployForm(request.POST, **asked_for_deploying(order, space, selectors.latest_review(order, space)))
    if not form.is_valid():
        return page(request, "releases/review.html", review_context(request, order, space, form=form), status=400)
    made = turns.deploy_in_turn(
        actor=actor_of(request),
        order=order,
        space=space,
        snapshot_hash=form.cleaned_data["snapshot"],
        live_fingerprint=form.cleaned_data["live_fingerprint"],
        removals=form.cleaned_data.get("removals", []),
        supersede=form.cleaned_data.get("supersede", False),
    )
    if isinstance(made, Deployment):
        return redirect("releases:rollout", made.pk)
    message = _("It waits its turn, place %(place)s.", place=made.position)
    return redirect_with(request, message, panel_url(number, space.environment.slug))


@api_route("take_overs_create")
@form_view
def take_over(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Take over the fields that the review names, with a reason; a new review follows."""
    order = selectors.order_by_number(actor_of(request), number)
    review = selectors.review_of(order, pk)
    if request.method != "POST":
        return redirect("releases:review", number, review.space.environment.slug)
    form = TakeOverForm(request.POST)
    if not form.is_valid():
        context = review_context(request, order, review.space) | {"take_over_form": form}
        return page(request, "releases/review.html", context, status=400)
    review_acts.take_over(actor=actor_of(request), review=review, reason=form.cleaned_data["reason"])
    return redirect("releases:review", number, review.space.environment.slug)


@api_route("approvals_create")
@form_view
def decide(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """Approve or reject exactly the snapshot that the form names."""
    order, space = selectors.order_and_space(actor_of(request), number, environment)
    if request.method != "POST":
        return redirect("releases:review", number, space.environment.slug)
    snapshot, decision = decision_in(request, order, space)
    try:
        is_yes = decide_on(request, snapshot, decision)
    except Invalid as missing:
        if of_roll_back(snapshot):
            raise
        context = review_context(request, order, space) | {"comment_errors": missing.fields.get("comment", [])}
        return page(request, "releases/review.html", context, status=400)
    if not is_yes:
        # The page's verdict says who rejected it and why, in red: a message beside it would say it twice.
        return redirect(*_page_of(snapshot))
    return redirect_with(request, _("Approved."), *_page_of(snapshot))


def decision_in(request: HttpRequest, order: ReleaseOrder, space: Space) -> tuple[Snapshot, dict[str, Any]]:
    """The snapshot that the form names, and what it says of it. Raises Invalid for another form, Missing."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(said) for said in messages] for name, messages in form.errors.items()})
    rows = Snapshot.objects.filter(order=order, space=space, hash__startswith=form.cleaned_data["snapshot"])
    snapshot = rows.select_related("order__project", "space__environment", "space__project").first()
    if snapshot is None:
        raise Missing(_("This order has no such snapshot there."))
    return snapshot, form.cleaned_data


def decide_on(request: HttpRequest, snapshot: Snapshot, decision: dict[str, Any]) -> bool:
    """True for an approval, False for a rejection. Raises Invalid without a comment that is asked for, Denied, …"""
    is_yes: bool = decision["decision"] == "approve"
    act = approvals.approve if is_yes else approvals.reject
    act(actor=actor_of(request), snapshot=snapshot, comment=decision["comment"])
    return is_yes


def of_roll_back(snapshot: Snapshot) -> Deployment | None:
    """What would be rolled back to, of a snapshot that is not what a deployment of its order would apply now."""
    latest = selectors.latest_review(snapshot.order, snapshot.space)
    return None if latest is None or latest.snapshot_id == snapshot.pk else newest_of(snapshot)


def _page_of(snapshot: Snapshot) -> tuple[str, ...]:
    """Where this snapshot is decided on."""
    slug = snapshot.space.environment.slug
    if snapshot.removes is None and (good := of_roll_back(snapshot)):
        names = [snapshot.space.project.slug, snapshot.component.slug, slug]
        return (f"{reverse('releases:roll-back', args=names)}?to={good.pk}",)
    if snapshot.removes is None:
        return ("releases:review", snapshot.order.number, slug)
    return ("releases:remove", snapshot.space.project.slug, snapshot.component.slug, slug)


@api_route("approvals_withdraw")
@act_view
def withdraw_approval(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Take one's own yes or no back."""
    order = selectors.order_by_number(actor_of(request), number)
    rows = Approval.objects.select_related(
        "space__environment", "space__project", "order__project", "snapshot__space__environment", "by",
        "scale_request__snapshot",
    )  # fmt: skip
    approval = rows.filter(order=order, pk=pk).first()
    if approval is None:
        raise Missing(_("This order has no such approval."))
    approvals.withdraw_approval(actor=actor_of(request), approval=approval)
    said = _("Your decision is withdrawn.")
    if approval.scale_request_id:
        return redirect_with(request, said, "releases:scale-request", approval.scale_request_id)
    return redirect_with(request, said, *_page_of(approval.snapshot))
