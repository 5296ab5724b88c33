"""The places' room."""

from __future__ import annotations

from django.apps import AppConfig

from foundation.runs import kinds


class EnvironmentsConfig(AppConfig):
    """Registers its runs with the engine, and tells the people's room where memberships are."""

    name = "environments"

    def ready(self) -> None:
        """Tell the engine what runs of ours look like; the steps load at the first claim."""
        kinds.register(
            kinds.Kind(
                "space-sync", self.get_model("SpaceSync"), "environments.steps.sync_space", "environments.steps.give_up"
            )
        )
        kinds.register(
            kinds.Kind(
                "cluster-test",
                self.get_model("ClusterTest"),
                "environments.steps.test_cluster",
                "environments.steps.give_up_test",
            )
        )
