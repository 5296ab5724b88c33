"""Approvals: what waits for one's yes or no, and the way from one to the next."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.actor import actor_of
from desk import selectors
from desk.home import LONGEST, MOST_TOPICS
from releases.views.pages import is_partial, page, rights_of

MOST_SHOWN = 100


@login_required
@require_safe
def approvals(request: HttpRequest) -> HttpResponse:
    """Mine to decide, oldest first; with ``part=count`` only the number that the rail shows."""
    user = actor_of(request)
    rights = rights_of(request)
    found = selectors.to_approve(user, rights)
    if is_partial(request) and request.GET["part"] == "count":
        return page(request, "desk/_approvals_count.html", {"count": len(found)})
    project = request.GET.get("project", "").strip()[:LONGEST]
    here = [one for one in found if project in ("", one.order.project.slug)]
    shown = here[:MOST_SHOWN]
    risks = selectors.risks(shown)
    topics = [f"project:{pk}" for pk, slug, _name in selectors.chosen_projects(rights) if project in ("", slug)]
    context = {
        "nav": "approvals",
        "rows": [(one, risks[one.key]) for one in shown],
        "count": len(here),
        "hidden": len(here) - len(shown),
        "elsewhere": len(found) - len(here),
        "project": project,
        "topic": ",".join(topics[:MOST_TOPICS]),
    }
    return page(request, "desk/_approvals.html" if is_partial(request) else "desk/approvals.html", context)


@login_required
@require_safe
def next_approval(request: HttpRequest) -> HttpResponse:
    """The review page of the decision that follows ``?after=K8S…@prd``; the list when none is left."""
    user = actor_of(request)
    found = selectors.next_to_approve(user, rights_of(request), after=request.GET.get("after", "")[:LONGEST])
    if found is None:
        messages.info(request, str(_("Nothing else waits for your approval.")))
        return redirect("desk:approvals")
    return redirect("releases:review", found.order.number, found.space.environment.slug)
