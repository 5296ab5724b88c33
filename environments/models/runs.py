"""What the engine does in spaces and clusters, and what it saw there."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from environments.models.places import Cluster, Space
from foundation.messages import MessageField
from foundation.runs.models import ConnectionTest, Run


class SpaceSync(Run):
    """Applies a space's Namespace and ResourceQuota to its cluster: one run at a time per space."""

    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="syncs")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    wanted = models.JSONField(default=dict)
    """What to apply, fixed by ``services.syncs``: cluster (pk), namespace, labels, hard (resource: quantity), force,
    pull_secrets (name of the Secret: registry's slug and version of its credentials, which are never here)."""
    seen = models.JSONField(default=dict)
    """``applied`` (the wishes that were sent), and once looked at: ``quota`` (lines) and ``at`` (ISO time)."""
    message = MessageField(blank=True)

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["space"], condition=Q(state__in=["queued", "running"]), name="one_sync_at_a_time"
            ),
        ]


class PullSecret(models.Model):
    """A Secret with a registry's credentials that a sync made, or is about to make, in a namespace."""

    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="pull_secrets")
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=32, blank=True)
    """Of the credentials that are there; blank until the cluster has taken them."""
    applied_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "namespace", "name"], name="one_pull_secret_of_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class QuotaObservation(models.Model):
    """The quotas of a space's namespace as who follows its deployments last saw them; replaced by every newer read."""

    space = models.OneToOneField(Space, on_delete=models.CASCADE, related_name="quota_sight")
    namespace = models.CharField(max_length=63)
    lines = models.JSONField(default=list)
    """A ``QuotaLine`` each: ``{"quota", "resource", "hard", "used", "scopes"}``, in millicores, bytes or a count."""
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.namespace} {self.at:%Y-%m-%d %H:%M:%S}"


class ClusterContact(Run):
    """The run that asks a cluster each 2 s whether it is there; ``phase`` heard or lost. Made with the cluster."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="contact")

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"contact of {self.cluster_id}"


class NodeObservation(Run):
    """The run that reads a cluster's nodes and their free capacity, for the previews of all its spaces."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="node_observation")
    nodes = models.JSONField(default=list)
    """As ``deployer.nodes.nodes_as_data`` writes them: name, labels, taints, free capacity."""
    seen_at = models.DateTimeField(null=True)
    """When they were read; null while they are not known."""
    message = MessageField(blank=True)
    """Why they are not known."""

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"nodes of {self.cluster_id}"


class ClusterTest(ConnectionTest):
    """A connection test of a cluster: what it answered, permission by permission."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="tests")
    namespace = models.CharField(max_length=63, blank=True)

    class Meta(ConnectionTest.Meta):
        abstract = False
