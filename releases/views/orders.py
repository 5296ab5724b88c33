"""Show, comment on and close an order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from environments.access import Rights
from foundation.api.routes import api_route, in_address
from foundation.digits import parse_digits
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import act_view, is_htmx, put_errors, read_view, redirect_with, wanted_part
from foundation.problems import Invalid, Missing
from foundation.runs.choices import ACTIVE
from releases import selectors
from releases.forms import CommentForm, PromotionForm, ReasonForm
from releases.go_words import words_of
from releases.models import GoWord, ReleaseOrder
from releases.presenters import activity, acts
from releases.presenters.build import build_panel, log_of
from releases.presenters.environment import space_panel
from releases.presenters.facts import order_facts
from releases.presenters.order import Lane, check_act, header_acts, primary_act, read_lane, stuck_at
from releases.services import builds, mentions, orders
from releases.views.pages import live, page


# ---------------------------------------------------------------- one order
@read_view
def order(request: HttpRequest, number: str) -> HttpResponse:
    """Where is it, what is next, what stops it? ``?panel=`` chooses the card that is open."""
    rights = Rights(actor_of(request))
    found = selectors.order_by_number(rights.user, number, rights=rights)
    context = order_context(request, found, rights=rights)
    template = "releases/_order_live.html" if wanted_part(request) else "releases/order.html"
    return page(request, template, context)


def order_context(
    request: HttpRequest,
    found: ReleaseOrder,
    *,
    panel: str = "",
    form: PromotionForm | None = None,
    rights: Rights | None = None,
) -> dict[str, Any]:
    """Everything that the order's page shows; ``form`` is a promotion form with its errors."""
    rights = rights or Rights(actor_of(request))
    lane = read_lane(found, rights)
    panel = panel or request.GET.get("panel", "")
    if panel != "build" and panel not in lane.places:
        panel = _default_panel(found, lane)
    context: dict[str, Any] = {
        "order": found,
        "lane": lane,
        "panel": panel,
        "primary": primary_act(found, lane, rights, panel),
        "stuck": stuck_at(found, lane, rights),
        "acts": header_acts(found, rights),
        "check": check_act(found, rights),
        "facts": order_facts(found, lane.latest),
        **activity.activity_panel(found, request.GET.get("activity", "")),
        "last_check": activity.last_check(found),
        "comment_form": CommentForm(),
        "may_comment": rights.can("comment", project_id=found.project_id),
        **live(found, *(place.space.pk for place in lane.places.values())),
    }
    return context | _panel_context(request, found, lane, panel, rights, form)


def _panel_context(
    request: HttpRequest,
    found: ReleaseOrder,
    lane: Lane,
    panel: str,
    rights: Rights,
    form: PromotionForm | None,
) -> dict[str, Any]:
    query = {"panel": panel, "part": "live", "activity": request.GET.get("activity", "")}
    if panel == "build":
        attempt = request.GET.get("attempt", "")
        pinned = parse_digits(attempt, 9)
        shown = build_panel(found, rights, pinned, lane.usual)
        seen = str(shown.build.attempt if shown.build else 0)
        query |= {"seen": seen} | ({"attempt": attempt} if pinned else {})
        return {
            "build_panel": shown,
            "log": log_of(found, shown.build) if shown.build else None,
            "live_query": urlencode(query),
            # A new attempt's log takes the old one's place; otherwise the log is never sent twice.
            "is_outrun": request.GET.get("seen", seen) != seen,
        }
    place = lane.places[panel]
    return {
        "space_panel": space_panel(found, place, rights),
        "go_words": _go_words(found, place.space.pk),
        "live_query": urlencode(query),
        "promotion_form": form or PromotionForm(space=place.space),
    }


def _go_words(found: ReleaseOrder, space_id: int) -> list[GoWord]:
    """Nothing is read for an order of which nobody said anything."""
    at = (found.pk, space_id)
    return words_of([at])[at] if getattr(found, "has_words", True) else []


def _default_panel(found: ReleaseOrder, lane: Lane) -> str:
    """Where something goes on; otherwise the first place that the order has not reached."""
    if not found.image_digest or not lane.places:
        return "build"
    for slug, place in lane.places.items():
        if place.standing.newest and place.standing.newest.state in ACTIVE:
            return slug
    for slug, place in lane.places.items():
        if not place.standing.has_succeeded:
            return slug
    return list(lane.places)[-1]


@api_route("orders_check")
@act_view
def check(request: HttpRequest, number: str) -> HttpResponse:
    """检测: Jenkins and the registry are asked now; what they said stands on the order's page."""
    found = selectors.order_by_number(actor_of(request), number)
    builds.check_order(actor=actor_of(request), order=found)
    return redirect_with(request, _("Checked: the answer is on the right."), "releases:order", number)


@api_route("comments_create")
@act_view
def comment(request: HttpRequest, number: str) -> HttpResponse:
    """Say something on the order's page."""
    found = selectors.order_by_number(actor_of(request), number)
    orders.comment(actor=actor_of(request), order=found, text=request.POST.get("text", ""))
    return redirect_with(request, _("Your comment is on the page."), "releases:order", number)


@api_route("mentions_read")
@act_view
def read_mentions(request: HttpRequest, number: str) -> HttpResponse:
    """The viewer has read where they are named: a page with scripts says so by itself once it is open."""
    found = selectors.order_by_number(actor_of(request), number)
    mentions.mark_read(actor=actor_of(request), order=found)
    if is_htmx(request):
        # The inbox's number in the rail was asked for while the page opened: it is asked for again.
        return HttpResponse(headers={"HX-Trigger": "prism:changed"})
    return redirect_with(request, _("It is gone from your inbox."), "releases:order", number)


ENDINGS: dict[str, tuple[Callable[..., None], MessageLike, MessageLike]] = {
    "done": (orders.finish_order, _("Close as done"), _("The order is closed as done.")),
    "return": (orders.return_order, _("Return the order"), _("The order is returned: it goes no further.")),
    "withdraw": (orders.withdraw_order, _("Withdraw the order"), _("The order is withdrawn.")),
}


@api_route("orders_return", when=in_address("act", "return"))
@api_route("orders_withdraw", when=in_address("act", "withdraw"))
@api_route("orders_close", when=in_address("act", "done"))
@login_required
@require_http_methods(["GET", "POST"])
def close(request: HttpRequest, number: str, act: str) -> HttpResponse:
    """Close as done, return (打回) or withdraw: one page that asks for the reason and says what follows."""
    found = selectors.order_by_number(actor_of(request), number)
    if act not in ENDINGS:
        raise Missing()
    finish, title, said = ENDINGS[act]
    form = ReasonForm(request.POST or None, is_required=act == "return")
    if request.method == "POST" and form.is_valid():
        try:
            finish(actor=actor_of(request), order=found, reason=form.cleaned_data["reason"])
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            return redirect_with(request, said, "releases:order", number)
    verb = {"done": "close_order", "return": "return", "withdraw": "withdraw_order"}[act]
    no = acts.refusal(
        Rights(actor_of(request)), verb, project_id=found.project_id, owner_id=found.author_id, order=found
    )
    context = {
        "order": found,
        "form": form,
        "title": title,
        "act": act,
        "why": no.why,
        "who": no.who,
        "explain": no.explain,
    }
    return page(request, "releases/close.html", context, status=400 if form.is_bound else 200)
