"""Pages of twins: what is out of line in all projects, one project side by side, and 对齐灾备."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from desk.compare_views import newest_of, news_of
from desk.comparison import KINDS, Pair, Wanted, compare
from desk.comparison.differing import OUT_OF_LINE
from desk.twins import list_twins, pair_in, twin_lines
from environments.selectors.places import find_space
from environments.selectors.quota import quotas_seen
from foundation.api.routes import api_route
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import act_view, query_of, read_view, redirect_with, wanted_part
from foundation.problems import Invalid
from releases.choices import TestVerdict
from releases.readiness import CODES, readiness_of
from releases.services.align import Aligned, Wish, align
from releases.services.readiness import ask_for_readiness
from releases.views.pages import page, rights_of

NAMES = {"slug": "project"}
"""The API calls slug what is project in the addresses of pages."""


@dataclass(frozen=True)
class Sent:
    """What somebody sent to align: as it stays in the form, what came of it, and what was wrong with it."""

    values: Collection[str] = ()
    test_verdict: str = ""
    note: str = ""
    outcomes: Sequence[Aligned] = ()
    errors: Sequence[MessageLike] = ()

    @property
    def moved(self) -> int:
        """How many this act brought further."""
        return sum(one.is_moved for one in self.outcomes)


@read_view
def twins(request: HttpRequest) -> HttpResponse:
    """Every component that is out of line between an environment and its twin."""
    project, kind, start = (request.GET.get(name, "").strip()[:130] for name in ("project", "differs", "start"))
    kind = kind if kind in KINDS else ""
    found = list_twins(rights_of(request), project=project, kind=kind, start=start)
    words: list[tuple[str, MessageLike]] = [("", pgettext_lazy("differences", "All")), *KINDS.items()]
    tabs = [(word, query_of({"project": project, "differs": one}), one == kind) for one, word in words]
    context = {
        "nav": "environments",
        "found": found,
        "codes": [*CODES.items()],
        "project": project,
        "tabs": tabs,
        "more_query": query_of({"project": project, "differs": kind, "start": found.more}),
        "all_query": query_of({"project": project}),
    }
    return page(request, "desk/twins.html", context)


@read_view
def twin(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """One project: an environment and its twin side by side."""
    pair = pair_in(rights_of(request), project, environment)
    if wanted_part(request) == "news":
        return page(request, "desk/_twin_news.html", news_of(request, pair) | {"here": _here(pair)})
    return _show(request, pair)


def _wanted(request: HttpRequest, pair: Pair) -> Wanted:
    """A page of those that differ, in anything that counts where nobody chose."""
    assert pair.project is not None and pair.left is not None and pair.right is not None
    kind = request.GET.get("differs", "")
    start = request.GET.get("start", "")[:130]
    slugs = (pair.left.environment.slug, pair.right.environment.slug)
    return Wanted(pair.project.slug, *slugs, kind if kind in KINDS else OUT_OF_LINE, start)


def _show(request: HttpRequest, pair: Pair, sent: Sent | None = None, status: int = 200) -> HttpResponse:
    assert pair.project is not None and pair.left is not None and pair.right is not None
    rights, wanted = rights_of(request), _wanted(request, pair)
    found = compare(rights, pair, wanted)
    lines = twin_lines(rights, pair, found.lines)
    may_tick = any(line.standing.may for line in lines)
    quotas = quotas_seen([pair.left, pair.right])
    context = {
        "nav": "environments",
        "pair": pair,
        "found": found,
        "lines": lines,
        "sent": sent or Sent(),
        "may_tick": may_tick,
        "here": _here(pair),
        "readiness": readiness_of([pair.right.pk])[pair.right.pk],
        "may_check": rights.can("check", project_id=pair.project.pk),
        "may_order": rights.can("edit_component", project_id=pair.project.pk),
        "topic": f"project:{pair.project.pk}",
        "seen": newest_of(pair),
        "more_query": query_of({"start": found.more}) if found.more else "",
        "quotas": [(side, quotas[side.pk]) for side in (pair.left, pair.right)],
        "verdicts": TestVerdict.choices if may_tick else [],
    }
    return page(request, "desk/twin.html", context, status=status)


@api_route("readiness_ask", names=NAMES)
@act_view
def check_readiness(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Have the twin checked now."""
    pair = pair_in(rights_of(request), project, environment)
    assert pair.right is not None
    ask_for_readiness(actor=actor_of(request), space=find_space(actor_of(request), project, environment))
    return redirect_with(request, _("The check has begun; its answer comes within a minute."), _here(pair))


def _here(pair: Pair) -> str:
    assert pair.project is not None and pair.right is not None
    return reverse("desk:twin", args=[pair.project.slug, pair.right.environment.slug])


@api_route("twin_align", names=NAMES)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def align_twin(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """The ticked orders to the twin; answers with what came of each. GET leads back to the page."""
    pair = pair_in(rights_of(request), project, environment)
    if request.method != "POST":
        return redirect(_here(pair))
    space = find_space(actor_of(request), project, environment)
    given = request.POST
    sent = Sent(given.getlist("orders"), given.get("test_verdict", ""), given.get("note", "")[:2000])
    try:
        outcomes = align(
            actor=actor_of(request),
            space=space,
            wishes=[Wish.read(text) for text in sent.values],
            test_verdict=sent.test_verdict,
            note=sent.note,
        )
        sent = Sent(outcomes=outcomes)
        status = 200 if sent.moved else 409
    except Invalid as error:
        sent = replace(sent, errors=error.texts)
        status = 400
    return _show(request, pair, sent, status)
