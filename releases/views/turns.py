"""Waiting no longer, and releasing a place by force."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from environments.access import Rights
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, redirect_with
from releases import selectors
from releases.forms import ReasonForm
from releases.presenters.acts import panel_url, refusal
from releases.services import turns
from releases.services.release import release_place
from releases.views.pages import page


@api_route("turns_cancel")
@act_view
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Out of the line; nothing of it was applied."""
    turn = selectors.turn_by_id(actor_of(request), pk)
    turns.cancel_turn(actor=actor_of(request), turn=turn)
    there = panel_url(turn.order.number, turn.placement.space.environment.slug)
    return redirect_with(request, _("It waits no longer."), there)


@api_route("deployments_release")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """End a deployment that does not end by itself and free its place; GET asks for the reason."""
    user = actor_of(request)
    deployment = selectors.deployment_by_id(user, pk)
    form = ReasonForm(request.POST or None, is_required=True)
    if request.method == "POST" and form.is_valid():
        release_place(actor=user, deployment=deployment, reason=form.cleaned_data["reason"])
        message = _("The place is released; what runs there is read now.")
        return redirect_with(request, message, "releases:rollout", pk)
    no = refusal(Rights(user), "force_release", project_id=deployment.space.project_id)
    context = {"deployment": deployment, "order": deployment.order, "environment": deployment.space.environment,
               "form": form, "no": no}  # fmt: skip
    return page(request, "releases/release.html", context, status=400 if form.is_bound else 200)
