"""Where orders go, and who may do what there."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import SLUG, Project, in_language
from audit.recording import Subject
from environments.choices import Role
from foundation.clock import PARKED
from foundation.encryption import EncryptedTextField
from foundation.fields import ChangedAtField
from foundation.messages import MessageField
from foundation.models import HasSecrets
from foundation.runs.models import ConnectionTest, Run


class Cluster(HasSecrets):
    """A Kubernetes API server we may use. Credentials are write-only."""

    slug = models.CharField(_("short name"), max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(_("name"), max_length=120)
    in_cluster = models.BooleanField(_("the cluster that this platform runs in"), default=False)
    """Address, CA certificate and token are then the pod's own, and the columns for them are empty."""
    url = models.CharField(_("API server URL"), max_length=300, blank=True)
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    token = EncryptedTextField(_("token"), blank=True, default="")
    client_cert_pem = models.TextField(_("client certificate (PEM)"), blank=True)
    client_key_pem = EncryptedTextField(_("client key (PEM)"), blank=True, default="")
    tls_server_name = models.CharField(_("TLS server name"), max_length=253, blank=True)
    verify_tls = models.BooleanField(_("verify the certificate"), default=True)
    registries = models.JSONField(_("extra image registries allowed"), default=list, blank=True)
    is_archived = models.BooleanField(_("archived"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["in_cluster"],
                condition=Q(in_cluster=True),
                name="the_own_cluster_is_one_row",
                violation_error_message=_("Another row is the cluster that this platform runs in."),
            ),
            models.CheckConstraint(
                name="a_cluster_has_an_address_or_is_our_own", condition=Q(in_cluster=True, url="") | ~Q(url="")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_subject(self) -> Subject:
        return Subject("cluster", self.pk, self.slug)

    @property
    def remote_key(self) -> str:
        """Its name for the engine's breakers."""
        return f"cluster:{self.pk}"


class Environment(models.Model):
    """A place in the flow: FAT, UAT … are rows; code never compares to a name."""

    slug = models.CharField(_("short name"), max_length=20, unique=True, validators=[SLUG])
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    follows = models.ManyToManyField(
        "self", symmetrical=False, related_name="followed_by", blank=True, verbose_name=_("follows"),
        help_text=_("An order may come here once it succeeded in one of these."),
    )  # fmt: skip
    twin = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="twins", verbose_name=_("twin of")
    )
    is_production = models.BooleanField(_("production"), default=False)
    is_archived = models.BooleanField(_("archived"), default=False, editable=False)

    class Meta:
        ordering = ["position", "slug"]
        constraints = [
            models.CheckConstraint(name="an_environment_is_not_its_own_twin", condition=Q(twin=None) | ~Q(twin=F("id")))
        ]

    def __str__(self) -> str:
        return self.slug.upper()

    @property
    def audit_subject(self) -> Subject:
        return Subject("environment", self.pk, self.slug, environment=self.slug)

    @property
    def label(self) -> str:
        """``UAT`` as everybody says it."""
        return self.slug.upper()

    @property
    def shown_name(self) -> str:
        """The long name in the reader's language."""
        return in_language(self.name, self.name_en)


class Space(models.Model):
    """Project x environment: cluster, namespace, ceilings and policy."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="spaces", verbose_name=_("project"))
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="spaces", verbose_name=_("environment")
    )
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="spaces", verbose_name=_("cluster"))
    namespace = models.CharField(_("namespace"), max_length=63, validators=[SLUG])

    # Ceilings of the ResourceQuota: exact millicores and bytes; empty means no ceiling.
    cpu_request_ceiling = models.PositiveBigIntegerField(_("CPU requests ceiling (millicores)"), null=True, blank=True)
    cpu_limit_ceiling = models.PositiveBigIntegerField(_("CPU limits ceiling (millicores)"), null=True, blank=True)
    memory_request_ceiling = models.PositiveBigIntegerField(_("memory requests ceiling (bytes)"), null=True, blank=True)
    memory_limit_ceiling = models.PositiveBigIntegerField(_("memory limits ceiling (bytes)"), null=True, blank=True)
    pods_ceiling = models.PositiveIntegerField(_("pods ceiling"), null=True, blank=True)

    grants = models.JSONField(_("ways out"), default=dict, blank=True)
    """Names by kind, as ``environments.grants`` reads them: hosts, node ports … that the space's components may use."""

    # Policy.
    creators_may_promote = models.BooleanField(_("creators may promote"), default=False)
    promote_automatically = models.BooleanField(_("promote automatically after a build"), default=False)
    asks_review = models.BooleanField(_("asks for a review before deploying"), default=True)
    approvals = models.PositiveSmallIntegerField(_("approvals needed"), default=0, validators=[MaxValueValidator(9)])
    approver_roles = models.JSONField(_("roles that may approve"), default=list, blank=True)
    approval_hours = models.PositiveSmallIntegerField(
        _("approvals expire after (hours)"), default=0, help_text=_("0: never.")
    )
    approval_needs_comment = models.BooleanField(_("an approval needs a comment"), default=False)
    four_eyes = models.BooleanField(_("four eyes"), default=False)
    operations_only = models.BooleanField(_("operations only"), default=True)
    settle_seconds = models.PositiveIntegerField(_("settle seconds"), default=15, validators=[MaxValueValidator(3600)])
    deploy_deadline_seconds = models.PositiveIntegerField(
        _("deploy deadline (seconds)"), default=900, validators=[MinValueValidator(10), MaxValueValidator(7200)]
    )
    force_conflicts = models.BooleanField(_("overwrite fields that others changed"), default=False)
    auto_rollback = models.BooleanField(_("roll back by itself after a failure"), default=False)
    branch_pattern = models.CharField(
        _("branches allowed"), max_length=200, blank=True, help_text=_("A regular expression; empty: any branch.")
    )
    change_ticket_required = models.BooleanField(_("asks for a change ticket"), default=False)

    is_archived = models.BooleanField(_("archived"), default=False, editable=False)
    changed_at = ChangedAtField()

    class Meta:
        ordering = ["project__slug", "environment__position"]
        constraints = [
            models.UniqueConstraint(fields=["project", "environment"], name="one_space_per_project_environment"),
            models.UniqueConstraint(fields=["cluster", "namespace"], name="one_space_per_namespace"),
            models.CheckConstraint(
                name="cpu_ceilings_of_limits_hold_those_of_requests",
                condition=Q(cpu_request_ceiling=None)
                | Q(cpu_limit_ceiling=None)
                | Q(cpu_limit_ceiling__gte=F("cpu_request_ceiling")),
            ),
            models.CheckConstraint(
                name="memory_ceilings_of_limits_hold_those_of_requests",
                condition=Q(memory_request_ceiling=None)
                | Q(memory_limit_ceiling=None)
                | Q(memory_limit_ceiling__gte=F("memory_request_ceiling")),
            ),
            models.CheckConstraint(
                name="policy_numbers_of_a_space_are_in_range",
                condition=Q(approvals__lte=9, settle_seconds__lte=3600, deploy_deadline_seconds__range=(1, 7200)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.slug}·{self.environment.label}"

    @property
    def audit_subject(self) -> Subject:
        return Subject("space", self.pk, str(self), self.project.slug, self.environment.slug)


class Membership(models.Model):
    """A role somebody holds: everywhere (project null), in a project, or in one environment of it, for a time."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships", verbose_name=_("project")
    )
    environment = models.ForeignKey(
        Environment,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("environment"),
    )
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="grants_given"
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username", "role"]
        constraints = [
            models.CheckConstraint(
                name="site_roles_have_no_project",
                condition=Q(role__in=["platform_admin", "auditor"], project=None, environment=None)
                | (~Q(role__in=["platform_admin", "auditor"]) & Q(project__isnull=False)),
            ),
            models.CheckConstraint(
                name="a_grant_has_environment_and_end",
                condition=~Q(role="grant") | Q(environment__isnull=False, ends_at__isnull=False),
            ),
            models.CheckConstraint(
                name="a_membership_ends_after_it_starts",
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
            ),
            # Expressions, because a null is distinct from every other null and SQLite knows no NULLS NOT DISTINCT.
            models.UniqueConstraint(
                "user",
                "role",
                Coalesce("project", 0, output_field=models.BigIntegerField()),
                Coalesce("environment", 0, output_field=models.BigIntegerField()),
                Coalesce("ends_at", PARKED, output_field=models.DateTimeField()),
                name="one_membership_per_role_place_and_end",
                violation_error_message=_("This person holds this role there already, for the same time."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user.username} {self.role}"

    @property
    def audit_subject(self) -> Subject:
        return Subject(
            "membership",
            self.pk,
            f"{self.user.username} {self.role}",
            self.project.slug if self.project else "",
            self.environment.slug if self.environment else "",
        )


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


class GrantedNodePort(models.Model):
    """A node port of a space's grants: of a cluster each belongs to one space."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="+")
    port = models.PositiveIntegerField()

    class Meta:
        ordering = ["port"]
        constraints = [models.UniqueConstraint(fields=["cluster", "port"], name="one_space_per_node_port")]

    def __str__(self) -> str:
        return f"{self.space_id}: {self.port}"


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

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="node_sight")
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
