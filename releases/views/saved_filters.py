"""Filters of the list of orders that a person keeps under a name."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from accounts.actor import actor_of
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, form_view, redirect_with, wanted_part
from foundation.problems import Invalid
from releases.filtering import normal_query
from releases.services import saved_filters as services
from releases.views.pages import page


@api_route("saved_filters_create")
@form_view
def show_and_save(request: HttpRequest) -> HttpResponse:
    """The viewer's filters, as a page or in a menu of the list; a POST keeps the filter of the address under a name."""
    if request.method != "POST":
        return _shown(request, normal_query(request.GET))
    given = {name: request.POST.get(name, "") for name in ("name", "query")}
    try:
        row = services.save_filter(actor=actor_of(request), **given)
    except Invalid as refusal:
        return _shown(request, normal_query(QueryDict(given["query"])), refusal, given["name"])
    return redirect_with(request, _("The filter is saved."), _list_with(row.query))


def _shown(request: HttpRequest, query: str, refusal: Invalid | None = None, typed: str = "") -> HttpResponse:
    """``typed``: the name that was refused; it stays in its field."""
    saved = services.saved_filters(actor_of(request))
    is_saved = refusal is None and query in {row.query for row in saved}
    context = {"saved": saved, "filter_query": query, "is_saved": is_saved, "typed": typed}
    if refusal is not None:
        context["problems"] = [text for texts in refusal.fields.values() for text in texts]
        return page(request, "releases/saved_filters.html", context, status=400)
    is_menu = wanted_part(request) == "menu"
    return page(request, "releases/_saved_filters.html" if is_menu else "releases/saved_filters.html", context)


@api_route("saved_filters_update")
@act_view
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name for it."""
    try:
        row = services.rename_filter(actor=actor_of(request), pk=pk, name=request.POST.get("name", ""))
    except Invalid as refusal:
        return _shown(request, "", refusal)
    return redirect_with(request, _("The filter is renamed."), _list_with(row.query))


@api_route("saved_filters_destroy")
@act_view
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """It is kept no more."""
    services.delete_filter(actor=actor_of(request), pk=pk)
    return redirect_with(request, _("The filter is deleted."), _list_with("project="))


def _list_with(query: str) -> str:
    return f"{reverse('releases:list')}?{query}"
