"""How an audited act ended."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Outcome(models.TextChoices):
    """``refused`` acts changed nothing and are recorded all the same."""

    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")
