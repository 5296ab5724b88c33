"""定时部署: the form that deploys at a time, and the end of one before its time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from environments.models import Space
from foundation.api.routes import api_route, without_field
from foundation.clock import db_now
from foundation.messages import localized_time
from foundation.messages import message as _
from foundation.pages import act_view, redirect_with, status_of, try_save, warn
from releases import selectors
from releases.forms import ScheduleForm
from releases.models import ReleaseOrder, Review
from releases.presenters.acts import panel_url, refusal
from releases.presenters.schedules import shown_schedule
from releases.schedules import find_schedule, gates_at
from releases.services import schedules as services
from releases.views.pages import page, rights_of
from releases.views.reviews import asked_for_deploying

USUAL = timedelta(hours=1)


@api_route("schedules_create", when=without_field("preview"))
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def schedule(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """At what time; POST says what is closed then, or saves it."""
    user = actor_of(request)
    order, space = selectors.order_and_space(user, number, environment)
    review = selectors.latest_review(order, space)
    form = _form(request, order, space, review)
    seen: datetime | None = None
    if form.is_valid():
        given = form.cleaned_data
        if "preview" in request.POST:
            seen = given["due_at"]
        elif _save(form, request, order, space):
            message = _("It is scheduled for %(at)s.", at=localized_time(given["due_at"]))
            closed = [gate for gate in gates_at(order, space, given["due_at"]) if not gate.is_open]
            warn(request, [_("At that time, as it is known today: %(why)s", why=gate.message) for gate in closed])
            return redirect_with(request, message, panel_url(number, space.environment.slug))
    no = refusal(rights_of(request), "deploy", space=space, order=order)
    context = {
        "order": order, "space": space, "environment": space.environment, "form": form,
        "review": review,
        "scheduled": shown_schedule(order, space, rights_of(request)),
        "seen": seen, "gates": gates_at(order, space, seen) if seen else [],
        "why": no.why, "who": no.who, "explain": no.explain,
    }  # fmt: skip
    return page(request, "releases/schedule.html", context, status=status_of(form))


def _form(request: HttpRequest, order: ReleaseOrder, space: Space, review: Review | None) -> ScheduleForm:
    asked: dict[str, Any] = asked_for_deploying(order, space, review) | {"has_line": False}
    snapshot = review.snapshot if review else None
    initial = {
        "due_at": timezone.localtime(db_now() + USUAL).replace(second=0, microsecond=0),
        "snapshot": snapshot.hash if snapshot else "",
        "live_fingerprint": review.live_fingerprint if review and snapshot else "",
    }
    form = ScheduleForm(request.POST or None, initial=initial, is_preview="preview" in request.POST, **asked)
    zone = timezone.get_current_timezone_name()
    where = _("%(zone)s, where it is %(now)s now.", zone=zone, now=localized_time(db_now()))
    form.fields["due_at"].help_text = str(where)
    return form


def _save(form: ScheduleForm, request: HttpRequest, order: ReleaseOrder, space: Space) -> bool:
    given = form.cleaned_data
    row = try_save(form, lambda: services.schedule(
        actor=actor_of(request), order=order, space=space, due_at=given["due_at"], snapshot_hash=given["snapshot"],
        live_fingerprint=given["live_fingerprint"], removals=given.get("removals", []),
    ))  # fmt: skip
    return row is not None


@api_route("schedules_withdraw")
@act_view
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """It does not begin."""
    row = find_schedule(actor_of(request), pk)
    services.withdraw_schedule(actor=actor_of(request), row=row)
    there = panel_url(row.order.number, row.space.environment.slug)
    return redirect_with(request, _("The schedule is withdrawn."), there)
