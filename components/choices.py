"""Closed sets of the components app."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TemplateKind(models.TextChoices):
    DOCKERFILE = "dockerfile", _("Dockerfile")
    BOOTSTART = "bootstart", _("BootStart file")
    DEPLOYMENT = "deployment", _("deployment template")
    SERVICE = "service", _("service template")


class EntryKind(models.TextChoices):
    """What an entry check asks."""

    EVERYWHERE = "everywhere", _("as in every environment")
    NONE = "none", _("nothing: ready pods are enough")
    SERVICE = "service", _("a port of its Service, through the API server")
    URL = "url", _("a URL")


class ServerKind(models.TextChoices):
    JENKINS = "jenkins", "Jenkins"
    GIT = "git", "Git"
    REGISTRY = "registry", _("image registry")
