"""The one way in which this room's forms are shown and saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.forms import say_problems
from foundation.problems import Invalid, Refused

T = TypeVar("T")
REFUSED = "refused"


def try_save(form: forms.Form, act: Callable[[], T]) -> T | None:
    """What the act returns; None when it was invalid or refused, which the form then says with all that was typed."""
    try:
        return act()
    except Invalid as error:
        say_problems(form, error)
    except Refused as error:
        form.add_error(None, ValidationError(f"{error.sentence} {error.who_can_help}".strip(), code=REFUSED))
    return None


def is_saved(form: forms.Form, act: Callable[[], object]) -> bool:
    """True when the act went through; the same as :func:`try_save` for who does not need its result."""
    return try_save(form, act) is not None


def is_refused(form: forms.Form) -> bool:
    """True when a rule said no, or somebody else was faster."""
    return form.is_bound and form.has_error(NON_FIELD_ERRORS, REFUSED)


def status_of(form: forms.Form) -> int:
    """409 for what was refused, 400 for what does not fit, 200 for a form that nobody sent."""
    if is_refused(form):
        return 409
    return 400 if form.errors else 200


def form_page(request: HttpRequest, form: forms.Form, title: object, *, back: str, nav: str = "admin") -> HttpResponse:
    """A page of one form: ``title`` above it, ``back`` is where "Cancel" leads."""
    context = {"form": form, "title": title, "back": back, "nav": nav}
    return render(request, "environments/form.html", context, status=status_of(form))


def draw_anew(form: forms.Form, **values: str) -> None:
    """What was sent stays, but for these fields: a form that was overtaken is drawn from what counts now."""
    data = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict where a form is bound
    for name, value in values.items():
        data[name] = value
    form.data = data
