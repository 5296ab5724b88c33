"""Components: versions of their settings, allocations and configurations, known branches, previews."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import SLUG, Project, in_language
from audit.recording import Subject
from components.choices import EntryKind, TemplateKind
from components.models.templates import BaseImage, Template
from components.models.versions import Version
from components.naming import initials
from environments.models import Environment
from foundation.messages import MessageJSONField
from foundation.runs.models import Run


class Component(models.Model):
    """One deployable unit: one repository, one workload. ``slug`` is the APP of its images and the workload's name."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="components", verbose_name=_("project"))
    name = models.CharField(
        _("component name"), max_length=63, validators=[RegexValidator(r"\A[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\Z")]
    )
    slug = models.CharField(max_length=63, validators=[SLUG], editable=False)
    is_archived = models.BooleanField(_("archived"), default=False)
    start_wave = models.PositiveSmallIntegerField(default=1, editable=False)
    """In which wave it is started where a whole project is brought up at once; those of one wave start together."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="one_component_per_project_and_slug")]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_subject(self) -> Subject:
        return Subject("component", self.pk, self.name, self.project.slug)


SETTINGS_TEXTS = (
    "name_zh",
    "service_name",
    "git_url",
    "description",
    "job_name",
    "node_label",
    "build_directory",
    "build_command",
    "artifact_directory",
    "package_name",
)
"""The text fields of a component's settings, in the original screen's order; templates and base image are rows."""
NAMES_ONLY = frozenset({"name_zh", "description"})
"""Settings that change nothing that is built or deployed."""


class ComponentSettings(Version):
    """One version of a component's settings (the original screen's fields beside name and project)."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="settings")
    name_zh = models.CharField(_("Chinese name"), max_length=120, blank=True)
    initials = models.TextField(blank=True, default="", editable=False)
    """Spellings of the Chinese name by pinyin initials; written with the row."""
    service_name = models.CharField(
        _("service name"),
        max_length=63,
        blank=True,
        validators=[SLUG],
        help_text=_("Left empty: the component's name in lower case."),
    )
    git_url = models.CharField(
        _("GitLab URL"),
        max_length=300,
        blank=True,
        help_text=_("https://host/group/name.git; the host must be listed under Servers."),
    )
    description = models.TextField(_("description"), max_length=4000, blank=True)
    job_name = models.CharField(_("Jenkins job"), max_length=200, default="PRISM_JENKINS_JOB", blank=True)
    node_label = models.CharField(_("Jenkins node"), max_length=128, blank=True)
    build_directory = models.CharField(
        _("build directory"), max_length=200, blank=True, help_text=_("“/” is the root of the repository.")
    )
    build_command = models.TextField(_("build command"), max_length=8192, blank=True)
    artifact_directory = models.CharField(
        _("artifact directory"), max_length=200, blank=True, help_text=_("Below the build directory.")
    )
    package_name = models.CharField(
        _("package"), max_length=128, blank=True, help_text=_("One file name, for example app.war.")
    )
    dockerfile = models.ForeignKey(
        Template, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Dockerfile"
    )
    base_image = models.ForeignKey(
        BaseImage, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("base image")
    )
    bootstart = models.ForeignKey(
        Template, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("BootStart file")
    )
    deployment_template = models.ForeignKey(
        Template,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("deployment template"),
    )
    service_template = models.ForeignKey(
        Template, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("service template")
    )

    class Meta(Version.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["component", "number"], name="one_settings_per_number")]

    def __str__(self) -> str:
        return f"{self.component.name} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """With the initials of the Chinese name, however the row comes about."""
        self.initials = initials(self.name_zh)
        super().save(*args, **kwargs)

    @property
    def shown_name(self) -> str:
        """The Chinese name for Chinese readers, the code otherwise."""
        return in_language(self.name_zh, self.component.name)


class Allocation(Version):
    """Replicas, CPU and memory of a component in an environment: a version; the newest counts."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="allocations")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    replicas = models.PositiveSmallIntegerField(_("replicas"), validators=[MaxValueValidator(200)])
    cpu_request = models.PositiveBigIntegerField(_("CPU lower (millicores)"))
    cpu_limit = models.PositiveBigIntegerField(_("CPU upper (millicores)"))
    memory_request = models.PositiveBigIntegerField(_("memory lower (bytes)"))
    memory_limit = models.PositiveBigIntegerField(_("memory upper (bytes)"))

    class Meta(Version.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["component", "environment", "number"], name="one_allocation_per_number"),
            models.CheckConstraint(
                name="an_allocation_has_limits_that_hold_its_requests",
                condition=models.Q(
                    cpu_limit__gte=models.F("cpu_request"), memory_limit__gte=models.F("memory_request")
                ),
            ),
            models.CheckConstraint(
                name="an_allocation_has_at_most_200_replicas", condition=models.Q(replicas__lte=200)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.component.name} {self.environment.label} v{self.number}"


class ScalingRule(Version):
    """Who sets the number of replicas of a component in an environment: a version; the newest counts.

    While ``is_on`` the platform makes a HorizontalPodAutoscaler of it, which is part of the snapshot. Off, the number
    is the allocation's, and the bounds are kept for the next time.
    """

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="scaling_rules")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    is_on = models.BooleanField(_("an autoscaler sets the number of replicas"))
    minimum = models.PositiveSmallIntegerField(_("minimum replicas"))
    maximum = models.PositiveSmallIntegerField(_("maximum replicas"))
    cpu_percent = models.PositiveSmallIntegerField(_("CPU target, percent of the lower bound"))
    scale_up_seconds = models.PositiveSmallIntegerField(_("cool-down before more pods (seconds)"))
    scale_down_seconds = models.PositiveSmallIntegerField(_("cool-down before fewer pods (seconds)"))

    class Meta(Version.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["component", "environment", "number"], name="one_scaling_rule_per_number"),
            models.CheckConstraint(
                name="a_scaling_rule_has_bounds_from_1_to_200",
                condition=models.Q(minimum__gte=1, maximum__gte=models.F("minimum"), maximum__lte=200),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.component.name} {self.environment.label} scaling v{self.number}"


class ConfigVersion(Version):
    """Configuration of a component in an environment: a version; the newest counts.

    ``env`` is a list of ``{"name", "value"}`` or ``{"name", "secret", "key"}``; ``files`` maps a file name to its text.
    """

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="configs")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    env = models.JSONField(default=list)
    files = models.JSONField(default=dict)

    class Meta(Version.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["component", "environment", "number"], name="one_config_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.component.name} {self.environment.label} config v{self.number}"


class EntryCheck(Version):
    """What the entry must answer before a deployment counts as succeeded: a version; the newest counts.

    Without ``environment`` it is that of every environment that has no own one, or whose own says ``everywhere``.
    """

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="entry_checks")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+", null=True)
    kind = models.CharField(_("what is asked"), max_length=12, choices=EntryKind.choices)
    url = models.CharField(
        "URL", max_length=500, blank=True, help_text=_("For example https://app.corp.example/healthz.")
    )
    port = models.CharField(
        _("port of the Service"),
        max_length=15,
        blank=True,
        help_text=_("Its name or number in the service template. Left empty: the first one."),
    )
    path = models.CharField(_("path"), max_length=300, blank=True, help_text=_("For example /healthz."))
    statuses = models.CharField(
        _("expected status"),
        max_length=120,
        blank=True,
        help_text=_("Numbers and ranges, such as 200-299, 401. Left empty: 200-399."),
    )
    text = models.CharField(
        _("expected text"),
        max_length=200,
        blank=True,
        help_text=_("Stands in the first 64 KiB of the answer. May stay empty."),
    )
    header = models.CharField(
        _("expected header"),
        max_length=200,
        blank=True,
        help_text=_("Its name, or its name and a part of its value: “Content-Type: json”. May stay empty."),
    )
    patience_seconds = models.PositiveIntegerField(
        _("patience (seconds)"),
        default=60,
        help_text=_("How long the entry may go on giving a wrong answer before the deployment fails."),
    )

    class Meta(Version.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["component", "environment", "number"], name="one_entry_check_per_number"),
            models.UniqueConstraint(
                fields=["component", "number"],
                condition=models.Q(environment=None),
                name="one_general_entry_check_per_number",
            ),
        ]

    def __str__(self) -> str:
        place = self.environment.label if self.environment else "*"
        return f"{self.component.name} {place} entry check v{self.number}"

    @property
    def is_asked(self) -> bool:
        """Whether this version asks anything."""
        return self.kind in (EntryKind.SERVICE, EntryKind.URL)


class BranchTip(models.Model):
    """The last answer of a Git remote about one branch: what a page shows, with its age, when the remote is away."""

    git_url = models.CharField(max_length=300)
    branch = models.CharField(max_length=200)
    commit = models.CharField(max_length=40)
    author = models.CharField(max_length=100, blank=True)
    """Who wrote the commit, and when: blank and None where nobody has read it yet."""
    commit_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["git_url", "branch"], name="one_tip_per_branch")]

    def __str__(self) -> str:
        return f"{self.branch}@{self.commit[:7]}"


class Preview(Run):
    """A template rendered for a component's environments by a worker, for the editor."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="previews")
    template = models.ForeignKey(Template, on_delete=models.CASCADE, null=True, related_name="previews")
    kind = models.CharField(max_length=20, choices=TemplateKind.choices)
    body = models.TextField()
    batch = models.UUIDField(null=True, editable=False, db_index=True)
    """Shared by the previews of one text with everybody who uses its template."""
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    results = MessageJSONField(default=list)
    """One entry an environment: ``{"environment", "text", "problems": [{"path", "message"}]}``."""

    class Meta(Run.Meta):
        abstract = False
