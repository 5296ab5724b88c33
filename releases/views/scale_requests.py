"""A scale outside the space's bounds: asked for with a reason, approved by somebody else, used."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from environments.access import Rights
from foundation.api.routes import api_route
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.pages import act_view, form_view, is_saved, read_view, redirect_with, try_save
from releases import gates, scale_requests, scaling, selectors
from releases.forms import ScaleDecisionForm, ScaleRequestForm
from releases.models import Placement, ScaleRequest
from releases.presenters.acts import refusal
from releases.presenters.scale_requests import shown
from releases.services import scale_requests as services
from releases.views.pages import live, page


@api_route("scale_requests_create")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """The number and why; POST asks."""
    user = actor_of(request)
    place = selectors.placement_by_names(user, project, slug, environment)
    wanted = parse_digits(request.GET.get("replicas", ""))
    form = ScaleRequestForm(request.POST or None, initial={"replicas": wanted})
    if form.is_valid():
        row = try_save(
            form, lambda: services.ask_scale(actor=user, space=place.space, placement=place, **form.cleaned_data)
        )
        if row is not None:
            return redirect_with(request, _("Asked. Who may approve it sees it now."), "releases:scale-request", row.pk)
    return page(request, "releases/scale_ask.html", _asking(place, Rights(user)) | {"form": form},
                status=400 if form.is_bound else 200)  # fmt: skip


def _asking(place: Placement, rights: Rights) -> dict[str, object]:
    space, good = place.space, place.last_succeeded
    found = (
        gates.again_gates(good.order, space, snapshot=good.snapshot, deployer=None) if good and good.snapshot else []
    )
    no = refusal(rights, "deploy", space=space, gates=found)
    return {
        "place": place, "component": place.component, "space": space, "environment": space.environment,
        "bounds": scaling.bounds_of(space, good.snapshot).words if good and good.snapshot else "",
        "who_approves": gates.fair_approvers(good.order, space, but=rights.user.pk) if good else "",
        "why": no.why, "who": no.who, "explain": no.explain,
    }  # fmt: skip


@read_view
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """What was asked and why, who agreed, and what is next."""
    row = scale_requests.find(actor_of(request), pk)
    return _page_of(request, row, ScaleDecisionForm())


def _page_of(request: HttpRequest, row: ScaleRequest, form: ScaleDecisionForm, status: int = 200) -> HttpResponse:
    context = {
        "found": shown(row, Rights(actor_of(request))), "order": row.order, "space": row.space, "form": form,
        "environment": row.space.environment, "component": row.placement.component,
        **live(row.order, row.space_id),
    }  # fmt: skip
    return page(request, "releases/scale_request.html", context, status=status)


@api_route("scale_requests_decide")
@form_view
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve or reject exactly this number."""
    user = actor_of(request)
    row = scale_requests.find(user, pk)
    if request.method != "POST":
        return redirect("releases:scale-request", row.pk)
    form = ScaleDecisionForm(request.POST)
    if form.is_valid():
        is_yes, comment = form.cleaned_data["decision"] == "approve", form.cleaned_data["comment"]
        act = services.approve_scale if is_yes else services.reject_scale
        if is_saved(form, lambda: act(actor=user, row=row, comment=comment)):
            if not is_yes:
                # The page says who rejected it and why.
                return redirect("releases:scale-request", row.pk)
            return redirect_with(request, _("Approved."), "releases:scale-request", row.pk)
    return _page_of(request, row, form, status=400)


@api_route("scale_requests_withdraw")
@act_view
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for it no more."""
    row = scale_requests.find(actor_of(request), pk)
    services.withdraw_scale_request(actor=actor_of(request), row=row)
    return redirect_with(request, _("It is asked for no more."), "releases:scale-request", row.pk)
