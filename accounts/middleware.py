"""Sessions that survive answers which come late; every page in the reader's own language and time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation

from accounts.choices import browser_zone, known_zones
from accounts.models import User
from accounts.services import save_settings
from accounts.sessions import note_seen

_OPEN = frozenset({"accounts:settings", "accounts:password", "accounts:sign-out", "accounts:switch", "set-language"})
"""Where somebody may go who must change the password first."""


class LateAnswerSessionMiddleware(SessionMiddleware):
    """Deletes the session's cookie only in the answer that ended the session.

    Django deletes it in every answer to a request with an unknown session. Signing in gives a new session under the
    same cookie, and a live page still has requests under way with the old one: the answer to such a request would
    come after the sign-in and delete the new cookie.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """As Django's, but for the cookie of a session that nobody touched."""
        answer = super().process_response(request, response)
        if not request.session.modified:
            answer.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return answer


class PersonMiddleware:
    """A signed-in person's settings win over the browser's; the site's zone stands where neither names one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate, answer, restore."""
        user = request.user
        if user.is_authenticated:
            note_seen(request)
        if user.is_authenticated and user.language:
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language
        if zone := self._zone(request):
            timezone.activate(zoneinfo.ZoneInfo(zone))
        try:
            response = self.get_response(request)
            self._keep_choice(request)
        finally:
            timezone.deactivate()
        response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Whose password somebody else set goes nowhere but to the page where they choose their own."""
        user, match = request.user, request.resolver_match
        if not isinstance(user, User) or not user.must_change_password or match is None or match.view_name in _OPEN:
            return None
        if request.path.startswith("/api/"):
            return None  # which answers with a problem document: HasOwnPassword
        return redirect("accounts:settings")

    def _zone(self, request: HttpRequest) -> str:
        """The person's own, else the browser's; empty leaves the site's."""
        user = request.user
        own = user.time_zone if user.is_authenticated else ""
        return own if own in known_zones() else browser_zone(request)

    def _keep_choice(self, request: HttpRequest) -> None:
        """The switch in the top bar sets a cookie; for a signed-in person it is their setting as well."""
        match = request.resolver_match
        if request.method != "POST" or match is None or match.view_name != "set-language":
            return
        language = request.POST.get("language", "")
        if isinstance(request.user, User) and language in dict(settings.LANGUAGES):
            save_settings(actor=request.user, language=language)
