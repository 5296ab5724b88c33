"""Administration and health."""

from __future__ import annotations

import json
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from desk import selectors
from desk.selectors.health_words import checks_shown
from desk.services import wake_run
from environments.access import Rights, require
from foundation.problems import Sentence


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


LINKS: tuple[tuple[str, str, str, Sentence, Sentence], ...] = (
    ("", "environments:projects", "users", _("Projects and members"), _("Who may do what, and until when.")),
    ("see_site", "environments:people", "user", _("People"), _("Who may sign in.")),
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
    ("see_health", "desk:health", "heart", _("System health"), _("Workers, stuck runs, other systems.")),
    ("", "accounts:tokens", "key", _("My tokens"), _("What acts for you over the API.")),
)
"""(right of the site or nothing, page, icon, name, what it is)."""


@login_required
@require_safe
def admin(request: HttpRequest) -> HttpResponse:
    """Links to what this person may look after."""
    rights = Rights(_person(request))
    first_run = selectors.first_run(rights)
    links = [
        {"url": reverse(name), "icon": icon, "title": title, "text": text}
        for verb, name, icon, title, text in LINKS
        if not verb or rights.can(verb)
    ]
    return render(request, "desk/admin.html", {"nav": "admin", "links": links, "first_run": first_run})


@login_required
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Is the platform well? Workers, stuck runs, other sides, and what readyz says."""
    require(_person(request), "see_health")
    found, checks = selectors.health(), checks_shown(_readiness(request))
    trouble = found.trouble + sum(not check.is_good for check in checks)
    context = {"nav": "admin", "health": found, "checks": checks, "trouble": trouble}
    is_part = "HX-Request" in request.headers
    response = render(request, "desk/_health.html" if is_part else "desk/health.html", context)
    response["Vary"] = "HX-Request, Cookie"
    return response


def _readiness(request: HttpRequest) -> dict[str, str]:
    """What ``/readyz`` answers to a load balancer, asked of the same view: this room may not import the frame."""
    answer = resolve(reverse("readyz")).func(request)
    return dict(json.loads(answer.content)["checks"])


@login_required
@require_POST
def wake(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Make a stuck run due now."""
    wake_run(actor=_person(request), kind=kind, pk=pk)
    messages.success(request, str(_("Woken: a worker takes it within seconds.")))
    return redirect("desk:health")
