"""What one is told, by which way, and of which orders not."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.actor import actor_of
from foundation.api.routes import FormInput, api_route, with_field, without_field
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, redirect_with, status_of
from notifications.choices import NoticeKind, Way
from notifications.forms import BETWEEN, PreferencesForm, table_of, values_of
from notifications.night import zone_of
from notifications.selectors.preferences import failed_mails, own_mutes, preferences_of
from notifications.services import preferences as services
from releases.selectors import order_by_number


def _ways(form: FormInput) -> dict[str, Any]:
    ticked = [value.partition(BETWEEN) for value in form.data.getlist("ways")]
    return {"ways": {kind: [way for one, _sign, way in ticked if one == kind] for kind in NoticeKind.values}}


@api_route("notification_preferences_update", more=_ways)
@login_required
def preferences(request: HttpRequest) -> HttpResponse:
    """The table of kinds and ways, the night, and the orders that are muted."""
    user = actor_of(request)
    row = preferences_of(user)
    form = PreferencesForm(request.POST or None, initial=values_of(row))
    if form.is_valid() and is_saved(form, lambda: _save(request, form)):
        return redirect_with(request, _("Saved."), "notifications:preferences")
    context = {
        "form": form,
        "table": table_of(form["ways"].value() or []),
        "ways": [way.label for way in Way],
        "mutes": own_mutes(user)[:50],
        "zone": zone_of(user).key,
        "sends_mail": bool(settings.MAIL_HOST),
        "failed_mails": failed_mails(user),
        "nav": "",
    }
    return render(request, "notifications/preferences.html", context, status=status_of(form))


def _save(request: HttpRequest, form: PreferencesForm) -> None:
    values = {name: form.cleaned_data[name] for name in ("has_digest", "night_from", "night_until")}
    services.save_preferences(actor=actor_of(request), ways=form.chosen(), **values)


@api_route("mutes_create", when=with_field("mute"))
@api_route("mutes_destroy", when=without_field("mute"))
@act_view
def mute(request: HttpRequest, number: str) -> HttpResponse:
    """With ``mute`` the person is told nothing more of the order; without, everything again."""
    user = actor_of(request)
    if "mute" in request.POST:
        services.mute(actor=user, order=order_by_number(user, number))
        message = _("You are told nothing more of this order.")
    else:
        services.unmute(actor=user, number=number)
        message = _("You are told again what happens to this order.")
    if request.POST.get("back") == "preferences":
        return redirect_with(request, message, "notifications:preferences")
    return redirect_with(request, message, "releases:order", number)


@api_route("watches_create", when=with_field("watch"))
@api_route("watches_destroy", when=without_field("watch"))
@act_view
def watch(request: HttpRequest, number: str) -> HttpResponse:
    """With ``watch`` the person is told of the order as its author is; without, no longer."""
    user = actor_of(request)
    if "watch" in request.POST:
        services.watch(actor=user, order=order_by_number(user, number))
        message = _("You watch this order: you are told of it as its author is.")
    else:
        services.unwatch(actor=user, number=number)
        message = _("You watch this order no more.")
    return redirect_with(request, message, "releases:order", number)
