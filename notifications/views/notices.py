"""The list of what one was told, and reading it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from accounts.actor import actor_of
from foundation import paging
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, is_htmx, read_view, redirect_with, wanted_part
from notifications.selectors import notices as selectors
from notifications.selectors.notices import own_notices, unread_count
from notifications.services import notices as services
from releases.live.topics import ME
from releases.views.live_lists import list_context, news_context, take_rows
from releases.views.pages import page, rights_of


@read_view
def list_notices(request: HttpRequest) -> HttpResponse:
    """Newest first by id, 50 a page; new ones wait for a click. ``part=count`` is the number in the head."""
    user, rights = actor_of(request), rights_of(request)
    part = wanted_part(request)
    if part == "count":
        return page(request, "notifications/_count.html", {"unread": unread_count(user, rights)})
    given = {"unread": "1" if request.GET.get("unread") else ""}
    rows = own_notices(user, rights, only_unread=bool(given["unread"]))
    if part == "news":
        return page(request, "notifications/_news.html", news_context(request, rows, given))
    context = list_context(request, take_rows(request, rows), given)
    context |= {"nav": "notifications", "given": given, "topic": f"{ME}:{user.pk}"}
    return page(request, "notifications/_rows.html" if part else "notifications/list.html", context)


@read_view
def for_browser(request: HttpRequest) -> HttpResponse:
    """What the browser shows of what came after ``?after=``, as JSON; without it only where the list ends now."""
    user, rights = actor_of(request), rights_of(request)
    after = paging.read_cursor(request.GET.get("after"), "after")
    found = [] if after is None else selectors.for_browser(user, rights, after=after)
    newest = own_notices(user, rights).select_related(None).values_list("pk", flat=True).first() or 0
    shown = [{"id": one.pk, "text": str(one.message), "detail": str(one.detail), "path": one.path} for one in found]
    answer = JsonResponse({"newest": newest, "notices": shown})
    answer["Cache-Control"] = "no-store"
    return answer


@api_route("notifications_read")
@act_view
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them is read."""
    services.mark_read(actor=actor_of(request), rights=rights_of(request), pk=pk)
    return HttpResponse(status=204) if is_htmx(request) else redirect("notifications:list")


@api_route("notifications_read_all")
@act_view
def read_all(request: HttpRequest) -> HttpResponse:
    """All that the page showed, and what is older; what came since is not."""
    up_to = paging.read_cursor(request.POST.get("up_to"), "up_to") or 0
    services.mark_all_read(actor=actor_of(request), rights=rights_of(request), up_to=up_to)
    return redirect_with(request, _("All are read."), "notifications:list")
