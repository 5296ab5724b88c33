"""What every page of this room does alike."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from foundation.problems import Sentence


def done(request: HttpRequest, sentence: Sentence, to: str, *args: Any) -> HttpResponse:
    """Says what happened and leads on: a reload repeats nothing."""
    messages.success(request, str(sentence))
    return redirect(to, *args)


def warn(request: HttpRequest, sentences: tuple[Sentence, ...]) -> None:
    """What was saved all the same, and should be known."""
    for sentence in sentences:
        messages.warning(request, str(sentence))


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, nav: str = "components", status: int = 200
) -> HttpResponse:
    """A page; ``nav`` is the place of the rail that it belongs to."""
    response = render(request, template, {"nav": nav, **context}, status=status)
    response["Vary"] = "HX-Request, Cookie"
    return response


def is_partial(request: HttpRequest) -> bool:
    """True when htmx asks for a part of a page that is on the screen already."""
    return "HX-Request" in request.headers
