"""部署核对: look, decide, deploy. A GET writes nothing; an old look is refreshed by POST."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from components import looks
from environments.access import Rights, who_may
from environments.models import Space
from foundation.problems import Invalid, Missing
from releases import gates, selectors
from releases.choices import ApprovalState
from releases.forms import DecisionForm, DeployForm
from releases.looks import layers_between
from releases.models import Approval, Deployment, Placement, ReleaseOrder, Review, Snapshot
from releases.services import approvals, deployments
from releases.views.pages import done, is_partial, live, page, person
from releases.views.shown.acts import refusal
from releases.views.shown.differences import diff_of
from releases.views.shown.effects import effect_of
from releases.views.shown.facts import compare, folded
from releases.views.shown.looked import bars_of, has_moved, review_gates
from releases.views.shown.panels import approvals_of
from releases.views.shown.words import reason_of, why_waiting

DECIDED = (ApprovalState.GIVEN, ApprovalState.REJECTED)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """What exactly will change? POST looks again."""
    order = selectors.order_by_number(person(request), number)
    space = selectors.space_of(order, environment)
    if request.method == "POST":
        deployments.start_review(actor=person(request), order=order, space=space)
        if "HX-Request" in request.headers:
            # The new look tells itself over the socket; the page stays as it is until then.
            return HttpResponse(status=204)
        return redirect("releases:review", number, space.environment.slug)
    if is_partial(request) and request.GET["part"] == "commits":
        return page(request, "releases/_commits.html", _between(order, space))
    context = review_context(request, order, space)
    if request.GET.get("commits"):
        context |= _between(order, space)
    template = "releases/_review.html" if is_partial(request) else "releases/review.html"
    return page(request, template, context)


def running_there(place: Placement | None) -> Deployment | None:
    """What an approver compares with: the last that the cluster accepted, or else the last that succeeded."""
    if place is None:
        return None
    rows = Deployment.objects.select_related(
        "snapshot__order__author", "snapshot__order__base_image", "snapshot__order__dockerfile__template",
        "snapshot__order__bootstart__template", "snapshot__settings__author", "snapshot__config__author",
        "snapshot__deployment_template__template", "snapshot__service_template__template",
        "snapshot__allocation__author",
    )  # fmt: skip
    pk = place.applied_id or place.good_id
    return rows.filter(pk=pk, snapshot__isnull=False).first() if pk else None


def full_snapshot(pk: int) -> Snapshot:
    """The snapshot with everything that the comparison names."""
    rows = Snapshot.objects.select_related(
        "order__author", "order__project", "order__base_image", "order__dockerfile__template",
        "order__dockerfile__author", "order__bootstart__template", "order__bootstart__author", "settings__author",
        "config__author",
        "deployment_template__template", "deployment_template__author", "service_template__template",
        "service_template__author", "allocation__author", "space__environment", "space__project",
    )  # fmt: skip
    return rows.get(pk=pk)


def review_context(
    request: HttpRequest, order: ReleaseOrder, space: Space, *, form: DeployForm | None = None
) -> dict[str, Any]:
    """Everything on the page; ``form`` is the deploy form with its errors."""
    user, rights = person(request), Rights(person(request))
    look = selectors.latest_review(order, space)
    snapshot = full_snapshot(look.snapshot_id) if look and look.snapshot_id else None
    place = selectors.placement_of(order, space)
    bars = bars_of(look) if look else []
    running = running_there(place)
    found = [*review_gates(look, bars), *gates.deployment_gates(order, space, snapshot=snapshot, deployer=user)]
    no = refusal(rights, "deploy", space=space, gates=found)
    return {
        "order": order,
        "space": space,
        "environment": space.environment,
        "review": look,
        "snapshot": snapshot,
        "place": place,
        "running": running,
        "gates": found,
        "closed_count": sum(not gate.is_open for gate in found),
        "first_closed": gates.first_closed(found),
        "is_fresh": bool(look and selectors.is_fresh(look)),
        "has_moved": has_moved(look, place),
        **_may_look(order, space, rights),
        **folded(compare(snapshot, running) if snapshot else []),
        "diff": diff_of(look) if look and snapshot else [],
        "bars": bars,
        "waiting": why_waiting(look) if look and look.is_active else "",
        "reason": reason_of(look) if look else "",
        **_deciding(look, snapshot, user),
        "effect": effect_of(snapshot, place, running) if snapshot else None,
        "deploy_why": no.why,
        "deploy_who": no.who,
        "deploy_form": form or _deploy_form(order, space, look, snapshot),
        **live(order, space.pk),
    }


def _may_look(order: ReleaseOrder, space: Space, rights: Rights) -> dict[str, Any]:
    may_look = rights.can("review", space=space) or rights.can("approve", space=space)
    return {"may_look": may_look and bool(order.image_digest), "who_may_look": who_may("review", space=space)}


def _deciding(look: Review | None, snapshot: Snapshot | None, user: User) -> dict[str, Any]:
    """The words given so far, the viewer's own among them, and what is next once that is given."""
    given = approvals_of(look)
    own = next((one for one in given if one.by_id == user.pk and one.state in DECIDED), None)
    is_asked = snapshot is not None and snapshot.space.approvals > 0
    return {
        "approvals": given,
        "own_word": own,
        "decide_why": approvals.why_not(user, snapshot) if snapshot and is_asked and own is None else "",
        "next_to_approve": _next_url() if own else "",
    }


def _next_url() -> str:
    """The next one that waits for this person, where the desk keeps such a queue."""
    try:
        return reverse("desk:approvals-next")
    except NoReverseMatch:
        return ""


def _deploy_form(order: ReleaseOrder, space: Space, look: Review | None, snapshot: Snapshot | None) -> DeployForm:
    initial = {
        "snapshot": snapshot.hash if snapshot else "",
        "live_fingerprint": look.live_fingerprint if look else "",
    }
    return DeployForm(initial=initial, number=order.number, is_production=space.environment.is_production)


def _between(order: ReleaseOrder, space: Space) -> dict[str, Any]:
    """Commits and layers between what runs there and this order: reads of Git and registry that never fail the page."""
    running = running_there(selectors.placement_of(order, space))
    context: dict[str, Any] = {
        "order": order, "environment": space.environment, "running": running, "is_read": True
    }  # fmt: skip
    if running is None:
        return context
    if running.order.commit and running.order.commit != order.commit:
        url = order.settings.git_url if order.settings else ""
        context["commits"] = looks.commits_between(order.component, running.order.commit, order.commit, git_url=url)
    context["commits_are_same"] = running.order.commit == order.commit
    if running.order.image_digest != order.image_digest:
        context["layers"] = layers_between(running.order, order)
    return context


@login_required
@require_POST
def deploy(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """Deploy what was seen. Without a snapshot only where the environment asks for no review."""
    order = selectors.order_by_number(person(request), number)
    space = selectors.space_of(order, environment)
    form = DeployForm(request.POST, number=order.number, is_production=space.environment.is_production)
    if not form.is_valid():
        return page(request, "releases/review.html", review_context(request, order, space, form=form), status=400)
    deployment = deployments.start_deployment(
        actor=person(request),
        order=order,
        space=space,
        snapshot_hash=form.cleaned_data["snapshot"],
        live_fingerprint=form.cleaned_data["live_fingerprint"],
    )
    return redirect("releases:rollout", deployment.pk)


@login_required
@require_POST
def decide(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """Approve or reject exactly the snapshot that the form names."""
    order = selectors.order_by_number(person(request), number)
    space = selectors.space_of(order, environment)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(said) for said in sentences] for name, sentences in form.errors.items()})
    rows = Snapshot.objects.filter(order=order, space=space, hash__startswith=form.cleaned_data["snapshot"])
    snapshot = rows.select_related("order__project", "space__environment", "space__project").first()
    if snapshot is None:
        raise Missing(_("This order has no such snapshot there."))
    is_yes = form.cleaned_data["decision"] == "approve"
    act = approvals.approve if is_yes else approvals.reject
    try:
        act(actor=person(request), snapshot=snapshot, comment=form.cleaned_data["comment"])
    except Invalid as missing:
        context = review_context(request, order, space) | {"comment_errors": missing.fields.get("comment", [])}
        return page(request, "releases/review.html", context, status=400)
    return done(request, _("Approved.") if is_yes else _("Rejected."), "releases:review", number, environment)


@login_required
@require_POST
def withdraw_approval(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Take one's own yes or no back."""
    order = selectors.order_by_number(person(request), number)
    rows = Approval.objects.select_related("space__environment", "space__project", "order__project", "snapshot", "by")
    approval = rows.filter(order=order, pk=pk).first()
    if approval is None:
        raise Missing(_("This order has no such approval."))
    approvals.withdraw_approval(actor=person(request), approval=approval)
    slug = approval.space.environment.slug
    return done(request, _("Your decision is withdrawn."), "releases:review", number, slug)
