"""Who holds which role, where and how long."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from audit.recording import Subject
from environments.choices import Role
from environments.models.places import Environment
from foundation.clock import PARKED


class Membership(models.Model):
    """A role somebody holds: everywhere (project null), in a project, or in one environment of it, for a time."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships", verbose_name=_("project")
    )
    environment = models.ForeignKey(
        Environment,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("environment"),
    )
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="grants_given"
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username", "role"]
        constraints = [
            models.CheckConstraint(
                name="site_roles_have_no_project",
                condition=Q(role__in=["platform_admin", "auditor"], project=None, environment=None)
                | (~Q(role__in=["platform_admin", "auditor"]) & Q(project__isnull=False)),
            ),
            models.CheckConstraint(
                name="a_grant_has_environment_and_end",
                condition=~Q(role="grant") | Q(environment__isnull=False, ends_at__isnull=False),
            ),
            models.CheckConstraint(
                name="a_membership_ends_after_it_starts",
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
            ),
            # Expressions, because a null is distinct from every other null and SQLite knows no NULLS NOT DISTINCT.
            models.UniqueConstraint(
                "user",
                "role",
                Coalesce("project", 0, output_field=models.BigIntegerField()),
                Coalesce("environment", 0, output_field=models.BigIntegerField()),
                Coalesce("ends_at", PARKED, output_field=models.DateTimeField()),
                name="one_membership_per_role_place_and_end",
                violation_error_message=_("This person holds this role there already, for the same time."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user.username} {self.role}"

    @property
    def audit_subject(self) -> Subject:
        return Subject(
            "membership",
            self.pk,
            f"{self.user.username} {self.role}",
            self.project.slug if self.project else "",
            self.environment.slug if self.environment else "",
        )
