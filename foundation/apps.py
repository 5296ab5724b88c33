"""What every app stands on."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from deployer.dialing import check_with
from foundation.installation import after_migrate
from foundation.migration_history import check_history
from foundation.outbound import pin
from foundation.query_planning import plan_quickly


class FoundationConfig(AppConfig):
    """Breakers, idempotency keys, encrypted fields, paging, problems; the engine is ``foundation.runs``."""

    name = "foundation"
    label = "foundation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers the check of the database's migrations, and what follows a migrate and a new connection."""
        register(check_history, Tags.database)
        # From here on adapters connect to what was checked.
        check_with(pin)
        connection_created.connect(plan_quickly, dispatch_uid="foundation.query_planning")
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="foundation.installation")
