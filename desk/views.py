"""Pages of this app: my work, approvals, search, administration and health."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.views.decorators.debug import sensitive_post_parameters

from accounts.actor import actor_of
from desk import selectors
from desk.api_calls import call_of
from desk.palette import palette as lines_of
from desk.selectors.health import checks_shown
from desk.selectors.matrix import STATES, Filters
from desk.selectors.tasks import counted
from desk.services import wake_run
from environments.access import Rights, require
from environments.choices import Role
from environments.selectors.rule_changes import shown as show_rule_change
from environments.selectors.rule_changes import waits_for
from foundation import pages
from foundation.api.routes import api_route, no_api_route
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import act_view, is_htmx, read_view, redirect_with, render_page, wanted_part
from foundation.problems import Missing
from notifications.selectors.notices import unread_count
from releases.presenters.acts import new_order_act
from releases.presenters.standings import show_states
from releases.views.pages import page, rights_of

MOST_TOPICS = 40
LONGEST = 130
RAIL = "count"
"""The part of home that the rail of every page fetches: how many things wait for this person."""
PARTS = {"work": "desk/_work_band.html", "chunk": "desk/_matrix_chunk.html", "rows": "desk/_matrix_rows.html"}
"""``work`` and ``chunk`` are fetched anew; ``rows`` are the next lines, with where to go on."""


@read_view
def home(request: HttpRequest) -> HttpResponse:
    """The whole page, or with ``part=`` a piece of it."""
    user = actor_of(request)
    rights = rights_of(request)
    if wanted_part(request) == "outages":
        return page(request, "desk/_outages.html", {"outages": selectors.outages(rights)})
    if _begins_with_audit(request, rights):
        return redirect("desk:audit")
    if wanted_part(request) == RAIL:
        counts = {"counts": selectors.counts(user, rights), "unread": unread_count(user, rights)}
        return page(request, "desk/_counts.html", counts)
    filters = read_filters(request)
    if wanted_part(request) == "ready":
        band = {"readiness": selectors.ready_band(rights, project=filters.project)}
        return page(request, "desk/_ready_band.html", band)
    projects = selectors.chosen_projects(rights)
    topics = [f"project:{pk}" for pk, slug, _name in projects if filters.project in ("", slug)]
    context: dict[str, Any] = {
        "nav": "home",
        "filters": filters,
        "query": query_of(filters),
        "topic": ",".join(topics[:MOST_TOPICS]),
    }
    part = wanted_part(request)
    if part != "work":
        context["matrix"] = selectors.matrix(user, rights, filters)
    if part not in ("chunk", "rows"):
        context["work"] = selectors.my_work(user, rights, project=filters.project)
    if part in PARTS:
        return page(request, PARTS[part], context)
    whole = _whole(rights, filters, projects)
    if context["work"].to_deploy.found:
        # One primary button a page: what waits longest comes first.
        whole["new_order"] = replace(whole["new_order"], is_primary=False)
    return page(request, "desk/home.html", context | whole)


def _begins_with_audit(request: HttpRequest, rights: Rights) -> bool:
    """Who does nothing but audit comes to the audit first after signing in, and home by the rail like anybody."""
    if request.GET or {held.role for held in rights.holdings} != {Role.AUDITOR} or request.session.get("was_home"):
        return False
    request.session["was_home"] = True
    return True


def read_filters(request: HttpRequest) -> Filters:
    """What the address says; a state that does not exist narrows nothing."""
    given = {name: request.GET.get(name, "").strip()[:LONGEST] for name in ("project", "text", "state", "start")}
    if given["state"] not in STATES:
        given["state"] = ""
    return Filters(mine="1" if request.GET.get("mine") else "", **given)


def query_of(filters: Filters) -> str:
    """The filters without the place in the list, ready for an address."""
    return pages.query_of({name: getattr(filters, name) for name in ("project", "text", "state", "mine")})


def _whole(rights: Rights, filters: Filters, projects: list[tuple[int, str, str]]) -> dict[str, Any]:
    return {
        "projects": [(slug, f"{slug.upper()} {name}", slug == filters.project) for _pk, slug, name in projects],
        "states": [(state, word, state == filters.state) for state, word in STATES.items()],
        "new_order": new_order_act(rights, [pk for pk, _slug, _name in projects]),
        "first_run": selectors.first_run(rights),
        "readiness": selectors.named_band(rights, project=filters.project),
    }


MOST_SHOWN = 100


@read_view
def approvals(request: HttpRequest) -> HttpResponse:
    """Mine to decide, oldest first."""
    user = actor_of(request)
    rights = rights_of(request)
    found = selectors.to_approve(rights)
    rule_changes = waits_for(user)
    project = request.GET.get("project", "").strip()[:LONGEST]
    here = selectors.to_approve(rights, project) if project else found
    shown = here[:MOST_SHOWN]
    risks = selectors.risks(shown)
    topics = [f"project:{pk}" for pk, slug, _name in selectors.chosen_projects(rights) if project in ("", slug)]
    context = {
        "nav": "approvals",
        "rows": [(one, risks[one.key]) for one in shown],
        "rule_changes": [show_rule_change(user, row) for row in rule_changes],
        "count": counted(len(here)),
        "hidden": len(here) - len(shown),
        "elsewhere": max(0, len(found) - len(here)),
        "project": project,
        "topic": ",".join(topics[:MOST_TOPICS]),
    }
    return page(request, "desk/_approvals.html" if wanted_part(request) else "desk/approvals.html", context)


@read_view
def next_approval(request: HttpRequest) -> HttpResponse:
    """The review page of the decision that follows ``?after=K8S…@prd``; the list when none is left."""
    found = selectors.next_to_approve(rights_of(request), after=request.GET.get("after", "")[:LONGEST])
    if found is None:
        messages.info(request, str(_("Nothing else waits for your approval.")))
        return redirect("desk:approvals")
    return redirect(found.url)


@read_view
def search(request: HttpRequest) -> HttpResponse:
    """Everything that the text may mean; a whole order number leads straight to its page."""
    text = request.GET.get("q", "")
    found = selectors.search(actor_of(request), text)
    if found.exact is not None:
        return redirect("releases:order", found.exact.number)
    show_states(found.orders)
    return render(request, "desk/search.html", {"text": text.strip(), "found": found})


@read_view
def palette(request: HttpRequest) -> HttpResponse:
    """What the palette shows for ``?q=``, as JSON; never kept, for what one may do changes."""
    answer = JsonResponse({"groups": lines_of(actor_of(request), request.GET.get("q", ""))})
    answer["Cache-Control"] = "no-store"
    return answer


@read_view
def keys(request: HttpRequest) -> HttpResponse:
    """The list of keys: a page of its own, or only the list for the dialog."""
    return render_page(request, "ui/keys_help.html" if is_htmx(request) else "desk/keys.html", {})


@no_api_route("writes nothing: says a form as an API call")
@act_view
@sensitive_post_parameters()
def api_call(request: HttpRequest) -> HttpResponse:
    """The posted form as one curl; ``_action`` is where it would go. Writes nothing; Missing where there is no call."""
    data = request.POST.copy()
    action = data.get("_action", "")
    data.pop("_action", None)
    call = call_of(request, action, data)
    if call is None:
        raise Missing()
    answer = JsonResponse({"curl": call.curl})
    answer["Cache-Control"] = "no-store"
    return answer


LINKS: tuple[tuple[str, str, str, MessageLike, MessageLike], ...] = (
    ("", "environments:projects", "users", _("Projects and members"), _("Who may do what, and until when.")),
    ("see_site", "environments:people", "user", _("People"), _("Who may sign in.")),
    ("", "environments:groups", "users", _("Groups"), _("People who hold a role together.")),
    (
        "see_site",
        "environments:clusters",
        "cloud",
        _("Clusters"),
        _("Where components run; each with a connection test."),
    ),
    (
        "",
        "components:templates",
        "template",
        _("Templates"),
        _("Dockerfiles, start scripts, deployments and services."),
    ),
    ("", "components:base-images", "stack", _("Base images"), _("What components stand on.")),
    ("see_site", "components:servers", "plug", _("Servers"), _("Jenkins, Git and registry; each with a test.")),
    ("", "desk:explain", "help", _("Permission explainer"), _("Why you may or may not do something, and who may.")),
    ("see_health", "desk:health", "heart", _("System health"), _("Workers, stuck runs, other systems.")),
    ("", "accounts:tokens", "key", _("My tokens"), _("What acts for you over the API.")),
)
"""(right of the site or nothing, page, icon, name, what it is)."""


@read_view
def admin(request: HttpRequest) -> HttpResponse:
    """Links to what this person may look after."""
    rights = Rights(actor_of(request))
    first_run = selectors.first_run(rights)
    links = [
        {"url": reverse(name), "icon": icon, "title": title, "text": text}
        for verb, name, icon, title, text in LINKS
        if not verb or rights.can(verb)
    ]
    return render_page(request, "desk/admin.html", {"links": links, "first_run": first_run}, nav="admin")


@read_view
def health(request: HttpRequest) -> HttpResponse:
    """Is the platform well? Workers, stuck runs, other sides, and what readyz says."""
    require(actor_of(request), "see_health")
    found, checks = selectors.health(), checks_shown(_readiness(request))
    trouble = found.trouble + sum(not check.is_good for check in checks)
    context = {"health": found, "checks": checks, "trouble": trouble}
    return render_page(request, "desk/_health.html" if is_htmx(request) else "desk/health.html", context, nav="admin")


def _readiness(request: HttpRequest) -> dict[str, str]:
    """What ``/readyz`` answers to a load balancer, asked of the same view: this app may not import `prism4k`."""
    answer = resolve(reverse("readyz")).func(request)
    return dict(json.loads(answer.content)["checks"])


@api_route("health_wake")
@act_view
def wake(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Make a stuck run due now."""
    wake_run(actor=actor_of(request), kind=kind, pk=pk)
    return redirect_with(request, _("Woken: a worker takes it within seconds."), "desk:health")
