"""The servers that build what we ship and keep it, and their connection tests."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import SLUG, Project
from audit.recording import Subject
from components.choices import ServerKind
from foundation.encryption import EncryptedTextField
from foundation.models import HasSecrets
from foundation.runs.models import ConnectionTest


class AbstractServer(HasSecrets):
    """What the servers of all kinds have in common."""

    kind: ClassVar[ServerKind]
    unique_field: ClassVar[str] = "slug"
    """Which column tells one from others of its kind."""
    name = models.CharField(_("name"), max_length=120)
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    is_archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def audit_subject(self) -> Subject:
        return Subject(f"{self.kind}_server", self.pk, str(getattr(self, self.unique_field)))

    @property
    def remote_key(self) -> str:
        """Its name for the engine's breakers."""
        return f"{self.kind}:{self.pk}"


class JenkinsServer(AbstractServer):
    """A Jenkins controller that compiles for us."""

    kind = ServerKind.JENKINS
    slug = models.CharField(_("short name"), max_length=63, unique=True, validators=[SLUG])
    url = models.CharField("URL", max_length=300)
    username = models.CharField(_("user name"), max_length=120)
    token = EncryptedTextField(_("API token"), blank=True, default="")
    credentials_id = models.CharField(_("Git credentials id"), max_length=120, default="GitLab")
    image_node_label = models.CharField(_("node that makes images"), max_length=128, blank=True)
    """Makes and pushes images from what a component's node built, so that only it has registry credentials."""
    build_deadline_seconds = models.PositiveIntegerField(
        _("build deadline (seconds)"), default=3600, validators=[MinValueValidator(10)]
    )

    queue_deadline_seconds = models.PositiveIntegerField(
        _("queue deadline (seconds)"), default=1800, validators=[MinValueValidator(10)]
    )
    quiet_period_seconds = models.PositiveSmallIntegerField(
        _("quiet period (seconds)"), default=1, validators=[MaxValueValidator(60)]
    )
    """How long a request waits in the queue: one that a proxy repeats meanwhile meets the first and adds nothing."""
    claims = models.BooleanField(_("builds ask the platform first"), default=True)
    """Whether builds can call us: then only one run of a request gets its claim. Without it there is no such fence."""
    claim_wait_seconds = models.PositiveSmallIntegerField(
        _("wait for a claim (seconds)"), default=30, validators=[MinValueValidator(1), MaxValueValidator(600)]
    )

    jobs = models.TextField(_("jobs for projects"), blank=True, default="* **")
    """Which project may start which job, a line each; see ``components.offers``. Empty: nobody starts any."""
    nodes = models.TextField(_("nodes for projects"), blank=True, default="* *")
    """Which project may build on which node, likewise."""

    class Meta:
        ordering = ["slug"]


class GitServer(AbstractServer):
    """A Git host we may read from, found by the host (and port) of a component's URL."""

    kind = ServerKind.GIT
    unique_field = "host"
    host = models.CharField(_("host[:port]"), max_length=253, unique=True)
    allow_http = models.BooleanField(_("plain http allowed"), default=False)
    username = models.CharField(_("user name"), max_length=120, blank=True)
    password = EncryptedTextField(_("password or token"), blank=True, default="")
    ssh_key = EncryptedTextField(_("SSH key"), blank=True, default="")
    repositories = models.TextField(_("repositories for projects"), blank=True, default="* **")
    """Which project may read which path, a line each; see ``components.offers``. Empty: nobody reads anything."""

    class Meta:
        ordering = ["host"]

    def __str__(self) -> str:
        return self.host


class ImageRegistry(AbstractServer):
    """Where images live: ``address`` begins every image name (HARBOR_ADDRESS)."""

    kind = ServerKind.REGISTRY
    slug = models.CharField(_("short name"), max_length=63, unique=True, validators=[SLUG])
    address = models.CharField(_("address (host[:port])"), max_length=253)
    url = models.CharField(_("API URL"), max_length=300)
    username = models.CharField(_("user name"), max_length=120, blank=True)
    password = EncryptedTextField(_("password or token"), blank=True, default="")
    credentials_version = models.UUIDField(default=uuid.uuid4, editable=False)
    """Another one whenever address or credentials changed: by it the spaces that pull from here are due."""

    class Meta:
        ordering = ["slug"]


class Toolchain(models.Model):
    """Which Jenkins builds a project and which registry keeps its images."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="toolchain", verbose_name=_("project")
    )
    jenkins = models.ForeignKey(JenkinsServer, on_delete=models.PROTECT, verbose_name="Jenkins")
    registry = models.ForeignKey(ImageRegistry, on_delete=models.PROTECT, verbose_name=_("image registry"))

    def __str__(self) -> str:
        return f"{self.project.slug}: {self.jenkins.slug}, {self.registry.slug}"


class ServerTest(ConnectionTest):
    """A connection test of a Jenkins, Git or registry server."""

    kind = models.CharField(max_length=20, choices=ServerKind.choices)
    jenkins = models.ForeignKey(JenkinsServer, on_delete=models.CASCADE, null=True, related_name="tests")
    git = models.ForeignKey(GitServer, on_delete=models.CASCADE, null=True, related_name="tests")
    registry = models.ForeignKey(ImageRegistry, on_delete=models.CASCADE, null=True, related_name="tests")
    subject = models.CharField(max_length=300, blank=True)
    """What to try: a job name, a repository URL."""

    class Meta(ConnectionTest.Meta):
        abstract = False
        constraints = [
            models.CheckConstraint(
                name="a_server_test_has_one_target_of_its_kind",
                condition=models.Q(kind="jenkins", jenkins__isnull=False, git=None, registry=None)
                | models.Q(kind="git", git__isnull=False, jenkins=None, registry=None)
                | models.Q(kind="registry", registry__isnull=False, jenkins=None, git=None),
            )
        ]
