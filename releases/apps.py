"""The releases app, and what the engine must know of its runs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.db.models import Q
from django.db.models.signals import m2m_changed, post_migrate, post_save

from components import panels
from environments import departures, occupancy, page_parts
from foundation.runs.kinds import Kind, register

TRANSITIONS = "releases.transitions"
STEPS = "releases.steps"
LOG_CHECK_SECONDS = 1800.0
"""Jenkins gives a log as a whole or not at all: at 4 MB a second that is 7 GB."""
FOLLOWED = Q(phase="building", stop_requested_at=None, contact_lost_since=None)
"""Builds that run in Jenkins as they should: many have their stages and logs read in one pass."""
TOGETHER: dict[str, dict[str, Any]] = {"build": {"together": f"{STEPS}.build.together.together", "alike": FOLLOWED}}


class ReleasesConfig(AppConfig):
    """Registers its kinds of run; the steps load at the first claim, so a web process never imports one."""

    name = "releases"

    def ready(self) -> None:
        """What a person's act makes due, what runs by itself, and what a component's page asks us."""
        occupancy.register("releases.occupancy.what_holds")
        departures.register("releases.services.leaving.leave")
        occupancy.register_under_way("releases.occupancy.deployment_under_way")
        for name, model in (("build", "Build"), ("review", "Review"), ("deployment", "Deployment")):
            # Reviews do not show since when the cluster is away: their page refreshes them anyway.
            contact = "" if name == "review" else f"{TRANSITIONS}.contact_changed_{name}"
            give_up = f"{TRANSITIONS}.give_up_{name}"
            register(
                Kind(name, self.get_model(model), f"{STEPS}.{name}.step", give_up, contact, **TOGETHER.get(name, {}))
            )
        prune, give_up = f"{STEPS}.deployment.prune.step", f"{TRANSITIONS}.give_up_prune"
        register(Kind("prune", self.get_model("Prune"), prune, give_up))
        give_up = f"{TRANSITIONS}.give_up_schedule"
        register(Kind("schedule", self.get_model("Schedule"), f"{STEPS}.schedule.step", give_up))
        register(Kind("drp", self.get_model("DrpRun"), f"{STEPS}.drp.step"))
        check = f"{STEPS}.log_check.step"
        register(Kind("log_check", self.get_model("LogCheck"), check, batch=1, seconds=LOG_CHECK_SECONDS))
        endless = (
            ("observe_space", "SpaceObservation"),
            ("housekeeping", "Housekeeping"),
            ("contact_deadline", "ContactDeadline"),
            ("expiry", "Expiry"),
            ("late_image", "LateImage"),
            ("readiness", "Readiness"),
        )
        for name, model in endless:
            contact = f"{TRANSITIONS}.contact_changed_space" if name == "observe_space" else ""
            step = f"{STEPS}.{name}.step"
            register(Kind(name, self.get_model(model), step, contact_changed=contact, is_endless=True))
        watch = self.get_model("NamespaceWatch")
        register(Kind("watch", watch, hold=f"{STEPS}.watch.hold", is_endless=True))
        for tab in ("running", "orders", "deployed", "ways_out", "chips"):
            panels.register(tab, f"releases.presenters.component.{tab}")
        page_parts.SPACE.register("releases.presenters.break_glass.space_panel")
        page_parts.SPACE.register("releases.presenters.holds.space_panel")
        page_parts.SPACE.register("releases.presenters.freezes.space_panel")
        page_parts.SPACE.register("releases.presenters.waiting.space_panel")
        page_parts.SPACE.register("releases.presenters.space_comments.space_panel")
        # Which environment follows which, and where a project has them, says what can go on.
        flow = apps.get_model("environments", "Environment")
        for signal, sender in ((post_save, flow), (post_save, apps.get_model("environments", "Space"))):
            signal.connect(mark_all, sender=sender, dispatch_uid=f"releases.flow.{sender.__name__}")
            signal.connect(make_readiness, sender=sender, dispatch_uid=f"releases.readiness.{sender.__name__}")
        m2m_changed.connect(mark_all, sender=flow.follows.through, dispatch_uid="releases.flow.follows")
        post_migrate.connect(make_single_runs, sender=self, dispatch_uid="releases.single_runs")


def mark_all(**kwargs: Any) -> None:
    """The flow has changed."""
    import_module("releases.going_on").mark_all()


def make_readiness(**kwargs: Any) -> None:
    """A space that stands in for another one is checked from now on."""
    import_module("releases.readiness").make_rows_of(**kwargs)


def make_single_runs(sender: ReleasesConfig, **kwargs: Any) -> None:
    """The runs of which there is one each, after each migrate."""
    for model in ("Housekeeping", "ContactDeadline", "Expiry"):
        sender.get_model(model)._default_manager.get_or_create(singleton=True)
    import_module("releases.readiness").make_all_rows()
