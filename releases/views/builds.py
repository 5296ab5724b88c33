"""构建程序发布包: the dialog before a build, and stopping one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import live_reads
from components.completeness import missing_for_build
from components.selectors import current_settings
from environments.access import Rights
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, redirect_with
from foundation.problems import Invalid, Missing, Refused
from releases import selectors
from releases.choices import OrderState
from releases.models import Build, ReleaseOrder
from releases.presenters.build import start_act, usual_build
from releases.presenters.facts import build_facts
from releases.presenters.standings import order_states
from releases.services import builds
from releases.views.pages import page


@api_route("builds_create")
@login_required
@require_http_methods(["GET", "POST"])
def build(request: HttpRequest, number: str) -> HttpResponse:
    """What will be built, from which commit; 开始构建 builds the commit that is shown, not one that comes later."""
    order = selectors.order_by_number(actor_of(request), number)
    if request.method == "POST":
        builds.start_build(actor=actor_of(request), order=order, commit=_commit(request))
        return redirect_with(request, _("The build has started."), "releases:order", number)
    settings = order.component_settings or current_settings(order.component)
    context = {
        "order": order,
        "shown": order_states([order])[order.pk],
        "settings": settings,
        "facts": build_facts(settings),
        "base_image": order.base_image or (settings.base_image if settings else None),
        "start": start_act(order, Rights(actor_of(request))),
        "usual": usual_build(order.component_id).seconds,
        "missing": [] if order.component_settings else missing_for_build(order.component, settings),
        **_tip(order),
    }
    return page(request, "releases/build.html", context)


def _commit(request: HttpRequest) -> str:
    commit = request.POST.get("commit", "").strip().lower()
    if commit and (len(commit) != 40 or set(commit) - set("0123456789abcdef")):
        raise Invalid({"commit": [_("A commit has 40 hexadecimal digits.")]})
    return commit


def _tip(order: ReleaseOrder) -> dict[str, Any]:
    """The commit that will be built: the frozen one, or the branch's tip as Git says now; and a tag that moved."""
    try:
        if order.git_tag and order.state in (OrderState.CREATED, OrderState.BUILD_FAILED):
            builds.ensure_tag(order)
        if order.commit:
            return {"commit": order.commit, "is_frozen": True}
        return {"commit": live_reads.resolve(order.component, order.branch).commit, "is_frozen": False}
    except Invalid as refusal:
        return {"commit": order.commit, "trouble": next(iter(refusal.fields.values()))[0]}
    except Refused as refusal:
        return {"commit": order.commit, "trouble": refusal.message}


@api_route("builds_stop")
@act_view
def stop(request: HttpRequest, number: str, attempt: int) -> HttpResponse:
    """终止构建."""
    order = selectors.order_by_number(actor_of(request), number)
    row = Build.objects.filter(order=order, attempt=attempt).select_related("order__project").first()
    if row is None:
        raise Missing(_("This order has no such build."))
    builds.stop_build(actor=actor_of(request), build=row)
    message = _("Asked to stop: the page shows it when Jenkins has stopped.")
    return redirect_with(request, message, "releases:order", number)
