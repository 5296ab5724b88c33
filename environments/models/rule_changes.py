"""A change that loosens a rule of production, between its proposal and its end."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from audit.recording import Subject
from environments.choices import RuleChangeState
from environments.models.places import Environment, Space


class RuleChange(models.Model):
    """Of one space's policy, one environment's place in the flow, or one project's pattern; it never changes itself."""

    space = models.ForeignKey(Space, on_delete=models.PROTECT, null=True, related_name="rule_changes")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, null=True, related_name="rule_changes")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, related_name="rule_changes")
    state = models.CharField(
        _("state"), max_length=12, choices=RuleChangeState.choices, default=RuleChangeState.PROPOSED
    )
    before = models.JSONField(default=dict)
    """Plain values by field, as they were when it was proposed."""
    after = models.JSONField(default=dict)
    """The same fields as they are wanted."""
    reason = models.CharField(_("reason"), max_length=500)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True)
    is_by_shell = models.BooleanField(default=False)
    """Nobody else was left: who has a shell on a machine of the platform was the second person."""

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="a_rule_change_is_of_one_thing",
                condition=Q(space__isnull=False, environment=None, project=None)
                | Q(space=None, environment__isnull=False, project=None)
                | Q(space=None, environment=None, project__isnull=False),
            ),
            models.CheckConstraint(
                name="a_rule_change_is_decided_once_it_ended",
                condition=Q(state="proposed", decided_at=None) | (~Q(state="proposed") & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="two_persons_put_a_rule_change_in_force",
                condition=~Q(state="in_force")
                | Q(is_by_shell=True, decided_by=None)
                | (Q(is_by_shell=False, decided_by__isnull=False) & ~Q(decided_by=F("proposed_by"))),
            ),
            *(
                models.UniqueConstraint(
                    fields=[of], condition=Q(state="proposed"), name=f"one_rule_change_waits_per_{of}"
                )
                for of in ("space", "environment", "project")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}"

    @staticmethod
    def naming(subject: Space | Environment | Project) -> dict[str, Space | Environment | Project]:
        """The one column that names the subject, with it: to filter by and to create with."""
        return {{Space: "space", Environment: "environment", Project: "project"}[type(subject)]: subject}

    @property
    def subject(self) -> Space | Environment | Project:
        """Whose rule it is."""
        found: Any = self.space or self.environment or self.project
        return found  # type: ignore[no-any-return]  # the constraint above: one of them is there

    @property
    def audit_subject(self) -> Subject:
        of = self.subject.audit_subject
        return Subject("rule_change", self.pk, of.name, of.project, of.environment)
