"""A project's webhooks and their log."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Project, User
from environments.access import require
from environments.selectors.people import find_project
from foundation.problems import Missing
from notifications.models import Dispatch, OutgoingWebhook


def own_webhooks(actor: User, slug: str) -> tuple[Project, QuerySet[OutgoingWebhook]]:
    """The project's; raises Missing, and Denied for who may neither manage them nor send anything again."""
    project = find_project(actor, slug)
    require(actor, "redeliver", project_id=project.pk)
    return project, OutgoingWebhook.objects.filter(project=project).select_related("project")


def own_webhook(actor: User, slug: str, pk: int) -> OutgoingWebhook:
    """One of them; raises Missing, Denied."""
    _project, rows = own_webhooks(actor, slug)
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Missing
    return row


def log_of(webhook: OutgoingWebhook) -> QuerySet[Dispatch]:
    """Its deliveries, newest first."""
    return Dispatch.objects.filter(webhook=webhook).select_related("repeated_by", "webhook__project").order_by("-pk")


def dispatch_of(webhook: OutgoingWebhook, pk: int) -> Dispatch:
    """One of its deliveries; raises Missing."""
    row = log_of(webhook).filter(pk=pk).first()
    if row is None:
        raise Missing
    return row
