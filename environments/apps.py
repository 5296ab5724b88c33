"""Environments: clusters, spaces, memberships and rights."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_save

from foundation.runs import kinds


class EnvironmentsConfig(AppConfig):
    name = "environments"

    def ready(self) -> None:
        """Registers the app's runs with the engine, and answers of its own with accounts."""
        import_module("environments.lookup")
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
        model = self.get_model("ClusterContact")
        kinds.register(kinds.Kind("cluster-contact", model, "environments.steps.contact.step", is_endless=True))
        model = self.get_model("NodeObservation")
        kinds.register(kinds.Kind("cluster-nodes", model, "environments.steps.nodes.step", is_endless=True))
        post_save.connect(
            import_module("environments.contacts").make_runs,
            sender=self.get_model("Cluster"),
            dispatch_uid="environments.contact",
        )
