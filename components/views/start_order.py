"""启动顺序: the form with the wave of each component of a project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components.models import Component
from components.services.start_order import MOST_WAVES, components_in_order, save_start_order
from components.views.pages import page
from environments.access import require
from environments.selectors.people import find_project
from foundation.api.routes import Body, FormInput, api_route
from foundation.messages import message as _
from foundation.pages import is_saved, redirect_with, status_of


class StartOrderForm(forms.Form):
    """A number for each component, by its short name."""

    def __init__(self, data: Any, components: Sequence[Component]) -> None:
        super().__init__(data)
        for one in components:
            self.fields[one.slug] = forms.IntegerField(
                label=one.name, min_value=1, max_value=MOST_WAVES, initial=one.start_wave
            )


def _body(form: FormInput) -> Body:
    """Every field but the form's own is a component's wave."""
    names = [name for name in form.data if name != "csrfmiddlewaretoken" and not name.startswith("_")]
    return {"waves": [{"component": name, "wave": form.number(name)} for name in names]}


@api_route("start_order_save", more=_body, names={"slug": "project"})
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str) -> HttpResponse:
    """Which components start first; POST saves it."""
    user = actor_of(request)
    found = find_project(user, project)
    require(user, "edit_component", project_id=found.pk)
    form = StartOrderForm(request.POST or None, list(components_in_order(found)))
    if form.is_valid() and is_saved(form, lambda: save_start_order(actor=user, project=found, waves=form.cleaned_data)):
        return redirect_with(request, _("The start order is saved."), "desk:twins")
    context = {"project": found, "form": form}
    return page(request, "components/start_order.html", context, status=status_of(form))
