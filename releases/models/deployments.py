"""Deployments, and the projection of what runs where."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from components.models import Component
from environments.models import Cluster, Space
from foundation.runs.models import Run
from foundation.sentences import SaidField, SaidJSONField
from releases.choices import DeploymentKind
from releases.models.orders import ReleaseOrder
from releases.models.reviews import Review, Snapshot


class Deployment(Run):
    """One attempt to put a snapshot into a space, followed to a verdict.

    Phases: start (waits for its review where one act makes both) → applying → rolling.
    ``overlay`` is the closed list of what may differ from the snapshot: ``{"replicas", "restarted_at"}``.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="deployments")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="deployments")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="deployments")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, null=True, related_name="deployments")
    kind = models.CharField(max_length=20, choices=DeploymentKind.choices, default=DeploymentKind.DEPLOY)
    overlay = models.JSONField(default=dict)
    live_fingerprint = models.CharField(max_length=64, blank=True)
    """The live state that the person saw; empty where the act makes its own review."""
    deployed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_automatic = models.BooleanField(default=False)
    cause = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="consequences")
    """The failed deployment that an automatic roll back answers."""
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    applied = models.JSONField(default=list)
    """What the cluster accepted: ``[{"kind", "name", "uid", "generation", "resource_version"}]``."""
    applied_at = models.DateTimeField(null=True)
    progressed_at = models.DateTimeField(null=True)
    progress = SaidJSONField(default=dict)
    """The last look: ``{"outcome", "ready", "wanted", "updated", "message", "pods": [PodView…]}``."""
    diagnosis = SaidJSONField(default=dict)
    message = SaidField(blank=True)

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["component", "space"],
                condition=Q(state__in=["queued", "running"]),
                name="one_active_deployment",
            ),
        ]
        indexes = [models.Index(fields=["component", "space", "-id"], name="deployments_of_a_placement")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.kind} {self.pk}"


class Placement(Run):
    """What runs of a component in a space: a projection, the mutex of its deployments, and a run that keeps looking.

    ``applied`` is the last deployment that the cluster accepted, ``good`` the last that succeeded, ``active`` the one
    under way. Written only by ``transitions`` and the steps, in the transaction of the change it mirrors.
    """

    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="placements")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="placements")
    applied = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+")
    good = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+")
    active = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+")
    ready = models.PositiveIntegerField(default=0)
    wanted = models.PositiveIntegerField(default=0)
    pods = models.JSONField(default=list)
    drift = SaidJSONField(default=list)
    """``[{"path", "before", "after", "manager", "at"}]`` found outside the platform since the last apply."""
    settled_at = models.DateTimeField(null=True)
    unsettled_reason = SaidField(blank=True)
    seen_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["component", "space"], name="one_placement_per_component_and_space")
        ]

    def __str__(self) -> str:
        return f"{self.component_id} in {self.space_id}"


class NamespaceWatch(Run):
    """A watch on one namespace of one cluster; all it ever writes is "look again now" on the runs there."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    namespace = models.CharField(max_length=63)

    class Meta(Run.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["cluster", "namespace"], name="one_watch_per_namespace")]

    def __str__(self) -> str:
        return f"{self.cluster_id}/{self.namespace}"
