"""Asking for approval of a roll back to something older, and asking for it no more."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.actor import actor_of
from environments.access import Rights
from foundation.api.routes import api_route
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.pages import act_view, form_view, is_saved, redirect_with, status_of
from foundation.problems import Missing
from releases import selectors
from releases.forms import AskForm
from releases.models import Deployment, Placement
from releases.roll_back_asks import find_ask
from releases.services.roll_back_reviews import ask_roll_back, withdraw_roll_back
from releases.views.pages import page
from releases.views.runtime import back_context, back_form


@api_route("roll_back_reviews_create", more=lambda form: {"deployment": form.number("to")})
@form_view
def ask(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Ask for approval of going back to the deployment that the form names, with a reason."""
    user = actor_of(request)
    place = selectors.placement_by_names(user, project, slug, environment)
    path = reverse("releases:roll-back", args=[project, slug, place.space.environment.slug])
    if request.method != "POST":
        return redirect(path)
    to, form = _named(place, request.POST.get("to", "")), AskForm(request.POST)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        if is_saved(form, lambda: ask_roll_back(actor=user, space=place.space, to=to, reason=reason)):
            return redirect_with(request, _("Asked. Who may approve it sees it now."), f"{path}?to={to.pk}")
    context = back_context(place, to, Rights(user)) | {"ask_form": form}
    context |= {"targets": selectors.earlier_successes(place), "form": back_form(place, to)}
    return page(request, "releases/roll_back.html", context, status=status_of(form))


def _named(place: Placement, pk: str) -> Deployment:
    rows = Deployment.objects.select_related("order__project", "order__author", "order__component", "snapshot")
    to = rows.filter(component=place.component_id, space=place.space_id, pk=parse_digits(pk) or 0).first()
    if to is None or to.snapshot is None:
        raise Missing(_("There is no such deployment there."))
    return to


@api_route("roll_back_reviews_withdraw")
@act_view
def withdraw(request: HttpRequest, project: str, slug: str, environment: str, pk: int) -> HttpResponse:
    """Ask for it no more."""
    place = selectors.placement_by_names(actor_of(request), project, slug, environment)
    withdraw_roll_back(actor=actor_of(request), review=find_ask(place.component, place.space, pk))
    path = reverse("releases:runtime", args=[project, slug, place.space.environment.slug])
    return redirect_with(request, _("It is asked for no more."), path)
