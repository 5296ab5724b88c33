"""紧急放行: the form that opens it, and the page of one: end it, review it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.models import Project
from environments.access import Rights, visible_to
from foundation import paging
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, query_of, read_view, redirect_with
from releases import break_glass, gates, selectors
from releases.break_glass_filters import BreakGlassFilters, filter_break_glasses
from releases.forms import BreakGlassForm, BreakGlassReasonForm
from releases.models import BreakGlass
from releases.presenters.acts import panel_url, refusal
from releases.presenters.break_glass import filter_choices, listed, shown
from releases.services import break_glass as services
from releases.views.live_lists import MOST_TOPICS
from releases.views.pages import live, page, rights_of


@read_view
def list_all(request: HttpRequest) -> HttpResponse:
    """Every use, newest first, 50 a page: open, over, reviewed; by project, environment and day."""
    rights, filters = rights_of(request), BreakGlassFilters.read(request.GET)
    seen = break_glass.visible_rows(rights.user, rights=rights)
    found = paging.asked_page(break_glass.with_uses(filter_break_glasses(seen, filters)), request.GET)
    context = {
        "page": found, "rows": listed(found.items), "given": filters, "is_filtered": bool(filters.given),
        "query": query_of(filters.given), "choices": filter_choices(filters, rights),
        "topic": _topics(rights),
    }  # fmt: skip
    return page(request, "releases/break_glass_list.html", context, nav="audit")


def _topics(rights: Rights) -> str:
    """The newest projects that the person sees: a page may watch so many."""
    seen = Project.objects.filter(visible_to(rights.user, rights=rights, field="pk"), is_archived=False)
    return ",".join(f"project:{pk}" for pk in seen.order_by("-pk").values_list("pk", flat=True)[:MOST_TOPICS])


@api_route("break_glasses_create", more=lambda form: {"environment": form.kwargs["environment"]})
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_one(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """What it opens and what it never opens, why, and for how long; POST opens it."""
    user = actor_of(request)
    order, space = selectors.order_and_space(user, number, environment)
    form = BreakGlassForm(request.POST or None)
    if form.is_valid() and is_saved(
        form, lambda: services.open_break_glass(actor=user, order=order, space=space, **form.cleaned_data)
    ):
        message = _("Break-glass is in force. Who reviews it is told now.")
        return redirect_with(request, message, panel_url(number, space.environment.slug))
    no = refusal(Rights(user), "break_glass", space=space, order=order)
    found = gates.deployment_gates(order, space, snapshot=None, deployer=None)
    context = {
        "order": order, "space": space, "environment": space.environment, "form": form,
        "closed": [gate for gate in found if gate.is_flow and not gate.is_open],
        "why": no.why, "who": no.who, "explain": no.explain,
    }  # fmt: skip
    return page(request, "releases/break_glass_open.html", context, status=400 if form.is_bound else 200)


@read_view
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Who opened it and why, what was deployed under it, and its review."""
    row = break_glass.find(actor_of(request), pk)
    return _page_of(request, row, BreakGlassReasonForm())


def _page_of(request: HttpRequest, row: BreakGlass, form: BreakGlassReasonForm, status: int = 200) -> HttpResponse:
    environment = row.space.environment
    context = {
        "found": shown(row, Rights(actor_of(request))), "order": row.order, "environment": environment, "form": form,
        "back": panel_url(row.order.number, environment.slug),
        **live(row.order, row.space_id),
    }  # fmt: skip
    return page(request, "releases/break_glass.html", context, status=status)


def _decide(
    request: HttpRequest, pk: int, act: Callable[..., object], said: str, *, needs_comment: bool
) -> HttpResponse:
    user = actor_of(request)
    row = break_glass.find(user, pk)
    form = BreakGlassReasonForm(request.POST)
    form.fields["comment"].required = needs_comment
    if form.is_valid() and is_saved(form, lambda: act(actor=user, row=row, **form.cleaned_data)):
        return redirect_with(request, said, "releases:break-glass", row.pk)
    return _page_of(request, break_glass.find(user, pk), form, status=400)


@api_route("break_glasses_end")
@act_view
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Before its time."""
    said = str(_("It is ended: the flow counts again."))
    return _decide(request, pk, services.end_break_glass, said, needs_comment=False)


@api_route("break_glasses_review")
@act_view
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """What somebody else found, looking at it afterwards."""
    said = str(_("Reviewed: the task is done."))
    return _decide(request, pk, services.review_break_glass, said, needs_comment=True)
