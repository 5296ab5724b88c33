"""灾备切换, 灾备演练: the list, asking for one, and one to confirm, to follow and to take back; then its report."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.actor import actor_of
from environments.selectors.places import find_space
from foundation import paging
from foundation.api.routes import FormInput, api_route, with_field, without_field
from foundation.messages import message as _
from foundation.pages import act_view, form_view, is_saved, query_of, read_view, redirect_with, status_of, try_save
from foundation.problems import Missing
from releases import drp
from releases.choices import DrpKind, DrpState
from releases.forms import DrpConfirmForm, DrpForm, DrpRefuseForm, DrpReviewForm
from releases.models import DrpSwitch
from releases.presenters.acts import refusal
from releases.presenters.drp import shown_switch, sign_of, total_of
from releases.readiness import readiness_of
from releases.services import drp as services
from releases.views.pages import page, rights_of

Word = DrpConfirmForm | DrpRefuseForm | DrpReviewForm


@read_view
def list_all(request: HttpRequest) -> HttpResponse:
    """Every switch and drill, newest first, of all projects or of one."""
    project = request.GET.get("project", "").strip()[:130]
    rows = drp.visible_rows(rights_of(request))
    if project:
        rows = rows.filter(space__project__slug=project)
    found = paging.asked_page(rows, request.GET)
    context = {
        "rows": [(row, sign_of(row.state), total_of(row).seconds) for row in found.items], "page": found,
        "project": project, "query": query_of({"project": project}),
    }  # fmt: skip
    return page(request, "releases/drp_list.html", context, nav="environments")


@api_route("drp_ask", names={"slug": "project"})
@form_view
def ask(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """What would start and what would not; POST asks a second person to confirm it."""
    user, rights = actor_of(request), rights_of(request)
    space = find_space(user, project, environment)
    if space.environment.twin_id is None:
        raise Missing(_("There is no such pair of environments, or it is not yours to see."))
    kind = request.GET.get("kind", "")
    form = DrpForm(request.POST or None, initial={"kind": kind if kind in DrpKind.values else DrpKind.SWITCH})
    if form.is_valid():
        row = try_save(form, lambda: services.ask_drp(actor=user, space=space, **form.cleaned_data))
        if row is not None:
            return redirect_with(request, _("A second person is asked now."), "releases:drp", row.pk)
    no = refusal(rights, "drp", space=space)
    context = {
        "space": space, "environment": space.environment, "form": form, "places": drp.serving(space),
        "readiness": readiness_of([space.pk])[space.pk], "under_way": drp.under_way(space),
        "why": no.why, "who": no.who, "explain": no.explain,
    }  # fmt: skip
    return page(request, "releases/drp_ask.html", context, status=status_of(form), nav="environments")


@read_view
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is; once it is over, its report."""
    return _show(request, drp.find(actor_of(request), pk), DrpConfirmForm())


def _show(request: HttpRequest, row: DrpSwitch, form: Word, status: int = 200) -> HttpResponse:
    found = shown_switch(row, rights_of(request))
    is_asked = row.state == DrpState.ASKED
    context = {
        "found": found, "row": row, "space": row.space, "environment": row.space.environment,
        "confirm": form if isinstance(form, DrpConfirmForm) else DrpConfirmForm(),
        "refuse": form if isinstance(form, DrpRefuseForm) else DrpRefuseForm(),
        "review": form if isinstance(form, DrpReviewForm) else DrpReviewForm(),
        "readiness": readiness_of([row.space_id])[row.space_id] if is_asked else None,
        "who_confirms": drp.who_confirms(row) if is_asked else "",
        "topic": f"project:{row.space.project_id},space:{row.space_id}",
    }  # fmt: skip
    return page(request, "releases/drp.html", context, status=status, nav="environments")


def _decide(request: HttpRequest, pk: int, form: Word, act: Callable[..., object], said: str) -> HttpResponse:
    user = actor_of(request)
    row = drp.find(user, pk)
    if form.is_valid() and is_saved(form, lambda: act(actor=user, row=row, **form.cleaned_data)):
        return redirect_with(request, said, "releases:drp", pk)
    return _show(request, drp.find(user, pk), form, status=status_of(form))


@api_route("drp_confirm")
@act_view
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person lets it begin."""
    said = str(_("It begins now."))
    return _decide(request, pk, DrpConfirmForm(request.POST), services.confirm_drp, said)


@api_route("drp_refuse")
@act_view
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person says no."""
    said = str(_("It is refused: nothing begins."))
    return _decide(request, pk, DrpRefuseForm(request.POST), services.refuse_drp, said)


@api_route("drp_withdraw")
@act_view
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Who asked takes it back before it begins."""
    services.withdraw_drp(actor=actor_of(request), row=drp.find(actor_of(request), pk))
    return redirect_with(request, _("It is withdrawn."), "releases:drp", pk)


def _left_out(_form: FormInput) -> dict[str, bool]:
    return {"leave_out": True}


@api_route("drp_go_on", when=with_field("leave_out"), more=_left_out)
@api_route("drp_go_on", when=without_field("leave_out"))
@act_view
def go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Try what failed again, or go on without it."""
    row = drp.find(actor_of(request), pk)
    services.go_on(actor=actor_of(request), row=row, leave_out="leave_out" in request.POST)
    return redirect_with(request, _("It goes on."), "releases:drp", pk)


@api_route("drp_review")
@act_view
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """What somebody else found, looking at it afterwards."""
    said = str(_("Reviewed: the task is done."))
    return _decide(request, pk, DrpReviewForm(request.POST), services.review_drp, said)


@api_route("drp_take_back")
@act_view
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring back what served before a drill."""
    services.take_back(actor=actor_of(request), row=drp.find(actor_of(request), pk))
    return redirect_with(request, _("It is being taken back."), "releases:drp", pk)
