"""Proof of what people did."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from audit.triggers import after_migrate
from foundation.runs.kinds import Kind, register


class AuditConfig(AppConfig):
    """Append-only events, sealed into a chain by a run of their own."""

    name = "audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers the runs that seal and verify, and has the triggers put back after each migrate."""
        register(Kind(name="audit-seal", model=self.get_model("SealRun"), step="audit.steps.seal", is_endless=True))
        register(
            Kind(name="audit-check", model=self.get_model("AuditCheck"), step="audit.steps.check", is_endless=True)
        )
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="audit.triggers")
