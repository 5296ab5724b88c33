"""Finding things: the search page, the palette's answers, the list of keys, and a form as an API call."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import actor_of
from desk import selectors
from desk.api_calls import call_of
from desk.palette import palette as lines_of
from foundation.problems import Missing


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Everything that the text may mean; a whole order number leads straight to its page."""
    text = request.GET.get("q", "")
    found = selectors.search(actor_of(request), text)
    if found.exact is not None:
        return redirect("releases:order", found.exact.number)
    return render(request, "desk/search.html", {"text": text.strip(), "found": found})


@login_required
@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """What the palette shows for ``?q=``, as JSON; never kept, for what one may do changes."""
    answer = JsonResponse({"groups": lines_of(actor_of(request), request.GET.get("q", ""))})
    answer["Cache-Control"] = "no-store"
    return answer


@login_required
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The list of keys: a page of its own, or only the list for the dialog."""
    is_part = "HX-Request" in request.headers
    answer = render(request, "ui/keys_help.html" if is_part else "desk/keys.html")
    answer["Vary"] = "HX-Request, Cookie"
    return answer


@login_required
@require_POST
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
