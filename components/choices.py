"""Closed sets of the components' room."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TemplateKind(models.TextChoices):
    DOCKERFILE = "dockerfile", _("Dockerfile")
    BOOTSTART = "bootstart", _("BootStart file")
    DEPLOYMENT = "deployment", _("deployment template")
    SERVICE = "service", _("service template")


class ServerKind(models.TextChoices):
    JENKINS = "jenkins", "Jenkins"
    GIT = "git", "Git"
    REGISTRY = "registry", _("image registry")
