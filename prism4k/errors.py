"""What goes wrong becomes a message: problem details for the API, a page or a fragment for browsers.

Refusals are recorded here, at the edge, in a transaction of their own: the act's own transaction is rolled back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

import audit
from accounts.models import Project, User
from accounts.role_lookup import roles_of
from audit.choices import Outcome
from environments.models import Space
from foundation import request_context
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import is_htmx
from foundation.problems import MEDIA_TYPE, Denied, Invalid, Missing, PlatformError, Refused, problem
from foundation.renderers import JSONRenderer

log = structlog.get_logger(__name__)


RECORDED = frozenset({403, 409})
"""Statuses of refusals that the audit keeps."""


class Away(PlatformError):
    """The database does not answer."""

    status = 503
    code = "database-away"


class Unauthenticated(PlatformError):
    """Nobody is signed in, or the token is not good."""

    status = 401
    code = "unauthenticated"


def as_platform_error(error: BaseException) -> PlatformError | None:
    """Our own error for one of Django's or DRF's; None for anything unexpected."""
    if isinstance(error, PlatformError):
        return error
    if isinstance(error, Http404):
        return Missing()
    if isinstance(error, drf.ValidationError):
        return Invalid(_fields(error.detail))
    if isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
        return Unauthenticated(_("Sign in, or send a valid token: “Authorization: Token …”."))
    if isinstance(error, PermissionDenied | drf.PermissionDenied):
        return Denied(_("You may not do this."))
    if unread := _unread(error):
        return unread
    if isinstance(error, drf.APIException):
        return Refused(str(error.detail), error.default_code.replace("_", "-"), status=error.status_code)
    if isinstance(error, OperationalError | InterfaceError):
        return Away(_("The database does not answer just now: nothing was changed. Try again in a few seconds."))
    return None


def _unread(error: BaseException) -> PlatformError | None:
    """Of a request whose body was never looked at."""
    if isinstance(error, drf.MethodNotAllowed):
        return Refused(_("This address has no such verb: see the header Allow."), "method-not-allowed", status=405)
    if isinstance(error, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        return Refused(_("What was sent has more than %(most)s MB.", most=most), "too-large", status=413)
    if isinstance(error, SuspiciousOperation | BadRequest):
        return Refused(_UNREADABLE, "unreadable", status=400)
    return None


def _fields(detail: Any, prefix: str = "") -> dict[str, list[Any]]:
    if isinstance(detail, dict):
        found: dict[str, list[Any]] = {}
        for name, inner in detail.items():
            # What DRF says of a list or an object as a whole is said of its own name.
            whole = name == api_settings.NON_FIELD_ERRORS_KEY
            found |= _fields(inner, prefix if whole else f"{prefix}.{name}" if prefix else str(name))
        return found
    if isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        found = {}
        for index, inner in enumerate(detail):
            found |= _fields(inner, f"{prefix}.{index}" if prefix else str(index))
        return found
    return {prefix: [str(item) for item in (detail if isinstance(detail, list) else [detail])]}


def record_refusal(
    error: PlatformError, *, user: User | None, verb: str, name: str, place: request_context.Place | None = None
) -> None:
    """Keeps who was refused what and where; never stands in the way of the answer.

    ``place``: where, if not where this request asked for a right last.
    """
    if user is None or error.status not in RECORDED:
        return
    with contextlib.suppress(DatabaseError):
        project, environment = _names_of(error, place or request_context.current().notes.place)
        audit.record(
            user,
            verb,
            object_type="request",
            object_name=name[:250],
            project=project,
            environment=environment,
            outcome=Outcome.REFUSED,
            reason=error.message,
        )


def _names_of(error: PlatformError, place: request_context.Place) -> tuple[str, str]:
    """Short names of project and environment: who administers a project reads what was refused there."""
    if error.asked:
        return error.asked.project, error.asked.environment
    if place.space_id is not None:
        names = Space.objects.filter(pk=place.space_id).values_list("project__slug", "environment__slug").first()
        return names or ("", "")
    if place.project_id is not None:
        return Project.objects.filter(pk=place.project_id).values_list("slug", flat=True).first() or "", ""
    return "", ""


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """RFC 9457 problem details for every refusal of the API."""
    set_rollback()
    known = as_platform_error(error)
    if known is None:
        return None
    request = context["request"]
    if known.status in RECORDED:
        # Only here: whom a call that was refused before that comes from is not asked.
        user = request.user if isinstance(request.user, User) else None
        record_refusal(known, user=user, verb=f"api {request.method}", name=request.path)
    body = _problem(known, request.path)
    # JSON, also where the answer itself would have been a page or YAML.
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    response = Response(body, status=known.status, content_type=MEDIA_TYPE)
    if known.status == 401:
        response["WWW-Authenticate"] = "Token"
    if seconds := _retry_after(known):
        response["Retry-After"] = str(seconds)
    return response


def _problem(error: PlatformError, path: str) -> dict[str, Any]:
    return problem(
        error,
        instance=path,
        request_number=request_context.current().number,
        explanation=error.asked.address("api-explanations") if error.asked else "",
    )


class ProblemMiddleware:
    """Turns what services raise under a page into a page (or, for htmx, a fragment) that says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass through, unless the address holds what no row can hold; ``process_exception`` does the rest."""
        if _has_nul(request):
            # PostgreSQL refuses a text with NUL and SQLite cuts it: it can name nothing here.
            return error_page(request, Missing())
        response = self.get_response(request)
        self._record_told(request)
        return response

    def _record_told(self, request: HttpRequest) -> None:
        """What a page told on its own form: refused is refused, wherever it is read."""
        user = request.user if isinstance(request.user, User) else None
        for error, place in request_context.current().notes.refusals:
            record_refusal(error, user=user, verb=f"page {request.method}", name=request.path, place=place)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page for a known error; None lets Django's own 500 handling go on."""
        known = as_platform_error(error)
        if known is None:
            log.exception("unexpected error", path=request.path)
            return None
        user = request.user if isinstance(request.user, User) else None
        record_refusal(known, user=user, verb=f"page {request.method}", name=request.path)
        return error_page(request, known)


def _has_nul(request: HttpRequest) -> bool:
    return "\x00" in request.path or any("\x00" in value for values in request.GET.lists() for value in values[1])


@dataclass(frozen=True)
class Explained:
    """What a page says around an error's own message."""

    title: MessageLike
    did: MessageLike
    safe: MessageLike


_UNREADABLE = _("The request cannot be read: send it again from a fresh page.")
_NOTHING = _("Nothing was changed.")
EXPLAINED: dict[int, Explained] = {
    400: Explained(
        _("This cannot be taken as it is"), _NOTHING, _("Go back, change what is named above, send it again.")
    ),
    403: Explained(
        _("You may not do this"),
        _("Nothing was changed. That you were refused is in the audit."),
        _("Ask one of those who may. What you see stays as it is."),
    ),
    404: Explained(
        _("Not found"),
        _("Nothing was changed."),
        _(
            "The address may be mistyped or out of date. What belongs to a project that you are no member of looks the "
            "same: its project administrator can give you a role."
        ),
    ),
    413: Explained(_("This is too large"), _NOTHING, _("Go back and send less.")),
    409: Explained(
        _("Not possible in this state"),
        _("Nothing was changed."),
        _("Refresh the page: it shows the current state and what is possible."),
    ),
    500: Explained(
        _("Platform error"),
        _("It was logged under the request number; what had begun was undone."),
        _("Open the page again and look at how things stand. If it comes again, tell the request number."),
    ),
    503: Explained(
        _("Another system does not answer just now"),
        _("Nothing was changed. What was under way goes on by itself."),
        _("Try again in a few seconds."),
    ),
}
"""By status; others are told as their hundred, 502 as 503."""


def explained(status: int) -> Explained:
    """What to say around an error of that status."""
    if status in (502, 504):
        status = 503
    return EXPLAINED.get(status) or EXPLAINED[500 if status >= 500 else 400]


def error_page(request: HttpRequest, error: PlatformError) -> HttpResponse:
    """A whole page, a fragment for htmx, or a problem document for clients that asked for JSON."""
    number = request_context.current().number
    if request.path.startswith(("/api/", "/hooks/")):
        body = _problem(error, request.path)
        return _with_retry_after(JsonResponse(body, status=error.status, content_type=MEDIA_TYPE), error)
    context: dict[str, Any] = {
        "error": error,
        "request_number": number,
        "explained": explained(error.status),
        "explain_url": error.asked.address() if error.asked else "",
    }
    template = "ui/problem.html" if is_htmx(request) else "error.html"
    if not hasattr(request, "user"):
        # Refused before anybody was looked for: the page stands alone.
        return HttpResponse(render_to_string("error_alone.html", context), status=error.status)
    try:
        if error.status == 403 and isinstance(request.user, User):
            context["held"] = roles_of([request.user]).get(request.user.pk, [])
        response = render(request, template, context, status=error.status)
    except DatabaseError:
        # Who somebody is and what they see beside it is in the database: without it the page stands alone.
        response = HttpResponse(render_to_string("error_alone.html", context), status=error.status)
    return _with_retry_after(response, error)


def _retry_after(error: PlatformError) -> int:
    return error.retry_after or (3 if error.status == 503 else 0)


def _with_retry_after(response: HttpResponse, error: PlatformError) -> HttpResponse:
    if seconds := _retry_after(error):
        response["Retry-After"] = str(seconds)
    return response


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 for an address that no app knows."""
    return error_page(request, Missing())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 or 413 for what Django refuses to read before a view is asked."""
    return error_page(request, as_platform_error(exception) or Refused(_UNREADABLE, "unreadable", status=400))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without the secret of its page: an old page, or somebody else's."""
    log.warning("csrf refused", path=request.path, reason=reason)
    message = _("The page is older than your session: open it again and send it once more.")
    return error_page(request, Denied(message, "csrf"))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: ours, with the number to tell the help desk."""
    ours = PlatformError(
        _("The platform failed on this request and logged it. Nothing was half done: look at the page and try again.")
    )
    return error_page(request, ours)
