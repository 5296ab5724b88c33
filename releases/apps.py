from django.apps import AppConfig

from foundation.runs import kinds


class ReleasesConfig(AppConfig):
    name = "releases"

    def ready(self) -> None:
        """Tell the engine what runs of ours look like; the steps load at the first claim."""
        kinds.register(
            kinds.Kind(
                "build",
                self.get_model("Build"),
                "releases.steps.build.step",
                "releases.transitions.give_up_build",
                "releases.transitions.contact_changed_build",
            )
        )
        kinds.register(
            kinds.Kind(
                "review", self.get_model("Review"), "releases.steps.review.step", "releases.transitions.give_up_review"
            )
        )
        kinds.register(
            kinds.Kind(
                "deployment",
                self.get_model("Deployment"),
                "releases.steps.deployment.step",
                "releases.transitions.give_up_deployment",
                "releases.transitions.contact_changed_deployment",
            )
        )
        kinds.register(
            kinds.Kind(
                "observe", self.get_model("Placement"), "releases.steps.observe.step", "releases.steps.observe.give_up"
            )
        )
        kinds.register(
            kinds.Kind(
                "watch", self.get_model("NamespaceWatch"), "releases.steps.watch.step", "releases.steps.watch.give_up"
            )
        )
