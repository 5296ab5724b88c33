"""Closed sets of the people's room."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Theme(models.TextChoices):
    SYSTEM = "system", _("as the system")
    LIGHT = "light", _("light")
    DARK = "dark", _("dark")


class Scope(models.TextChoices):
    """What a token may do: never more than its owner."""

    READ = "read", _("read")
    BUILD = "build", _("create and build orders")
    PROMOTE = "promote", _("promote and return")
    DEPLOY = "deploy", _("review, approve, deploy, roll back")
    ADMIN = "admin", _("settings and administration")
