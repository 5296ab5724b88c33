"""Where orders go: clusters, environments, and a project's spaces in them."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import SLUG, Project, in_language
from audit.recording import Subject
from foundation.encryption import EncryptedTextField
from foundation.fields import ChangedAtField
from foundation.models import HasSecrets


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
    created_at = models.DateTimeField(db_default=Now(), editable=False)

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
    def is_encrypted(self) -> bool:
        """False where its address is plain http: no certificate is asked for, and tokens go in the clear."""
        return not self.url.lower().startswith("http://")

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
    approver_groups = models.JSONField(_("groups whose people may approve"), default=list, blank=True)
    """Short names; each person needs a role besides that may approve. Empty: people of any group and of none."""
    approvals_per_group = models.PositiveSmallIntegerField(
        _("approvals needed of each group"), default=0, validators=[MaxValueValidator(9)],
        help_text=_("0: from any of the groups chosen. Who is in two of them counts for one."),
    )  # fmt: skip
    """Of each of ``approver_groups``, within ``approvals``, which stays the number of all."""
    approval_hours = models.PositiveSmallIntegerField(
        _("approvals expire after (hours)"), default=0, help_text=_("0: never.")
    )
    approval_needs_comment = models.BooleanField(_("an approval needs a comment"), default=False)
    four_eyes = models.BooleanField(_("four eyes"), default=False)
    operations_only = models.BooleanField(_("operations only"), default=True)
    scale_minimum = models.PositiveSmallIntegerField(
        _("scaling without approval: at least (replicas)"), null=True, blank=True,
        validators=[MaxValueValidator(200)], help_text=_("Empty: 1 in production, no bound elsewhere."),
    )  # fmt: skip
    scale_maximum = models.PositiveSmallIntegerField(
        _("scaling without approval: at most (replicas)"), null=True, blank=True,
        validators=[MaxValueValidator(200)],
        help_text=_("Empty: twice the allocation in production, no bound elsewhere."),
    )  # fmt: skip
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
                condition=Q(
                    approvals__lte=9,
                    approvals_per_group__lte=9,
                    settle_seconds__lte=3600,
                    deploy_deadline_seconds__range=(1, 7200),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.slug}·{self.environment.label}"

    @property
    def audit_subject(self) -> Subject:
        return Subject("space", self.pk, str(self), self.project.slug, self.environment.slug)


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
