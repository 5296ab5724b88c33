"""Who holds which role, where and how long."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import SLUG, Project, User, in_language
from audit.recording import Subject
from environments.choices import Role
from environments.models.places import Environment
from foundation.clock import PARKED


class Group(models.Model):
    """People under one name, in the whole site: a role that the group holds is held by each of them."""

    slug = models.CharField(_("short name"), max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(_("name"), max_length=120)
    name_en = models.CharField(_("name in English"), max_length=120, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def audit_subject(self) -> Subject:
        return Subject("group", self.pk, self.slug)

    @property
    def shown_name(self) -> str:
        """The name in the reader's language."""
        return in_language(self.name, self.name_en)


class GroupMember(models.Model):
    """One person in a group, since when and by whom."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="group_members")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["user__username"]
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="one_person_is_once_in_a_group")]

    def __str__(self) -> str:
        return f"{self.group.slug} {self.user.username}"


class Membership(models.Model):
    """A role held everywhere (project null), in a project, or in one environment of it, for a time.

    Somebody holds it, or a group does: then each of its people.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("person"),
    )
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships", verbose_name=_("group")
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
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["user__username", "group__slug", "role"]
        constraints = [
            models.CheckConstraint(
                name="a_person_or_a_group_holds_a_membership",
                condition=Q(user__isnull=False, group=None) | Q(user=None, group__isnull=False),
            ),
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
                Coalesce("user", 0, output_field=models.BigIntegerField()),
                Coalesce("group", 0, output_field=models.BigIntegerField()),
                "role",
                Coalesce("project", 0, output_field=models.BigIntegerField()),
                Coalesce("environment", 0, output_field=models.BigIntegerField()),
                Coalesce("ends_at", PARKED, output_field=models.DateTimeField()),
                name="one_membership_per_role_place_and_end",
                violation_error_message=_("This role is held there already, for the same time."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder_name} {self.role}"

    @property
    def holder(self) -> User | Group:
        """Who holds it: a person, or a group."""
        found: User | Group | None = self.user or self.group
        assert found is not None, "by the constraint above"
        return found

    @property
    def holder_name(self) -> str:
        """The short name of who holds it."""
        return self.user.username if self.user else self.group.slug if self.group else ""

    @property
    def audit_subject(self) -> Subject:
        return Subject(
            "membership",
            self.pk,
            f"{self.holder_name} {self.role}",
            self.project.slug if self.project else "",
            self.environment.slug if self.environment else "",
        )
