from django.apps import AppConfig

from foundation.runs import kinds


class ComponentsConfig(AppConfig):
    name = "components"

    def ready(self) -> None:
        """Tell the engine what runs of ours look like; the steps load at the first claim."""
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
