"""Webhooks out of a project: the list, one with its log, and what people do with them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from accounts.actor import actor_of
from environments.access import Rights
from foundation import paging
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, redirect_with, render_page, status_of, try_save
from notifications.choices import NoticeKind
from notifications.forms import WebhookForm
from notifications.models import OutgoingWebhook
from notifications.selectors.webhooks import dispatch_of, log_of, own_webhook, own_webhooks
from notifications.services import webhooks as services


def _may_manage(request: HttpRequest, project_id: int) -> bool:
    return Rights(actor_of(request)).can("manage_webhooks", project_id=project_id)


@api_route("outgoing_webhooks_create")
@login_required
@sensitive_post_parameters("url", "secret")
def webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's webhooks, and a form for one more; a new one's own secret is in this answer and nowhere else."""
    user = actor_of(request)
    project, rows = own_webhooks(user, slug)
    initial = {
        "kinds": NoticeKind.values,
        "language": user.language or services.DEFAULTS["language"],
        "is_on": True,
    }
    form = WebhookForm(request.POST or None, is_new=True, initial=initial)
    if form.is_valid() and (
        made := try_save(form, lambda: services.make_webhook(actor=user, project=project, **form.cleaned_data))
    ):
        return _shown_once(request, *made)
    may_manage = _may_manage(request, project.pk)
    context = {"project": project, "webhooks": rows, "form": form if may_manage else None}
    return render_page(request, "notifications/webhooks.html", context, nav="admin", status=status_of(form))


def _shown_once(request: HttpRequest, row: OutgoingWebhook, secret: str) -> HttpResponse:
    """The page with a secret that was made; else the address of the page."""
    if secret:
        return _page(request, row, secret=secret)
    return redirect_with(request, _("The webhook is saved."), "notifications:webhook", row.project.slug, row.pk)


@api_route("outgoing_webhooks_update")
@login_required
@sensitive_post_parameters("url", "secret")
def webhook(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One of them: what it sends, and its log."""
    user = actor_of(request)
    row = own_webhook(user, slug, pk)
    form = WebhookForm(request.POST or None, is_new=False, initial=_initial(row))
    if form.is_valid() and (
        changed := try_save(form, lambda: services.edit_webhook(actor=user, webhook=row, **form.cleaned_data))
    ):
        return _shown_once(request, *changed)
    return _page(request, row, form=form)


def _initial(row: OutgoingWebhook) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "form", "kinds", "language", "is_on")}


def _page(
    request: HttpRequest, row: OutgoingWebhook, *, form: WebhookForm | None = None, secret: str = ""
) -> HttpResponse:
    form = form or WebhookForm(None, is_new=False, initial=_initial(row))
    page = paging.take_page(log_of(row), before=paging.read_cursor(request.GET.get("before"), "before"))
    context = {
        "webhook": row,
        "form": form,
        "may_manage": _may_manage(request, row.project_id),
        "page": page,
        "query": "",
        "new_secret": secret,
    }
    # A new secret is on the screen once, and in no browser's memory of the page.
    return render_page(
        request, "notifications/webhook.html", context, nav="admin", status=status_of(form), is_kept=not secret
    )


@api_route("outgoing_webhooks_secret")
@act_view
def renew_secret(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The page with the new secret, which no other answer has."""
    row = own_webhook(actor_of(request), slug, pk)
    return _page(request, row, secret=services.renew_secret(actor=actor_of(request), webhook=row))


@api_route("outgoing_webhooks_test")
@act_view
def try_webhook(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    row = own_webhook(actor_of(request), slug, pk)
    services.try_webhook(actor=actor_of(request), webhook=row)
    message = _("A worker sends a test now: refresh in a moment.")
    return redirect_with(request, message, "notifications:webhook", slug, pk)


@api_route("outgoing_webhooks_destroy")
@act_view
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    services.remove_webhook(actor=actor_of(request), webhook=own_webhook(actor_of(request), slug, pk))
    return redirect_with(request, _("The webhook is removed."), "notifications:webhooks", slug)


@api_route("outgoing_webhooks_redeliver")
@act_view
def redeliver(request: HttpRequest, slug: str, pk: int, number: int) -> HttpResponse:
    """The same once more, under the same number."""
    row = own_webhook(actor_of(request), slug, pk)
    services.redeliver(actor=actor_of(request), dispatch=dispatch_of(row, number))
    return redirect_with(request, _("It is sent once more."), "notifications:webhook", slug, pk)
