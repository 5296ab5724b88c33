"""The page that compares two environments of a project, and promotes what lies behind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import live_reads
from components.models import Component
from desk.comparison import KINDS, Comparison, Pair, Wanted, chosen_pair, compare, compare_one
from desk.comparison.differing import SAME
from desk.shell import CHOSEN
from environments.models import Space
from environments.selectors.places import find_space
from foundation.api.routes import api_route
from foundation.digits import parse_digits
from foundation.messages import MessageLike
from foundation.pages import read_view, wanted_part
from foundation.problems import Invalid, Missing
from releases.choices import TestVerdict
from releases.models import Placement, Promotion, ReleaseOrder
from releases.services.promote_many import Outcome, promote_many
from releases.views.pages import page, rights_of

NAMES = {"slug": "project"}
"""The API calls slug what is project in the addresses of pages."""


@dataclass(frozen=True)
class Sent:
    """What somebody sent to promote: as it stays in the form, what came of it, and what was wrong with it."""

    numbers: Collection[str] = ()
    test_verdict: str = ""
    note: str = ""
    outcomes: Sequence[Outcome] = ()
    errors: Sequence[MessageLike] = ()

    @property
    def promoted(self) -> int:
        """How many orders went through."""
        return sum(one.is_promoted for one in self.outcomes)


@read_view
def environments(request: HttpRequest) -> HttpResponse:
    """Two environments side by side; with ``part=`` a piece of it."""
    wanted = _wanted(request)
    pair = chosen_pair(rights_of(request), wanted)
    part = wanted_part(request)
    if part == "news" and pair.is_whole:
        return page(request, "desk/_sides_news.html", _news(request, pair, wanted))
    if part == "commits" and pair.is_whole:
        return page(request, "desk/_sides_commits.html", _commits_of(pair, wanted))
    if part == "row" and pair.is_whole:
        return _row(request, pair, wanted)
    return _show(request, pair, wanted)


def _here() -> str:
    """Where the links of the page lead, also those of one that a form has left elsewhere."""
    return reverse("desk:compare-environments")


def _wanted(request: HttpRequest) -> Wanted:
    """With the project that somebody works on, where the address names none."""
    wanted = Wanted.read(request.GET.dict())
    kept = str(request.session.get(CHOSEN, ""))
    is_seen = any(space.project.slug == kept for space in rights_of(request).spaces)
    return replace(wanted, project=kept) if is_seen and not wanted.project else wanted


def _show(
    request: HttpRequest, pair: Pair, wanted: Wanted, sent: Sent | None = None, status: int = 200
) -> HttpResponse:
    rights = rights_of(request)
    wanted = replace(
        wanted,
        project=pair.project.slug if pair.project else wanted.project,
        before=pair.left.environment.slug if pair.left else wanted.before,
        after=pair.right.environment.slug if pair.right else wanted.after,
    )
    found = compare(rights, pair, wanted) if pair.is_whole else None
    context = {
        "nav": "environments",
        "here": _here(),
        "pair": pair,
        "wanted": wanted,
        "found": found,
        "sent": sent or Sent(),
        "topic": f"project:{pair.project.pk}" if pair.project else "",
        "seen": newest_of(pair) if found else 0,
        "swapped": wanted.query(before=wanted.after, after=wanted.before, start="", opened=""),
        "all_query": wanted.query(kind="", start="", opened=""),
        "verdicts": TestVerdict.choices if found and found.can_promote and _asks_for_word(pair.right) else [],
        **_tabs(wanted, found),
    }  # fmt: skip
    if request.GET.get("commits") and found:
        context |= _commits_of(pair, wanted)
    return page(request, "desk/sides.html", context, status=status)


def _tabs(wanted: Wanted, found: Comparison | None) -> dict[str, Any]:
    if found is None:
        return {}
    kinds: list[tuple[str, MessageLike, int]] = [("", pgettext_lazy("differences", "All"), found.counts.differ)]
    kinds += [(kind, word, found.counts.by_kind[kind]) for kind, word in KINDS.items()]
    tabs = [
        (word, count, wanted.query(kind=kind, start="", opened=""), kind == wanted.kind) for kind, word, count in kinds
    ]
    return {
        "tabs": tabs,
        "is_same": wanted.kind == SAME,
        "same_query": wanted.query(kind="" if wanted.kind == SAME else SAME, start="", opened=""),
        "more_query": wanted.query(start=found.more, opened=""),
    }


def _asks_for_word(space: Space | None) -> bool:
    """Where an environment comes before, a tester says how it went there."""
    return space is not None and space.environment.follows.exists()


def _row(request: HttpRequest, pair: Pair, wanted: Wanted) -> HttpResponse:
    """One component anew: opened, or closed again; its tick stays."""
    line = compare_one(rights_of(request), pair, wanted, request.GET.get("component", ""))
    sent = Sent(request.GET.getlist("orders"))
    context = {"line": line, "pair": pair, "wanted": wanted, "sent": sent, "here": _here()}
    return page(request, "desk/_sides_row.html", context)


# ---------------------------------------------------------------- news
def newest_of(pair: Pair) -> int:
    """Grows with each success in either place and each promotion to the right-hand one: one query."""
    assert pair.left is not None and pair.right is not None
    rows = Placement.objects.filter(space__in=[pair.left.pk, pair.right.pk])
    newest = rows.aggregate(deployed=Max("last_succeeded"))["deployed"] or 0
    promoted = Promotion.objects.filter(space=pair.right.pk).aggregate(newest=Max("pk"))["newest"] or 0
    return int(newest) + int(promoted)


def news_of(request: HttpRequest, pair: Pair) -> dict[str, Any]:
    """Whether something newer is there than the page has seen; what is no number has seen nothing yet."""
    seen = request.GET.get("seen", "")
    number = parse_digits(seen[:18])
    return {"has_news": number is not None and number != newest_of(pair), "seen": seen}


def _news(request: HttpRequest, pair: Pair, wanted: Wanted) -> dict[str, Any]:
    return news_of(request, pair) | {"wanted": wanted, "here": _here()}


# ---------------------------------------------------------------- commits
def _commits_of(pair: Pair, wanted: Wanted) -> dict[str, Any]:
    """What the newer of the two orders has that the older has not; a read of Git that never fails the page."""
    assert pair.left is not None and pair.right is not None
    component = Component.objects.filter(project=pair.left.project_id, slug=wanted.opened).first()
    if component is None:
        raise Missing()
    component.project = pair.left.project
    places = Placement.objects.filter(component=component, space__in=[pair.left.pk, pair.right.pk])
    found = places.select_related("last_succeeded__order__component_settings")
    orders = sorted((row.last_succeeded.order for row in found if row.last_succeeded), key=lambda order: order.pk)
    return {"wanted": wanted, "here": _here(), **_between(component, orders)}


def _between(component: Component, orders: Sequence[ReleaseOrder]) -> dict[str, Any]:
    if len(orders) < 2:
        return {"are_alone": True}
    old, new = orders[0], orders[-1]
    if not old.commit or old.commit == new.commit:
        return {"are_same": True}
    url = new.component_settings.git_url if new.component_settings else ""
    return {"commits": live_reads.commits_between(component, old.commit, new.commit, git_url=url)}


# ---------------------------------------------------------------- promote
@api_route("space_promotions_create", names=NAMES)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def promote(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """The ticked orders to this environment; answers with what came of each. GET leads back to the comparison."""
    space = find_space(actor_of(request), project, environment)
    wanted = Wanted(project, request.POST.get("from", request.GET.get("from", "")).strip()[:20].lower(), environment)
    if request.method != "POST":
        return redirect(f"{_here()}?{wanted.query()}")
    sent = Sent(request.POST.getlist("orders"), request.POST.get("test_verdict", ""), request.POST.get("note", ""))
    try:
        outcomes = promote_many(
            actor=actor_of(request),
            space=space,
            numbers=list(sent.numbers),
            test_verdict=sent.test_verdict,
            note=sent.note[:2000],
        )
        sent = Sent(outcomes=outcomes)
        status = 200 if sent.promoted else 409
    except Invalid as error:
        sent = replace(sent, errors=error.texts)
        status = 400
    return _show(request, chosen_pair(rights_of(request), wanted), wanted, sent, status)
