"""Templates and the base images that components stand on. Everything an order names is a version and stays."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from audit.recording import Subject
from components.choices import TemplateKind
from components.models.versions import Version


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
    def audit_subject(self) -> Subject:
        return Subject("base_image", self.pk, str(self))

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

    @property
    def audit_subject(self) -> Subject:
        return Subject("template", self.pk, self.name, self.project.slug if self.project else "")


class TemplateVersion(Version):
    """One published text of a template; never changed."""

    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    body = models.TextField(_("text"))

    class Meta(Version.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="one_template_version_per_number")]

    def __str__(self) -> str:
        return f"{self.template.name} v{self.number}"
