"""The scaling rule of a component in one environment: shown to all who see the component, saved by those who may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import selectors, services
from components.forms import ScalingRuleForm
from components.models import Component, ScalingRule
from components.services.scaling_rules import DEFAULTS, NUMBERS, highest_target
from components.views.head import head_of, open_component
from components.views.pages import page
from environments.access import Rights, require, who_may
from environments.models import Space
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import put_errors, put_refusal, redirect_with, warn
from foundation.problems import Invalid, Missing, Refused, Stale
from foundation.request_context import note_refusal

RECENT_VERSIONS = 10


@dataclass(frozen=True)
class _Drawn:
    """Whose rule it is, and where; ``current`` is the newest version."""

    component: Component
    space: Space
    rights: Rights
    current: ScalingRule | None

    @property
    def may_edit(self) -> bool:
        """True for those who may change the allocation."""
        return self.rights.can("edit_allocation", space=self.space)

    def form(self, given: Any = None) -> ScalingRuleForm:
        """As it is saved, or as it was typed."""
        is_open = self.may_edit and not self.component.is_archived
        return ScalingRuleForm(given, initial=_initial(self.current), is_open=is_open)


@api_route("component_scaling_rule_save")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """The rule as it is saved, or as it was typed."""
    found, rights = open_component(request, project, slug)
    space = _space(found, environment)
    drawn = _Drawn(found, space, rights, selectors.current_rule(found, space.environment))
    if request.method != "POST":
        return _show(request, drawn, drawn.form())
    require(actor_of(request), "edit_allocation", space=space)
    form, stale = drawn.form(request.POST), ""
    if form.is_valid():
        try:
            return _saved(request, drawn, form)
        except Invalid as error:
            put_errors(form, error)
        except Stale as error:
            note_refusal(error)
            # What was typed stays, drawn from the newest version now: saving again means it.
            newest = drawn.current.number if drawn.current else 0
            form, stale = drawn.form({**request.POST.dict(), "seen_number": newest}), str(error)
        except Refused as error:
            put_refusal(form, error)
    return _show(request, drawn, form, stale=stale, status=409 if stale else 400)


def _space(found: Component, slug: str) -> Space:
    for space in selectors.spaces_of(found):
        if space.environment.slug == slug:
            return space
    raise Missing()


def _initial(current: ScalingRule | None) -> dict[str, Any]:
    if current is None:
        return {"seen_number": 0, "is_on": True, **DEFAULTS}
    return {"seen_number": current.number, "is_on": current.is_on, **services.show_rule(current)}


def _saved(request: HttpRequest, drawn: _Drawn, form: ScalingRuleForm) -> HttpResponse:
    given, environment = form.cleaned_data, drawn.space.environment
    saved = services.save_scaling_rule(
        actor=actor_of(request),
        component=drawn.component,
        environment=environment,
        is_on=given["is_on"],
        numbers={name: given[name] for name in NUMBERS},
        seen_number=given["seen_number"],
        note=given["note"],
    )
    warn(request, saved.warnings)
    message = _(
        "The scaling rule of %(place)s is version %(n)s: it counts from the next review on.",
        place=environment.label,
        n=saved.rule.number,
    )
    return redirect_with(request, message, "components:edit", drawn.component.project.slug, drawn.component.slug)


def _show(
    request: HttpRequest, drawn: _Drawn, form: ScalingRuleForm, *, stale: str = "", status: int = 200
) -> HttpResponse:
    found, environment = drawn.component, drawn.space.environment
    allocation = selectors.current_allocation(found, environment)
    versions = found.scaling_rules.filter(environment=environment).select_related("author")
    context = head_of(request, found, "settings", selectors.current_settings(found), drawn.rights)
    context |= {
        "space": drawn.space,
        "environment": environment,
        "form": form,
        "current": drawn.current,
        "stale": stale,
        "may_save": drawn.may_edit and not found.is_archived,
        "allocation": allocation,
        "amounts": services.show_amounts(allocation) if allocation else {},
        "highest": highest_target(allocation) if allocation else 0,
        "who": "" if drawn.may_edit else who_may("edit_allocation", space=drawn.space),
        "versions": versions[:RECENT_VERSIONS],
    }
    return page(request, "components/scaling.html", context, status=status)
