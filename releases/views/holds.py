"""占用: the form that holds a space or a component in it, and the one that lifts a hold."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components.models import Component
from environments.access import Rights
from environments.models import Space
from environments.selectors.places import find_space
from foundation.api.routes import api_route
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.pages import is_saved, redirect_with, status_of
from foundation.runs.choices import ACTIVE
from releases import holds
from releases.forms import HoldForm, LiftForm
from releases.models import Deployment, Hold
from releases.presenters.acts import refusal
from releases.presenters.holds import with_stopped
from releases.services import holds as services
from releases.views.pages import page

USUAL = timedelta(hours=4)
MOST_SHOWN = 5


@api_route("holds_create", names={"slug": "project"})
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hold(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """What, why and until when; POST holds it."""
    user = actor_of(request)
    space = find_space(user, project, environment)
    components = list(Component.objects.filter(project=space.project, is_archived=False).order_by("slug"))
    ends_at = timezone.localtime(db_now() + USUAL).replace(second=0, microsecond=0)
    initial = {"component": request.GET.get("component", ""), "ends_at": ends_at}
    form = HoldForm(request.POST or None, initial=initial, components=components)
    if form.is_valid() and is_saved(form, lambda: services.hold(actor=user, space=space, **form.values())):
        message = _("It is held. Who waits for the place is told when it ends.")
        return redirect_with(request, message, "environments:space", project, environment)
    no = refusal(Rights(user), "hold", space=space)
    context = {
        "space": space, "environment": space.environment, "form": form, "active": _under_way(space),
        "held": holds.rows().filter(holds.standing(), space=space).order_by("ends_at"),
        "why": no.why, "who": no.who, "explain": no.explain,
    }  # fmt: skip
    return page(request, "releases/hold.html", context, nav="environments", status=status_of(form))


def _under_way(space: Space) -> list[Deployment]:
    """What is being deployed there goes on."""
    rows = Deployment.objects.filter(space=space, state__in=sorted(ACTIVE)).order_by("-pk")
    return list(rows.select_related("order", "component", "deployed_by")[:MOST_SHOWN])


@api_route("holds_lift")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """What is held and whom it stops; POST lifts it."""
    user = actor_of(request)
    row = holds.find_hold(user, pk)
    form = LiftForm(request.POST or None, is_own=row.held_by_id == user.pk)
    if form.is_valid() and is_saved(form, lambda: services.lift_hold(actor=user, row=row, **form.cleaned_data)):
        message, names = _("The hold is lifted. Who waits for the place is told."), row.space
        return redirect_with(request, message, "environments:space", names.project.slug, names.environment.slug)
    context = _lifting(row, Rights(user)) | {"form": form}
    return page(request, "releases/lift_hold.html", context, nav="environments", status=status_of(form))


def _lifting(row: Hold, rights: Rights) -> dict[str, object]:
    no = refusal(rights, "lift_hold", space=row.space, owner_id=row.held_by_id)
    is_over = not holds.is_standing(row)
    return {
        "found": with_stopped([row], rights)[0], "space": row.space, "environment": row.space.environment,
        "why": _("This hold is over already.") if is_over else no.why,
        "who": "" if is_over else no.who, "explain": "" if is_over else no.explain,
    }  # fmt: skip
