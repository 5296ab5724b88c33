"""An app that exists in tests only: a run whose steps do what its row says."""

from django.apps import AppConfig

from foundation.runs.kinds import Kind, register


class ProbeConfig(AppConfig):
    name = "tests.foundation.probe"
    label = "probe"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(
            Kind(
                name="probe",
                model=self.get_model("ProbeRun"),
                step="tests.foundation.probe.steps.step",
                give_up="tests.foundation.probe.steps.give_up",
                contact_changed="tests.foundation.probe.steps.contact_changed",
            )
        )
