"""What servers may send to the platform, and what they sent."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from components.models.servers import GitServer, ImageRegistry, JenkinsServer
from foundation.encryption import EncryptedTextField
from foundation.messages import MessageField
from foundation.models import HasSecrets
from foundation.runs.models import Run


class Webhook(HasSecrets):
    """The secret of one server's deliveries, and how they went. Removed, its address refuses everything."""

    jenkins = models.OneToOneField(JenkinsServer, on_delete=models.CASCADE, null=True, related_name="webhook")
    git = models.OneToOneField(GitServer, on_delete=models.CASCADE, null=True, related_name="webhook")
    registry = models.OneToOneField(ImageRegistry, on_delete=models.CASCADE, null=True, related_name="webhook")
    secret = EncryptedTextField()
    made_at = models.DateTimeField(db_default=Now())
    """When its secret was made."""
    accepted = models.PositiveBigIntegerField(default=0)
    accepted_at = models.DateTimeField(null=True)
    refused = models.PositiveBigIntegerField(default=0)
    refused_at = models.DateTimeField(null=True)
    refusal = MessageField(blank=True, default="")
    """Why the last one was refused."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_webhook_has_one_server",
                condition=models.Q(jenkins__isnull=False, git=None, registry=None)
                | models.Q(git__isnull=False, jenkins=None, registry=None)
                | models.Q(registry__isnull=False, jenkins=None, git=None),
            )
        ]

    def __str__(self) -> str:
        return f"webhook of {self.server}"

    @property
    def server(self) -> JenkinsServer | GitServer | ImageRegistry:
        """Whose it is."""
        server = self.jenkins or self.git or self.registry
        assert server is not None, "a constraint of the table"
        return server


class WebhookDelivery(models.Model):
    """One delivery that was accepted, kept for some days so that it is not accepted again."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    mark = models.CharField(max_length=64)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["webhook", "mark"], name="a_delivery_is_accepted_once")]
        indexes = [models.Index(fields=["webhook", "received_at"], name="deliveries_by_age")]

    def __str__(self) -> str:
        return self.mark[:12]


class RepositoryRead(Run):
    """Reads a repository's branches again when its server told of a push; else it rests. One for each address."""

    git_url = models.CharField(max_length=300, unique=True)

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return self.git_url
