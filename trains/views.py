"""Pages of trains: the list, a new one, and one with its waves, what each order waits for and who can clear it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components.models import Component
from environments.models import Space
from environments.selectors.places import find_space
from foundation import paging
from foundation.api.routes import api_route
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import act_view, query_of, read_view, redirect_with, wanted_part
from foundation.problems import Invalid, Missing, PlatformError, Refused
from releases.choices import TestVerdict
from releases.presenters.acts import refusal
from releases.views.pages import page, rights_of
from trains import selectors, standing
from trains.choices import ENDED, SIGNS, TrainState
from trains.forms import orders_body, wanted_of, wave_of
from trains.locks import members_of
from trains.models import MOST_WAVES, Train, TrainOrder
from trains.returning import plan_back
from trains.services import driving, making, returning


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
    project = given.get("project", "") or (slugs[0] if len(slugs) == 1 else "")
    if project and project not in slugs:
        raise Missing(_("There is no such project, or it is not yours to see."))
    error: PlatformError | None = None
    if request.method == "POST":
        try:
            return _create(request, project)
        except (Invalid, Refused) as refused:
            error = refused
    return _show_form(request, [one for one in spaces if one.project.slug == project], slugs, error)


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
        "components": components, "given": given, "errors": _texts(error), "most_waves": MOST_WAVES,
    }  # fmt: skip
    return page(request, "trains/new.html", context, status=error.status if error else 200)


def _usual(spaces: list[Space]) -> str:
    """Production itself rather than its twin, else the last one in the flow."""
    production = [one for one in spaces if one.environment.is_production and one.environment.twin_id is None]
    found = next(iter(production), None) or next(reversed(spaces), None)
    return found.environment.slug if found else ""


def _texts(error: PlatformError | None) -> list[MessageLike]:
    if isinstance(error, Invalid):
        return error.texts
    return [error.message] if error else []


# ---------------------------------------------------------------- one train
@read_view
def train(request: HttpRequest, pk: int) -> HttpResponse:
    """Its waves, and how far each order is."""
    found = selectors.train_by_id(actor_of(request), pk)
    template = "trains/_waves.html" if wanted_part(request) == "waves" else "trains/train.html"
    return page(request, template, _context(request, found))


def _context(request: HttpRequest, found: Train) -> dict[str, Any]:
    rights = rights_of(request)
    rows: list[TrainOrder] = list(members_of(found))
    for row in rows:
        row.train = found
    members = standing.standings(rights, found, rows)
    waves = [(wave, list(group)) for wave, group in groupby(members, key=lambda one: one.row.wave)]
    may_promote = rights.can("promote", space=found.space)
    return {
        "train": found,
        "state": SIGNS[found.state],
        "waves": waves,
        "count": len(rows),
        "over": standing.over(rows),
        "failed": [one for one in members if one.may_retry],
        "here": reverse("trains:train", args=[found.pk]),
        "topic": f"project:{found.space.project_id},space:{found.space_id}",
        "no": refusal(rights, "deploy", space=found.space),
        "may_change": rights.can("create_order", project_id=found.space.project_id),
        "may_start": found.state in (TrainState.DRAFT, TrainState.PAUSED),
        "may_pause": found.state == TrainState.RUNNING,
        "is_over": found.state in ENDED,
        "is_back": found.state == TrainState.ROLLED_BACK,
        "steps": plan_back(found, rows),
        "may_roll_back": found.state in (TrainState.PAUSED, TrainState.DONE),
        "verdicts": TestVerdict.choices if may_promote else [],
        "others": _others(found, rows) if found.state not in ENDED else [],
        "most_waves": MOST_WAVES,
        "next_wave": max((row.wave for row in rows), default=0) + 1,
    }


def _others(found: Train, rows: list[TrainOrder]) -> list[Component]:
    """Components that may still join."""
    taken = [row.order.component_id for row in rows]
    return list(Component.objects.filter(project=found.space.project_id, is_archived=False).exclude(pk__in=taken))


@api_route("trains_start")
@act_view
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Start it, or let it go on."""
    found = selectors.train_by_id(actor_of(request), pk)
    driving.start_train(actor=actor_of(request), train=found, test_verdict=request.POST.get("test_verdict", ""))
    return redirect_with(request, _("The train is running."), "trains:train", pk)


@api_route("trains_pause")
@act_view
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Let nothing more begin."""
    found = selectors.train_by_id(actor_of(request), pk)
    driving.pause_train(actor=actor_of(request), train=found, reason=request.POST.get("reason", ""))
    return redirect_with(request, _("The train is paused."), "trains:train", pk)


@api_route("trains_add")
@act_view
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """One order more."""
    found, given = selectors.train_by_id(actor_of(request), pk), request.POST
    wanted = making.Wanted(given.get("component", ""), given.get("branch", "")[:250], wave_of(given.get("wave", "")))
    planned = making.plan(actor=actor_of(request), space=found.space, wanted=[wanted])
    making.add_order(actor=actor_of(request), train=found, wanted=wanted, planned=planned)
    return redirect_with(request, _("The order is part of the train."), "trains:train", pk)


@api_route("trains_skip")
@act_view
def skip(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Go on without one."""
    member = selectors.member_by_number(actor_of(request), pk, number)
    driving.skip_order(actor=actor_of(request), member=member, reason=request.POST.get("reason", ""))
    return redirect_with(request, _("The train goes on without it."), "trains:train", pk)


@api_route("trains_retry")
@act_view
def retry(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Try one that failed again."""
    member = selectors.member_by_number(actor_of(request), pk, number)
    driving.retry_order(actor=actor_of(request), member=member)
    return redirect_with(request, _("It is tried again."), "trains:train", pk)


@api_route("trains_remove")
@act_view
def remove(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Take one out before its wave."""
    member = selectors.member_by_number(actor_of(request), pk, number)
    making.remove_order(actor=actor_of(request), member=member)
    return redirect_with(request, _("The order left the train."), "trains:train", pk)


@api_route("trains_roll_back")
@act_view
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Start the next step of rolling it back in reverse order."""
    found = selectors.train_by_id(actor_of(request), pk)
    returning.roll_back_next(actor=actor_of(request), train=found, number=request.POST.get("order", ""))
    return redirect_with(request, _("The step is begun."), "trains:train", pk)
