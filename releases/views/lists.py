"""所有 K8S 发布单: the list with its filters."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from accounts.actor import actor_of
from foundation.pages import read_view, wanted_part
from releases import selectors
from releases.filtering import day_text, filter_orders, only_watched
from releases.presenters.acts import new_order_act
from releases.presenters.list import filter_choices, order_rows, with_names
from releases.views.live_lists import list_context, news_context, take_rows, topics_context
from releases.views.pages import page, rights_of

DAYS = ("since", "until")
"""The first and the last day that an order was created on, in the viewer's zone; both count."""
TEXTS = ("project", "component", "state", "author", "text", *DAYS)
FILTERS = (*TEXTS, "watching")
"""``watching``: only those that the viewer watches."""


@read_view
def list_orders(request: HttpRequest) -> HttpResponse:
    """Newest first by id, 50 a page, in at most 12 queries and without COUNT, however many there are."""
    rights = rights_of(request)
    given = read_filters(request)
    seen = selectors.orders_visible_to(actor_of(request), rights=rights)
    rows = filter_orders(seen, **{name: given[name] for name in TEXTS})
    if given["watching"]:
        rows = only_watched(rows, actor_of(request))
    if wanted_part(request) == "news":
        return page(request, "releases/_news.html", news_context(request, rows, given))
    found = take_rows(request, with_names(rows))
    context = list_context(request, found, given) | {"rows": order_rows(found.items, rights)}
    if wanted_part(request):
        return page(request, "releases/_rows.html", context)
    chosen = {name: given[name] for name in ("project", "component", "state", "author")}
    choices = filter_choices(rights, **chosen)
    chosen_ids = [pk for pk, slug in choices.project_ids if given["project"] in ("", slug)]
    context |= {"given": given, "choices": choices, **topics_context(chosen_ids)}
    context["new_order"] = new_order_act(rights, [pk for pk, _slug in choices.project_ids])
    return page(request, "releases/list.html", context)


def read_filters(request: HttpRequest) -> dict[str, str]:
    """What the address says, by field; a day that is none counts as not given."""
    given = {name: request.GET.get(name, "").strip()[:200] for name in FILTERS}
    given["watching"] = "1" if given["watching"] else ""
    return given | {name: day_text(given[name]) for name in DAYS}
