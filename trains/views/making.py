"""The list of trains, and a new one."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components.models import Component
from environments.models import Space
from environments.selectors.places import find_space
from foundation import paging
from foundation.api.routes import api_route
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import query_of, read_view, redirect_with
from foundation.problems import Invalid, Missing, PlatformError, Refused
from foundation.request_context import note_refusal
from releases.models import ReleaseOrder
from releases.views.pages import page, rights_of
from trains import selectors
from trains.choices import SIGNS
from trains.forms import orders_body, wanted_of
from trains.models import MOST_WAVES
from trains.services import making


@read_view
def trains(request: HttpRequest) -> HttpResponse:
    """The newest ones, of all projects or of one."""
    rights = rights_of(request)
    project = request.GET.get("project", "").strip()[:130]
    rows = selectors.trains_visible_to(rights)
    if project:
        rows = rows.filter(space__project__slug=project)
    found = paging.asked_page(rows, request.GET)
    context = {
        "trains": [(row, SIGNS[row.state]) for row in found.items],
        "project": project,
        "page": found,
        "query": query_of({"project": project}),
        "may_create": any(rights.can("create_order", project_id=one.project_id) for one in rights.spaces),
    }
    return page(request, "trains/list.html", context)


# ---------------------------------------------------------------- a new one
@api_route("trains_create", more=orders_body, from_form={"slug": lambda form: form.text("project")})
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Choose a project, then tick its components; POST makes the train and its orders."""
    given = request.POST if request.method == "POST" else request.GET
    spaces = [
        one for one in rights_of(request).spaces if rights_of(request).can("create_order", project_id=one.project_id)
    ]
    slugs = list(dict.fromkeys(one.project.slug for one in spaces))
    project = given.get("project", "") or (slugs[0] if len(slugs) == 1 else _last_project(request, slugs))
    if project and project not in slugs:
        raise Missing(_("There is no such project, or it is not yours to see."))
    error: PlatformError | None = None
    if request.method == "POST":
        try:
            return _create(request, project)
        except (Invalid, Refused) as refused:
            note_refusal(refused)
            error = refused
    return _show_form(request, [one for one in spaces if one.project.slug == project], slugs, error)


def _last_project(request: HttpRequest, slugs: list[str]) -> str:
    """That of the last order that this person made, where another one may be made there."""
    mine = ReleaseOrder.objects.filter(author=actor_of(request)).order_by("-pk")
    last = mine.values_list("project__slug", flat=True).first()
    return last if last in slugs else ""


def _create(request: HttpRequest, project: str) -> HttpResponse:
    given, actor = request.POST, actor_of(request)
    space = find_space(actor, project, given.get("environment", ""))
    wanted = wanted_of(given)
    planned = making.plan(actor=actor, space=space, wanted=wanted)
    train = making.create_train(
        actor=actor, space=space, name=given.get("name", ""), wanted=wanted, planned=planned,
        description=given.get("description", "")[:4000], change_ticket=given.get("change_ticket", "")[:100],
    )  # fmt: skip
    return redirect_with(request, _("The train is made and its orders are being built."), "trains:train", train.pk)


def _show_form(
    request: HttpRequest, spaces: list[Space], slugs: list[str], error: PlatformError | None
) -> HttpResponse:
    rows = Component.objects.filter(project=spaces[0].project_id, is_archived=False) if spaces else []
    given = request.POST
    ticked = set(given.getlist("components"))
    components = [
        {"row": row, "is_ticked": row.slug in ticked, "wave": given.get(f"wave-{row.slug}", "1"),
         "branch": given.get(f"branch-{row.slug}", ""), "after": given.get(f"after-{row.slug}", ""),
         "database": given.get(f"database-{row.slug}") == "on"} for row in rows
    ]  # fmt: skip
    chosen = given.get("environment") or _usual(spaces)
    context = {
        "slugs": slugs, "spaces": spaces, "project": spaces[0].project if spaces else None, "chosen": chosen,
        "name": given.get("name", _usual_name(spaces)), "components": components, "given": given,
        "errors": _texts(error), "most_waves": MOST_WAVES,
    }  # fmt: skip
    return page(request, "trains/new.html", context, status=error.status if error else 200)


def _usual_name(spaces: list[Space]) -> str:
    """Project and day: most trains need no better name."""
    return f"{spaces[0].project.slug.upper()} {timezone.localdate(db_now()):%Y-%m-%d}" if spaces else ""


def _usual(spaces: list[Space]) -> str:
    """Production itself rather than its twin, else the last one in the flow."""
    production = [one for one in spaces if one.environment.is_production and one.environment.twin_id is None]
    found = next(iter(production), None) or next(reversed(spaces), None)
    return found.environment.slug if found else ""


def _texts(error: PlatformError | None) -> list[MessageLike]:
    if isinstance(error, Invalid):
        return error.texts
    return [error.message] if error else []
