"""Closed sets of the environments app."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The brief's letters D T O P A U, G for a grant, and the right of break-glass, which no other role includes."""

    DEVELOPER = "developer", _("developer")
    TESTER = "tester", _("tester")
    OPERATIONS = "operations", _("operations")
    PROJECT_ADMIN = "project_admin", _("project administrator")
    PLATFORM_ADMIN = "platform_admin", _("platform administrator")
    AUDITOR = "auditor", _("auditor")
    GRANT = "grant", _("grant")
    BREAK_GLASS = "break_glass", _("break-glass")


SITE_ROLES = frozenset({Role.PLATFORM_ADMIN, Role.AUDITOR})
"""Roles that have no project."""
PLACED_ROLES = frozenset({Role.DEVELOPER, Role.TESTER, Role.OPERATIONS, Role.GRANT, Role.BREAK_GLASS})
"""Roles that may be held in one environment only."""


class FreezeKind(models.TextChoices):
    """What days a freeze is of."""

    ONCE = "once", _("once")
    WEEKLY = "weekly", _("each week")
    DATES = "dates", _("on the dates of a calendar")


class RuleChangeState(models.TextChoices):
    """A proposal ends once; it lapses a day after it was made, decided by nobody."""

    PROPOSED = "proposed", _("waits for a second person")
    IN_FORCE = "in_force", _("in force")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", _("withdrawn")
    EXPIRED = "expired", _("lapsed")
