"""Asking for approval of a roll back to something older."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.actor import actor_of
from foundation.api.routes import api_route
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.pages import act_view, redirect_with
from foundation.problems import Missing
from releases import selectors
from releases.models import Deployment
from releases.services.roll_back_reviews import ask_roll_back


@api_route("roll_back_reviews_create", more=lambda form: {"deployment": form.number("to")})
@act_view
def ask(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Ask for approval of going back to the deployment that the form names."""
    user = actor_of(request)
    place = selectors.placement_by_names(user, project, slug, environment)
    rows = Deployment.objects.select_related("order__project", "order__author", "order__component", "snapshot")
    to = rows.filter(
        component=place.component_id, space=place.space_id, pk=parse_digits(request.POST.get("to", "")) or 0
    ).first()
    if to is None:
        raise Missing(_("There is no such deployment there."))
    ask_roll_back(actor=user, space=place.space, to=to)
    path = reverse("releases:roll-back", args=[project, slug, place.space.environment.slug])
    return redirect_with(request, _("Asked. Who may approve it sees it now."), f"{path}?to={to.pk}")
