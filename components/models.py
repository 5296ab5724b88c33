"""What we ship, and the servers that build and keep it. Everything an order names is a version and stays."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import SLUG, Project, in_language
from components.choices import ServerKind, TemplateKind
from components.initials import initials
from environments.models import Environment
from foundation.encryption import EncryptedTextField
from foundation.models import HasSecrets
from foundation.runs.models import Run
from foundation.sentences import SaidField, SaidJSONField


class JenkinsServer(HasSecrets):
    """A Jenkins controller that compiles for us."""

    slug = models.CharField(_("short name"), max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(_("name"), max_length=120)
    url = models.CharField("URL", max_length=300)
    username = models.CharField(_("user name"), max_length=120)
    token = EncryptedTextField(_("API token"), blank=True, default="")
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    credentials_id = models.CharField(_("Git credentials id"), max_length=120, default="GitLab")
    build_deadline_seconds = models.PositiveIntegerField(
        _("build deadline (seconds)"), default=3600, validators=[MinValueValidator(10)]
    )
    is_archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def remote_key(self) -> str:
        """Its name for the engine's breakers."""
        return f"jenkins:{self.pk}"


class GitServer(HasSecrets):
    """A Git host we may read from, found by the host (and port) of a component's URL."""

    host = models.CharField(_("host[:port]"), max_length=253, unique=True)
    name = models.CharField(_("name"), max_length=120)
    allow_http = models.BooleanField(_("plain http allowed"), default=False)
    username = models.CharField(_("user name"), max_length=120, blank=True)
    password = EncryptedTextField(_("password or token"), blank=True, default="")
    ssh_key = EncryptedTextField(_("SSH key"), blank=True, default="")
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    is_archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        ordering = ["host"]

    def __str__(self) -> str:
        return self.host

    @property
    def remote_key(self) -> str:
        """Its name for the engine's breakers."""
        return f"git:{self.pk}"


class ImageRegistry(HasSecrets):
    """Where images live: ``address`` begins every image name (HARBOR_ADDRESS)."""

    slug = models.CharField(_("short name"), max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(_("name"), max_length=120)
    address = models.CharField(_("address (host[:port])"), max_length=253)
    url = models.CharField(_("API URL"), max_length=300)
    username = models.CharField(_("user name"), max_length=120, blank=True)
    password = EncryptedTextField(_("password or token"), blank=True, default="")
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    is_archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def remote_key(self) -> str:
        """Its name for the engine's breakers."""
        return f"registry:{self.pk}"


class Toolchain(models.Model):
    """Which Jenkins builds a project and which registry keeps its images."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="toolchain", verbose_name=_("project")
    )
    jenkins = models.ForeignKey(JenkinsServer, on_delete=models.PROTECT, verbose_name="Jenkins")
    registry = models.ForeignKey(ImageRegistry, on_delete=models.PROTECT, verbose_name=_("image registry"))

    def __str__(self) -> str:
        return f"{self.project.slug}: {self.jenkins.slug}, {self.registry.slug}"


class BaseImage(models.Model):
    """A business base image that components stand on: ``path`` and ``tag`` as people write them."""

    path = models.CharField(
        _("path"), max_length=250, validators=[RegexValidator(r"\A/?[a-z0-9]+(?:(?:\.|__?|-+|/)[a-z0-9]+)*\Z")]
    )
    tag = models.CharField(
        _("tag"), max_length=128, validators=[RegexValidator(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")]
    )
    note = models.CharField(_("note"), max_length=200, blank=True)
    is_archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        ordering = ["path", "tag"]
        constraints = [models.UniqueConstraint(fields=["path", "tag"], name="one_base_image_per_path_and_tag")]

    def __str__(self) -> str:
        return f"{self.path}:{self.tag}"

    @property
    def repository(self) -> str:
        """The path without a leading slash, as registries want it."""
        return self.path.strip("/")


class Template(models.Model):
    """A named template; global when ``project`` is null. Its text lives in versions."""

    kind = models.CharField(_("kind"), max_length=20, choices=TemplateKind.choices)
    name = models.CharField(
        _("file name"), max_length=120, validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")]
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="templates", verbose_name=_("project")
    )
    is_archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            # Two, because SQLite knows no NULLS NOT DISTINCT.
            models.UniqueConstraint(fields=["name", "project"], name="one_template_per_name_and_project"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(project=None), name="one_global_template_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """One published text of a template; never changed."""

    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.TextField(_("text"))
    note = models.CharField(_("what changed"), max_length=200, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="one_template_version_per_number")]

    def __str__(self) -> str:
        return f"{self.template.name} v{self.number}"


class Component(models.Model):
    """One deployable unit: one repository, one workload. ``slug`` is the APP of its images and the workload's name."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="components", verbose_name=_("project"))
    name = models.CharField(
        _("component name"), max_length=63, validators=[RegexValidator(r"\A[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\Z")]
    )
    slug = models.CharField(max_length=63, validators=[SLUG], editable=False)
    is_archived = models.BooleanField(_("archived"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="one_component_per_project_and_slug")]

    def __str__(self) -> str:
        return self.name


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


class ComponentSettings(models.Model):
    """One version of a component's settings (the original screen's fields beside name and project)."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="settings")
    number = models.PositiveIntegerField()
    name_zh = models.CharField(_("Chinese name"), max_length=120, blank=True)
    initials = models.TextField(blank=True, default="", editable=False)
    """Spellings of the Chinese name by pinyin initials; written with the row."""
    service_name = models.CharField(_("service name"), max_length=63, blank=True, validators=[SLUG])
    git_url = models.CharField(_("GitLab URL"), max_length=300, blank=True)
    description = models.TextField(_("description"), blank=True)
    job_name = models.CharField(_("Jenkins job"), max_length=200, default="PRISM_JENKINS_JOB", blank=True)
    node_label = models.CharField(_("Jenkins node"), max_length=128, blank=True)
    build_directory = models.CharField(_("build directory"), max_length=200, blank=True)
    build_command = models.TextField(_("build command"), blank=True)
    artifact_directory = models.CharField(_("artifact directory"), max_length=200, blank=True)
    package_name = models.CharField(_("package"), max_length=128, blank=True)
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
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(_("what changed"), max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
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


class Allocation(models.Model):
    """Replicas, CPU and memory of a component in an environment: a version; the newest counts."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="allocations")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    replicas = models.PositiveSmallIntegerField(_("replicas"), validators=[MaxValueValidator(200)])
    cpu_request = models.PositiveBigIntegerField(_("CPU lower (millicores)"))
    cpu_limit = models.PositiveBigIntegerField(_("CPU upper (millicores)"))
    memory_request = models.PositiveBigIntegerField(_("memory lower (bytes)"))
    memory_limit = models.PositiveBigIntegerField(_("memory upper (bytes)"))
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(_("what changed"), max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["component", "environment", "number"], name="one_allocation_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.component.name} {self.environment.label} v{self.number}"


class ConfigVersion(models.Model):
    """Configuration of a component in an environment: a version; the newest counts.

    ``env`` is a list of ``{"name", "value"}`` or ``{"name", "secret", "key"}``; ``files`` maps a file name to its text.
    """

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="configs")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    env = models.JSONField(default=list)
    files = models.JSONField(default=dict)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(_("what changed"), max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["component", "environment", "number"], name="one_config_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.component.name} {self.environment.label} config v{self.number}"


class BranchTip(models.Model):
    """The last answer of a Git remote about one branch: what a page shows, with its age, when the remote is away."""

    git_url = models.CharField(max_length=300)
    branch = models.CharField(max_length=200)
    commit = models.CharField(max_length=40)
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
    results = SaidJSONField(default=list)
    """One entry an environment: ``{"environment", "text", "problems": [{"path", "message"}]}``."""

    class Meta(Run.Meta):
        abstract = False


class ServerTest(Run):
    """A connection test of a Jenkins, Git or registry server."""

    kind = models.CharField(max_length=20, choices=ServerKind.choices)
    jenkins = models.ForeignKey(JenkinsServer, on_delete=models.CASCADE, null=True, related_name="tests")
    git = models.ForeignKey(GitServer, on_delete=models.CASCADE, null=True, related_name="tests")
    registry = models.ForeignKey(ImageRegistry, on_delete=models.CASCADE, null=True, related_name="tests")
    subject = models.CharField(max_length=300, blank=True)
    """What to try: a job name, a repository URL."""
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    facts = SaidJSONField(default=dict)
    message = SaidField(blank=True)

    class Meta(Run.Meta):
        abstract = False
