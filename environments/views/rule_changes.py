"""Rule changes: what is in force, what is wanted, and the second person's word."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.actor import actor_of
from environments.forms import ReasonForm
from environments.models import RuleChange
from environments.selectors import rule_changes as selectors
from environments.services import rule_decisions as services
from foundation import paging
from foundation.api.routes import api_route
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, read_view, redirect_with, status_of

Act = Callable[..., RuleChange]


@read_view
def list_changes(request: HttpRequest) -> HttpResponse:
    """All that the person may know of, newest first."""
    user = actor_of(request)
    page = paging.asked_page(selectors.list_rule_changes(user), request.GET)
    context = {"page": page, "rows": [selectors.shown(user, row) for row in page.items], "nav": "environments"}
    return render(request, "environments/rule_changes.html", context)


@login_required
def change(request: HttpRequest, number: int, *, form: ReasonForm | None = None) -> HttpResponse:
    """One of them: before and after, who proposed it and why, and the buttons of who may decide."""
    user = actor_of(request)
    row = selectors.find_rule_change(user, number)
    context = {"change": selectors.shown(user, row), "form": form or ReasonForm(), "nav": "environments"}
    return render(request, "environments/rule_change.html", context, status=status_of(form) if form else 200)


@api_route("rule_changes_confirm")
@act_view
def confirm(request: HttpRequest, number: int) -> HttpResponse:
    """It holds from now on."""
    return _decided(request, number, services.confirm_rule_change, _("Confirmed: it holds from now on."))


@api_route("rule_changes_refuse")
@act_view
def refuse(request: HttpRequest, number: int) -> HttpResponse:
    """Nothing changes."""
    return _decided(request, number, services.refuse_rule_change, _("Refused: nothing has changed."))


@api_route("rule_changes_withdraw")
@act_view
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Nothing changes."""
    return _decided(request, number, services.withdraw_rule_change, _("Withdrawn: nothing has changed."))


def _decided(request: HttpRequest, number: int, act: Act, said: MessageLike) -> HttpResponse:
    user, form = actor_of(request), ReasonForm(request.POST)
    row = selectors.find_rule_change(user, number)
    if form.is_valid() and is_saved(form, lambda: act(actor=user, change=row, **form.cleaned_data)):
        return redirect_with(request, said, "environments:rule-change", number)
    return change(request, number, form=form)
