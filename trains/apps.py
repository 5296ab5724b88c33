"""The trains app, and what the engine must know of its run."""

from __future__ import annotations

from django.apps import AppConfig

from foundation.runs.kinds import Kind, register


class TrainsConfig(AppConfig):
    """Registers its kind of run; the step loads at the first claim, so a web process never imports it."""

    name = "trains"

    def ready(self) -> None:
        """What takes trains further."""
        register(Kind("train", self.get_model("TrainRun"), "trains.steps.step"))
