"""The notifications app, and what the engine must know of its runs."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db.models import Max
from django.db.models.signals import post_migrate

from foundation.runs.kinds import Kind, register

STEPS = "notifications.steps"


class NotificationsConfig(AppConfig):
    """Registers its kinds of run; the steps load at the first claim, so a web process never imports one."""

    name = "notifications"

    def ready(self) -> None:
        """What tells people by itself."""
        register(Kind("telling", self.get_model("Telling"), f"{STEPS}.telling.step", is_endless=True))
        register(Kind("mail", self.get_model("Mail"), f"{STEPS}.mail.step"))
        register(Kind("dispatch", self.get_model("Dispatch"), f"{STEPS}.dispatch.step"))
        post_migrate.connect(make_single_runs, sender=self, dispatch_uid="notifications.single_runs")


def make_single_runs(sender: NotificationsConfig, **kwargs: Any) -> None:
    """The run that tells, after each migrate; of what was done before it was there nobody is told."""
    links = apps.get_model("audit", "AuditLink")._default_manager
    newest = links.aggregate(newest=Max("sequence"))["newest"] or 0
    sender.get_model("Telling")._default_manager.get_or_create(singleton=True, defaults={"told": newest})
