"""所有 K8S 发布单: the list with its filters."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from accounts.actor import actor_of
from foundation.pages import read_view, wanted_part
from releases import selectors
from releases.filtering import TEXTS, filter_orders, only_watched, query_of_filters, read_filters
from releases.presenters.acts import new_order_act
from releases.presenters.list import filter_choices, order_rows, with_names
from releases.views.live_lists import list_context, news_context, take_rows, topics_context
from releases.views.pages import page, rights_of


@read_view
def list_orders(request: HttpRequest) -> HttpResponse:
    """Newest first by id, 50 a page, in at most 12 queries and without COUNT, however many there are."""
    rights = rights_of(request)
    given = read_filters(request.GET.dict())
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
    context |= {
        "given": given,
        "choices": choices,
        "filter_query": query_of_filters(given),
        **topics_context(chosen_ids),
    }
    context["new_order"] = new_order_act(rights, [pk for pk, _slug in choices.project_ids])
    return page(request, "releases/list.html", context)
