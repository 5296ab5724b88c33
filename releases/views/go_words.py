"""可发 · 暂缓 on the order's page and on the calendar's day."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.actor import actor_of
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, redirect_with
from releases import selectors
from releases.filtering import day_text
from releases.presenters.acts import panel_url
from releases.services.go_words import say_go


@api_route("go_words_say")
@act_view
def say(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """Go, no-go, or one's word taken back; leads to the page where it was said."""
    order, space = selectors.order_and_space(actor_of(request), number, environment)
    given = request.POST
    row = say_go(
        actor=actor_of(request), order=order, space=space, word=given.get("word", ""), comment=given.get("comment", "")
    )
    said = _("Your word is on the page: it opens no gate and closes none.") if row else _("Your word is taken back.")
    day = day_text(request.GET.get("day", ""))
    to = f"{reverse('desk:calendar')}?day={day}" if day else panel_url(order.number, space.environment.slug)
    return redirect_with(request, said, to)
