"""构建程序发布包: the dialog before a build, and stopping one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from components import looks
from components.completeness import missing_elements
from components.selectors import current_settings
from environments.access import Rights
from foundation.problems import Invalid, Missing, Refused
from releases import selectors
from releases.models import Build, ReleaseOrder
from releases.services import builds
from releases.views.pages import done, page, person
from releases.views.shown.panels import start_act
from releases.views.shown.usual import usual_build


@login_required
@require_http_methods(["GET", "POST"])
def build(request: HttpRequest, number: str) -> HttpResponse:
    """What will be built, from which commit; 开始构建 builds the commit that is shown, not one that comes later."""
    order = selectors.order_by_number(person(request), number)
    if request.method == "POST":
        builds.start_build(actor=person(request), order=order, commit=_commit(request))
        return done(request, _("The build has started."), "releases:order", number)
    settings = order.settings or current_settings(order.component)
    context = {
        "order": order,
        "settings": settings,
        "base_image": order.base_image or (settings.base_image if settings else None),
        "start": start_act(order, Rights(person(request))),
        "usual": usual_build(order.component_id).seconds,
        "missing": [] if order.settings else missing_elements(order.component, settings),
        **_tip(order),
    }
    return page(request, "releases/build.html", context)


def _commit(request: HttpRequest) -> str:
    commit = request.POST.get("commit", "").strip().lower()
    if commit and (len(commit) != 40 or set(commit) - set("0123456789abcdef")):
        raise Invalid({"commit": [_("A commit has 40 hexadecimal digits.")]})
    return commit


def _tip(order: ReleaseOrder) -> dict[str, Any]:
    """The commit that will be built: the frozen one, or the branch's tip as Git says now."""
    if order.commit:
        return {"commit": order.commit, "is_frozen": True}
    try:
        return {"commit": looks.resolve(order.component, order.branch).commit, "is_frozen": False}
    except Invalid as refusal:
        return {"commit": "", "trouble": next(iter(refusal.fields.values()))[0]}
    except Refused as refusal:
        return {"commit": "", "trouble": refusal.sentence}


@login_required
@require_POST
def stop(request: HttpRequest, number: str, attempt: int) -> HttpResponse:
    """终止构建."""
    order = selectors.order_by_number(person(request), number)
    row = Build.objects.filter(order=order, attempt=attempt).select_related("order__project").first()
    if row is None:
        raise Missing(_("This order has no such build."))
    builds.stop_build(actor=person(request), build=row)
    return done(request, _("Asked to stop: the page shows it when Jenkins has stopped."), "releases:order", number)
