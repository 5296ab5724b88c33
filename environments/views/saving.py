"""The one way in which this room's forms are shown and saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.forms import say_problems
from foundation.problems import Invalid

T = TypeVar("T")


def try_save(form: forms.Form, act: Callable[[], T]) -> T | None:
    """What the act returns; None when it found something invalid, which then stands at the form's fields."""
    try:
        return act()
    except Invalid as error:
        say_problems(form, error)
        return None


def is_saved(form: forms.Form, act: Callable[[], object]) -> bool:
    """True when the act went through; the same as :func:`try_save` for who does not need its result."""
    return try_save(form, act) is not None


def form_page(request: HttpRequest, form: forms.Form, title: object, *, back: str, nav: str = "admin") -> HttpResponse:
    """A page of one form: ``title`` above it, ``back`` is where "Cancel" leads."""
    context = {"form": form, "title": title, "back": back, "nav": nav}
    return render(request, "environments/form.html", context, status=400 if form.errors else 200)
