"""The order's room, and what the engine must know of its runs."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from components import panels
from foundation.runs.kinds import Kind, register

TRANSITIONS = "releases.transitions"
STEPS = "releases.steps"


class ReleasesConfig(AppConfig):
    """Registers its kinds of run; the steps load at the first claim, so a web process never imports one."""

    name = "releases"

    def ready(self) -> None:
        """What a person's act makes due, what looks for itself, and what a component's page asks us."""
        for name, model in (("build", "Build"), ("review", "Review"), ("deployment", "Deployment")):
            # Reviews do not show since when the cluster is away: their page refreshes them anyway.
            contact = "" if name == "review" else f"{TRANSITIONS}.contact_changed_{name}"
            give_up = f"{TRANSITIONS}.give_up_{name}"
            register(Kind(name, self.get_model(model), f"{STEPS}.{name}.step", give_up, contact))
        for name, model in (("observe", "Placement"), ("watch", "NamespaceWatch"), ("housekeeping", "Housekeeping")):
            register(Kind(name, self.get_model(model), f"{STEPS}.{name}.step", is_endless=True))
        for tab in ("running", "orders", "deployed"):
            panels.register(tab, f"releases.views.shown.component.{tab}")
        post_migrate.connect(make_housekeeping, sender=self, dispatch_uid="releases.housekeeping")


def make_housekeeping(sender: ReleasesConfig, **kwargs: Any) -> None:
    """The one housekeeping run, after each migrate."""
    sender.get_model("Housekeeping")._default_manager.get_or_create(singleton=True)
