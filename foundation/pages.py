"""What the page views of every app do alike: answers, htmx parts, and a service's refusal on the form it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from foundation.messages import MessageLike
from foundation.problems import Invalid, PlatformError, Refused
from foundation.request_context import note_refusal

T = TypeVar("T")
View = Callable[..., HttpResponse]
REFUSED = "refused"
"""The code of a form error that no field can mend: a rule, or somebody who was faster."""


def read_view(view: View) -> View:
    """GET and HEAD alone, for people who are signed in; others are led to the sign-in page."""
    return login_required(require_safe(view))


def told(answer: HttpResponse, error: PlatformError | None) -> HttpResponse:
    """The page with the status of what it tells, and when to try again."""
    if error is not None:
        answer.status_code = error.status
        if error.retry_after:
            answer["Retry-After"] = str(error.retry_after)
    return answer


def act_view(view: View) -> View:
    """POST alone, for people who are signed in; others are led to the sign-in page with either method."""
    return login_required(require_POST(view))


def form_view(view: View) -> View:
    """As :func:`act_view`, for an act that draws its page again where the form is refused.

    Reloaded, or in another language, that page is asked for by GET at the act's address: the view leads to the page.
    """
    return login_required(require_http_methods(["GET", "HEAD", "POST"])(view))


def is_htmx(request: HttpRequest) -> bool:
    """True when a script of a page that is on the screen asks, and swaps what it gets into that page."""
    return "HX-Request" in request.headers


def wanted_part(request: HttpRequest) -> str:
    """The name of the part (``?part=``) that htmx asks for; empty for a whole page."""
    return request.GET.get("part", "") if is_htmx(request) else ""


def query_of(given: Mapping[str, str]) -> str:
    """What was given, ready for an address; what is empty is not in it."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in given.items() if value})
    return query.urlencode()


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    nav: str = "",
    status: int = 200,
    is_kept: bool = True,
) -> HttpResponse:
    """A page or a part of one.

    ``nav``: the link of the rail that is marked. ``is_kept``: False for pages of gates and runs, which a browser that
    goes back would show as they were.
    """
    response = render(request, template, {"nav": nav, **context}, status=status)
    # A part and its whole page have one address.
    response["Vary"] = "HX-Request, Cookie"
    if not is_kept:
        response["Cache-Control"] = "no-store"
    return response


def redirect_with(request: HttpRequest, message: MessageLike, to: str, *args: Any) -> HttpResponse:
    """Redirects to ``to`` after an act, where ``message`` is shown: a reload repeats nothing."""
    messages.success(request, str(message))
    return redirect(to, *args)


def warn(request: HttpRequest, texts: Iterable[MessageLike]) -> None:
    """Shows on the next page what was saved all the same, and should be known."""
    for text in texts:
        messages.warning(request, str(text))


def put_errors(form: forms.BaseForm, error: Invalid) -> None:
    """Puts a service's messages on the form's fields; those of no field stand above the form."""
    for name, texts in error.fields.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, str(text))


def put_refusal(form: forms.BaseForm, error: Refused) -> None:
    """Puts above the form why a rule refused what was sent, who can help, and where the explainer says more."""
    note_refusal(error)
    form.__dict__["explain"] = error.asked.address() if error.asked else ""
    form.add_error(None, ValidationError(f"{error.message} {error.who_can_help}".strip(), code=REFUSED))


def is_saved(form: forms.BaseForm, act: Callable[[], object]) -> bool:
    """True when ``act`` went through; when it was invalid or refused, the form shows that and all that was typed."""
    try:
        act()
    except Invalid as error:
        put_errors(form, error)
    except Refused as error:
        put_refusal(form, error)
    else:
        return True
    return False


def try_save(form: forms.BaseForm, act: Callable[[], T]) -> T | None:
    """What ``act`` returns; None where it did not go through (:func:`is_saved`)."""
    made: list[T] = []
    return made[0] if is_saved(form, lambda: made.append(act())) else None


def is_refused(form: forms.BaseForm) -> bool:
    """True when a rule refused what was sent, or somebody else was faster."""
    return form.is_bound and form.has_error(NON_FIELD_ERRORS, REFUSED)


def status_of(form: forms.BaseForm) -> int:
    """409 for what was refused, 400 for what does not fit, 200 for a form that nobody sent."""
    if is_refused(form):
        return 409
    return 400 if form.errors else 200


def replace_values(form: forms.BaseForm, **values: str) -> None:
    """Keeps what was sent but for these fields: a form that was overtaken is drawn from what counts now."""
    data = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict where a form is bound
    for name, value in values.items():
        data[name] = value
    form.data = data
