"""What every room stands on."""

from django.apps import AppConfig


class FoundationConfig(AppConfig):
    """Breakers, idempotency keys, encrypted fields, paging, problems; the engine is ``foundation.runs``."""

    name = "foundation"
    label = "foundation"
    default_auto_field = "django.db.models.BigAutoField"
