"""所有 K8S 发布单: the list with its filters."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from environments.access import Rights
from foundation import paging
from releases import selectors
from releases.models import ReleaseOrder
from releases.views.pages import is_partial, page, person
from releases.views.shown.rows import Choices, filter_choices, order_rows, with_names

FILTERS = ("project", "component", "state", "author", "text")
MOST_TOPICS = 40


@login_required
@require_safe
def list_orders(request: HttpRequest) -> HttpResponse:
    """Newest first by id, 50 a page, in at most 12 queries and without COUNT, however many there are."""
    user = person(request)
    rights = Rights(user)
    given = {name: request.GET.get(name, "").strip()[:200] for name in FILTERS}
    rows = selectors.filter_orders(selectors.orders_visible_to(user, rights=rights), **given)
    if is_partial(request) and request.GET["part"] == "news":
        return _news(request, rows, _query(given))
    found = paging.take_page(
        with_names(rows),
        before=paging.read_cursor(request.GET.get("before"), "before"),
        after=paging.read_cursor(request.GET.get("after"), "after"),
    )
    context = {
        "page": found,
        "rows": order_rows(found.items, rights),
        "query": _query(given),
        "newest": found.items[0].pk if found.items else 0,
        "refresh": _refresh_query(given, found),
    }
    if is_partial(request):
        return page(request, "releases/_rows.html", context)
    choices = filter_choices(
        rights, project=given["project"], component=given["component"], state=given["state"]
    )  # fmt: skip
    context |= {"given": given, "choices": choices, "is_filtered": any(given.values()), **_topics(choices, given)}
    return page(request, "releases/list.html", context)


def _news(request: HttpRequest, rows: QuerySet[ReleaseOrder], query: str) -> HttpResponse:
    """How many orders came since: rows announce themselves and wait for a click."""
    newest = paging.read_cursor(request.GET.get("newest"), "newest") or 0
    count = len(rows.filter(pk__gt=newest).order_by().values_list("pk", flat=True)[:51])
    return page(request, "releases/_news.html", {"count": count, "newest": newest, "query": query})


def _query(given: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in given.items() if value})
    return query.urlencode()


def _refresh_query(given: dict[str, str], found: paging.Page[ReleaseOrder]) -> str:
    """The same rows again: nothing new appears under the pointer."""
    query = QueryDict(_query(given), mutable=True)
    query["part"] = "rows"
    if found.items:
        query["before"] = str(found.items[0].pk + 1)
    return query.urlencode()


def _topics(choices: Choices, given: dict[str, str]) -> dict[str, str]:
    ids = [
        pk for pk, slug in choices.project_ids if not given["project"] or slug == given["project"]
    ]  # fmt: skip
    return {"topic": ",".join(f"project:{pk}" for pk in ids[:MOST_TOPICS])}
