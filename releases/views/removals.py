"""下线: what goes if a component goes from a space, who approves it, and the act."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.models import User
from environments.access import Rights
from foundation.api.routes import api_route, with_field, without_field
from foundation.problems import Refused
from releases import selectors
from releases.forms import DeployForm
from releases.models import Placement
from releases.presenters.acts import refusal
from releases.presenters.diff import diff_of
from releases.presenters.review import approvals_of, gates_of_removal, gates_shown, has_moved, problems_of
from releases.presenters.words import reason_of, why_waiting
from releases.services import removals
from releases.services.removals import standing_of
from releases.views.pages import live, page
from releases.views.reviews import words_on


@api_route("removal_reviews_create", when=without_field("snapshot"))
@api_route("removals_create", when=with_field("snapshot"))
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """What goes from here? POST without a snapshot reviews it, with the one that was seen it goes."""
    user = actor_of(request)
    place = selectors.placement_by_names(user, project, slug, environment)
    space = place.space
    if request.method == "POST" and "snapshot" not in request.POST:
        removals.review_removal(actor=user, space=space, placement=place)
        return redirect("releases:remove", project, slug, environment)
    form = None
    if request.method == "POST":
        form = DeployForm(request.POST, number=_number(place), is_production=space.environment.is_production)
        if form.is_valid():
            deployment = removals.remove_component(
                actor=user, space=space, placement=place, snapshot_hash=form.cleaned_data["snapshot"]
            )
            return redirect("releases:rollout", deployment.pk)
    context = _context(user, place, form)
    return page(request, "releases/remove.html", context, status=400 if form else 200)


def _number(place: Placement) -> str:
    try:
        return standing_of(place).order.number
    except Refused:
        return ""


def _context(user: User, place: Placement, form: DeployForm | None) -> dict[str, Any]:
    space = place.space
    base: dict[str, Any] = {
        "place": place, "component": place.component, "space": space, "environment": space.environment,
    }  # fmt: skip
    try:
        order = standing_of(place).order
    except Refused as refused:
        return {**base, "nothing": refused.message, "topic": f"space:{space.pk}"}
    review = selectors.latest_review(order, space, is_removal=True)
    snapshot = review.snapshot if review else None
    found = gates_of_removal(review, order, space, user)
    no = refusal(Rights(user), "remove", space=space, gates=found, order=order)
    initial = {"snapshot": snapshot.hash if snapshot else ""}
    return {
        **base,
        "order": order,
        "review": review,
        "snapshot": snapshot,
        **gates_shown(found),
        "why": no.why,
        "who": no.who,
        "explain": no.explain,
        "diff": diff_of(review) if review and snapshot else [],
        "waiting": why_waiting(review) if review and review.is_active else "",
        "reason": reason_of(review) if review else "",
        "problems": problems_of(review),
        "is_fresh": bool(review and selectors.is_fresh(review)) and not has_moved(review, place),
        "form": form or DeployForm(initial=initial, number=order.number, is_production=space.environment.is_production),
        **words_on(approvals_of(review), snapshot, user, is_deploying=True),
        **live(order, space.pk),
    }
