"""封网, 发布窗口: times at which nothing is deployed, or only then; and the calendars whose dates they go by."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from audit.recording import Subject
from environments.choices import FreezeKind
from environments.models.places import Environment, Space
from environments.windows import Span, Window


class DayCalendar(models.Model):
    """Dates under a name, as they were uploaded; another upload is another calendar."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, related_name="calendars")
    """None: of the site, for freezes of anybody."""
    name = models.CharField(_("name"), max_length=80)
    dates = models.JSONField(default=list)
    """ISO dates, sorted."""
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_subject(self) -> Subject:
        return Subject("calendar", self.pk, self.name, self.project.slug if self.project else "")


class Freeze(models.Model):
    """It never changes: another one takes its place. Whether it is in force follows from its window and the clock."""

    name = models.CharField(_("name"), max_length=80)
    reason = models.CharField(_("reason"), max_length=500)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, related_name="freezes", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, null=True, related_name="freezes", db_index=False)
    """Neither: of the whole site."""
    is_window = models.BooleanField(_("release window"), default=False)
    """The other way round: deployments only while its window, or another one of the place, is open."""
    only_production = models.BooleanField(_("only production"), default=True)
    kind = models.CharField(_("kind"), max_length=10, choices=FreezeKind.choices)
    zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    begins_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    weekdays = models.JSONField(default=list)
    """0 is Monday."""
    opens = models.TimeField(_("from"), null=True)
    closes = models.TimeField(_("until"), null=True)
    calendar = models.ForeignKey(DayCalendar, on_delete=models.PROTECT, null=True, related_name="freezes")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    end_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    """Who wants it to end over production; a second person says so within a day."""
    end_asked_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="a_freeze_is_of_a_project_or_a_space_or_neither", condition=Q(project=None) | Q(space=None)
            ),
            models.CheckConstraint(
                name="a_freeze_has_its_window",
                condition=Q(kind="once", begins_at__isnull=False, ends_at__gt=F("begins_at"))
                | (
                    Q(kind__in=["weekly", "dates"], opens__isnull=False, closes__isnull=False)
                    & (Q(kind="weekly") | Q(calendar__isnull=False))
                ),
            ),
            models.CheckConstraint(
                name="a_second_person_ends_what_somebody_asked_to_end",
                condition=Q(ended_by=None) | Q(end_asked_by=None) | ~Q(ended_by=F("end_asked_by")),
            ),
        ]
        indexes = [models.Index(fields=["project"], condition=Q(ended_at=None), name="freezes_not_ended")]

    def __str__(self) -> str:
        return self.name

    @property
    def window(self) -> Window:
        """Its times; one on dates needs its calendar with it."""
        if self.kind == FreezeKind.ONCE:
            assert self.begins_at is not None and self.ends_at is not None
            return Window(once=Span(self.begins_at, self.ends_at))
        assert self.opens is not None and self.closes is not None
        days = frozenset(self.weekdays) if self.kind == FreezeKind.WEEKLY else frozenset[int]()
        listed = self.calendar.dates if self.calendar else []
        dates = frozenset(date.fromisoformat(one) for one in listed)
        return Window(zone=self.zone, opens=self.opens, closes=self.closes, weekdays=days, dates=dates)

    def is_over(self, space: Space) -> bool:
        """Whether it is of this space, at any time."""
        if self.space_id is not None:
            return self.space_id == space.pk
        is_there = self.project_id in (None, space.project_id)
        return is_there and (not self.only_production or space.environment.is_production)

    @property
    def whose(self) -> Project | None:
        """The project whose rule it is; None for the site's."""
        return self.space.project if self.space else self.project

    @property
    def place(self) -> Environment | None:
        """The environment, of a freeze of one space."""
        return self.space.environment if self.space else None

    @property
    def audit_subject(self) -> Subject:
        project = self.whose
        return Subject(
            "freeze", self.pk, self.name, project.slug if project else "", self.place.slug if self.place else ""
        )
