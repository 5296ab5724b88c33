"""The engine that drives runs."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    """Rows that the engine drives by leases; each app registers its own kinds in its AppConfig."""

    name = "foundation.runs"
    label = "runs"
    default_auto_field = "django.db.models.BigAutoField"
