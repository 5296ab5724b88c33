"""The page of one form."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from accounts.actor import actor_of
from environments.access import require
from foundation.pages import View, render_page, status_of


def form_view(verb: str) -> Callable[[View], View]:
    """A form for people who are signed in and may ``verb`` in the site; Denied before others fill it in for nothing."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            require(actor_of(request), verb)
            return view(request, *args, **kwargs)

        return login_required(guarded)

    return guard


def form_page(request: HttpRequest, form: forms.Form, title: object, *, back: str, nav: str = "admin") -> HttpResponse:
    """A page of one form: ``title`` above it, ``back`` is where "Cancel" leads."""
    context = {"form": form, "title": title, "back": back}
    return render_page(request, "environments/form.html", context, nav=nav, status=status_of(form))
