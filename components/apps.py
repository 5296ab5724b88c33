from django.apps import AppConfig
from django.db.models.signals import post_migrate

from components.shipped import after_migrate
from environments import asked_services, registries
from foundation.runs import kinds


class ComponentsConfig(AppConfig):
    name = "components"

    def ready(self) -> None:
        """Registers the app's runs with the engine, and has the shipped templates published after each migrate."""
        registries.register("components.pull_secrets.answers")
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="components.shipped")
        asked_services.register("components.selectors.spaces_asking_services")
        kinds.register(
            kinds.Kind(
                "preview",
                self.get_model("Preview"),
                "components.steps.render_preview",
                "components.steps.give_up_preview",
            )
        )
        kinds.register(
            kinds.Kind(
                "server-test",
                self.get_model("ServerTest"),
                "components.steps.test_server",
                "components.steps.give_up_test",
            )
        )
        kinds.register(
            kinds.Kind(
                "repository-read",
                self.get_model("RepositoryRead"),
                "components.steps.read_repository",
                is_endless=True,
            )
        )
