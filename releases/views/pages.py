"""What every page of this room does alike: live topics, partial answers, notes after an act."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.models import User
from environments.access import Rights
from foundation.problems import Sentence
from releases.models import ReleaseOrder


def person(request: HttpRequest) -> User:
    """Who asks; only for views behind ``login_required``."""
    return cast(User, request.user)


def rights_of(request: HttpRequest) -> Rights:
    """What that person may do: read once a request, for the view and for the shell around it."""
    kept = getattr(request, "rights", None)
    rights = kept if isinstance(kept, Rights) else Rights(person(request))
    setattr(request, "rights", rights)  # noqa: B010 - Django's request has no place of its own for it
    return rights


def is_partial(request: HttpRequest) -> bool:
    """True when htmx asks for a part of the page that is on the screen already."""
    return "HX-Request" in request.headers and bool(request.GET.get("part"))


def live(order: ReleaseOrder, *space_ids: int) -> dict[str, Any]:
    """The topics of a page about one order: its events replayed, its places by "look again"."""
    topics = [f"order:{order.number}", *(f"space:{pk}" for pk in space_ids)]
    return {"topic": ",".join(topics), "topic_after": order.last_seq}


def done(request: HttpRequest, sentence: Sentence, to: str, *args: Any) -> HttpResponse:
    """Say what happened and lead back: a reload repeats nothing."""
    messages.success(request, str(sentence))
    return redirect(to, *args)


def page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page of this room; never kept by the browser, for a page that is back must not show old gates."""
    response = render(request, template, {"nav": "orders", **context}, status=status)
    response["Cache-Control"] = "no-store"
    # A partial and the whole page have one address.
    response["Vary"] = "HX-Request, Cookie"
    return response
