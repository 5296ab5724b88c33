"""Commenting on a space."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from accounts.actor import actor_of
from environments.selectors.places import find_space
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, redirect_with
from releases.services.written import comment_on_space


@api_route("space_comments_create", names={"slug": "project"})
@act_view
def comment(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Leads back to the space's page."""
    space = find_space(actor_of(request), project, environment)
    comment_on_space(actor=actor_of(request), space=space, text=request.POST.get("text", ""))
    return redirect_with(request, _("Your comment is on the page."), "environments:space", project, environment)
