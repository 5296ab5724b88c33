"""The notifications app, and what the engine must know of its runs."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db import DEFAULT_DB_ALIAS, connections
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


def make_single_runs(sender: NotificationsConfig, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """The run that tells, after each migrate; of what was done before it was there nobody is told.

    In the database that was migrated, once both tables are there: a migrate of some apps may end before that.
    """
    link, telling = apps.get_model("audit", "AuditLink"), sender.get_model("Telling")
    if not {link._meta.db_table, telling._meta.db_table} <= set(connections[using].introspection.table_names()):
        return
    newest = link._default_manager.using(using).aggregate(newest=Max("sequence"))["newest"] or 0
    telling._default_manager.using(using).get_or_create(singleton=True, defaults={"told": newest})
