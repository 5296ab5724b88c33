"""Deployments, and the projection of what runs where."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from components.models import Component
from deployer.manifests import DeploymentMark
from environments.models import Cluster, Space
from foundation.fields import ChangedAtField
from foundation.messages import MessageField, MessageJSONField
from foundation.runs.models import Run
from releases.choices import DeploymentKind
from releases.models.break_glass import BreakGlass
from releases.models.drp import DrpSwitch
from releases.models.orders import ReleaseOrder
from releases.models.reviews import Review, Snapshot


class Deployment(Run):
    """One attempt to put a snapshot into a space, followed to a verdict.

    Phases: start (waits for its review where one act makes both) → applying → rolling → checking, where its snapshot
    has an entry check; of a removal start → removing.
    From applying to namespace and back, where the namespace was deleted outside and is made anew.
    ``overlay`` is the closed list of what may differ from the snapshot: ``{"replicas", "restarted_at"}``.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="deployments")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="deployments")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="deployments")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, null=True, related_name="deployments")
    kind = models.CharField(max_length=20, choices=DeploymentKind.choices, default=DeploymentKind.DEPLOY)
    overlay = models.JSONField(default=dict)
    live_fingerprint = models.CharField(max_length=64, blank=True)
    """The live state that the person saw; empty where the act makes its own review."""
    removals = models.JSONField(default=list)
    """``Kind/name`` of the objects whose removal the person ticked: workloads and what is reached from outside."""
    deployed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_automatic = models.BooleanField(default=False)
    cause = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="consequences", db_index=False)
    """The failed deployment that an automatic roll back answers."""
    break_glass = models.ForeignKey(
        BreakGlass, on_delete=models.PROTECT, null=True, related_name="deployments", editable=False
    )
    """What opened the flow for it: without, a gate would have refused it."""
    drp_switch = models.ForeignKey(
        DrpSwitch, on_delete=models.PROTECT, null=True, related_name="deployments", editable=False
    )
    """The switch or drill that it is a part of, by whose rules its gates are asked."""
    policy = models.JSONField(default=dict, editable=False)
    """The rules by which its gates were asked last, as :func:`environments.policy.policy_in_force` gives them."""
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    epoch = models.BigIntegerField(default=0, editable=False)
    """The installation's epoch when it was made; with ``nonce`` part of the mark on the objects that it applies."""
    nonce = models.CharField(max_length=8, editable=False)
    applied = models.JSONField(default=list)
    """What the cluster accepted: ``[{"kind", "name", "uid", "generation", "resource_version", "warnings"}]``.

    The workload's row also has ``spec``, as the server answered it.
    """
    applied_at = models.DateTimeField(null=True)
    progressed_at = models.DateTimeField(null=True)
    progress = MessageJSONField(default=dict)
    """What was last read: ``{"outcome", "ready", "wanted", "updated", "message", "pods": [PodView…], "moments"}``.

    ``moments`` are its last changes, oldest first: ``{"at", "ready", "wanted", "states", "message"}``.
    """
    entry = MessageJSONField(default=dict)
    """The entry check: ``{"state", "where", "since", "asked_at", "failing_since", "asked", "status", "seconds",
    "diagnosis"}``. ``state``: waiting, passed, failed, unasked, or skipped (no pod is wanted); ``seconds`` of the last
    answer; ``diagnosis`` of the last answer that was not as expected."""
    diagnosis = MessageJSONField(default=dict)
    message = MessageField(blank=True)

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["component", "space"],
                condition=Q(state__in=["queued", "running"]),
                name="one_active_deployment",
            ),
        ]
        indexes = [
            models.Index(fields=["component", "space", "-id"], name="deployments_of_a_placement"),
            models.Index(fields=["state", "finished_at"], name="deployments_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.kind} {self.pk}"

    @property
    def warnings(self) -> list[str]:
        """What the cluster warned of as it accepted the objects, each once."""
        return list(dict.fromkeys(text for row in self.applied for text in row.get("warnings", ())))

    @property
    def mark(self) -> DeploymentMark:
        """What the objects bear that it applies."""
        return DeploymentMark(self.epoch, self.pk, self.nonce)


class Prune(Run):
    """Removes, after a deployment succeeded, what is there beyond its snapshot; a later deployment makes it stop.

    ``found``: ``[{"api_version", "kind", "name", "uid", "state", "message"}]`` with state wanted, removed or kept.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="+", db_index=False)
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="+", db_index=False)
    deployment = models.OneToOneField(Deployment, on_delete=models.PROTECT, related_name="prune")
    found = MessageJSONField(default=list)
    message = MessageField(blank=True)

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"{self.deployment_id} prune"


class Placement(models.Model):
    """What runs of a component in a space: a projection of what the cluster shows, and the mutex of its deployments.

    ``last_applied`` is the last deployment that the cluster accepted, ``last_succeeded`` the last that succeeded,
    ``in_progress`` the one under way. Written only by ``transitions`` and the steps, in the transaction of the change
    that it mirrors.
    """

    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="placements", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="placements")
    last_applied = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    last_succeeded = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+")
    in_progress = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    ready = models.PositiveIntegerField(default=0)
    wanted = models.PositiveIntegerField(default=0)
    pods = models.JSONField(default=list)
    replica_sets = models.JSONField(default=list)
    """Those of the workload that have pods or are to have some, the new one first
    (:class:`deployer.interfaces.ReplicaSetView` as plain data)."""
    drift = MessageJSONField(default=list)
    """``[{"path", "before", "after", "manager", "at"}]`` found outside the platform since the last apply."""
    autoscaler = models.JSONField(default=dict)
    """What our autoscaler there showed last (:class:`deployer.autoscaling.AutoscalerView` as plain data, with
    ``seen_at``); empty where the snapshot has none, or nobody has seen it yet."""
    settled_at = models.DateTimeField(null=True)
    unsettled_reason = MessageField(blank=True)
    drift_checked_at = models.DateTimeField(null=True)
    drift_fingerprint = models.CharField(max_length=64, blank=True)
    """Of the workload when drift was last looked for."""
    unknown_since = models.DateTimeField(null=True)
    """Since when nobody knows what runs here: a deployment was given up without contact. Cleared by a read."""
    seen_at = models.DateTimeField(null=True)
    changed_at = ChangedAtField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["component", "space"], name="one_placement_per_component_and_space")
        ]

    def __str__(self) -> str:
        return f"{self.component_id} in {self.space_id}"


class SpaceObservation(Run):
    """The run that reads all placements of a space, whenever no deployment follows them itself."""

    space = models.OneToOneField(Space, on_delete=models.PROTECT, related_name="observation")

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"observation of {self.space_id}"


class ContactDeadline(Run):
    """The one run that gives up deployments whose cluster does not answer. Made after migrate, endless."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)

    class Meta(Run.Meta):
        abstract = False
        constraints = [models.CheckConstraint(name="contact_deadline_is_one_row", condition=Q(singleton=True))]

    def __str__(self) -> str:
        return "contact deadline"


class NamespaceWatch(Run):
    """A watch on one namespace of one cluster; all it ever writes is "due now" on the runs there."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+", db_index=False)
    namespace = models.CharField(max_length=63)

    class Meta(Run.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["cluster", "namespace"], name="one_watch_per_namespace")]

    def __str__(self) -> str:
        return f"{self.cluster_id}/{self.namespace}"
