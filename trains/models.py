"""A train, its orders, and the run that takes it further."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.recording import Subject
from components.naming import short_code
from environments.models import Space
from foundation.messages import MessageField
from foundation.runs.models import Run, run_indexes
from releases.choices import TestVerdict
from releases.models import Deployment, ReleaseOrder, Turn
from releases.models.written import WrittenText
from trains.choices import MemberState, TrainState

MOST_WAVES = 20


class Train(models.Model):
    """Orders of one project that go to one space, wave after wave. Its row is the first lock of every act on it."""

    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="trains")
    name = models.CharField(_("name"), max_length=100)
    state = models.CharField(max_length=12, choices=TrainState.choices, default=TrainState.DRAFT, editable=False)
    test_verdict = models.CharField(max_length=12, choices=TestVerdict.choices, blank=True)
    """The word with which it promotes what nobody promoted before; empty: it promotes nothing that asks for one."""
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    """Why it is paused."""
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    """As whom it promotes and deploys: the person who started it last."""
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="only_a_draft_was_started_by_nobody",
                condition=Q(state="draft", started_by=None) | ~Q(state="draft") & Q(started_by__isnull=False),
            ),
            models.CheckConstraint(
                name="only_a_train_that_is_over_has_ended",
                condition=Q(state__in=["done", "rolled_back"], ended_at__isnull=False)
                | ~Q(state__in=["done", "rolled_back"]) & Q(ended_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TrainOrder(models.Model):
    """One order of a train. Those of a wave go together, but for one that waits for another of its wave."""

    train = models.ForeignKey(Train, on_delete=models.CASCADE, related_name="members")
    order = models.OneToOneField(ReleaseOrder, on_delete=models.PROTECT, related_name="train_order")
    wave = models.PositiveSmallIntegerField(
        _("wave"), default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_WAVES)]
    )
    waits_for = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="waited_for_by")
    state = models.CharField(max_length=12, choices=MemberState.choices, default=MemberState.WAITING, editable=False)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    """Why it is skipped."""
    note = MessageField(blank=True)
    """What the last pass was refused with, in the gate's own words; empty once it went on."""
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    """Its place in line, until its deployment is made."""

    class Meta:
        ordering = ["wave", "id"]
        constraints = [
            models.CheckConstraint(name="no_order_waits_for_itself", condition=~Q(waits_for=F("id"))),
            models.CheckConstraint(
                name="what_is_deployed_by_a_train_has_its_deployment",
                condition=~Q(state="deploying") | Q(deployment__isnull=False) | Q(turn__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.train_id} {self.order_id}"

    @property
    def code(self) -> str:
        """The component as people call it."""
        return short_code(self.order.component.name, self.order.project.slug)


class TrainComment(WrittenText):
    """What somebody said of a train."""

    train = models.ForeignKey(Train, on_delete=models.CASCADE, related_name="comments", db_index=False)

    class Meta(WrittenText.Meta):
        abstract = False
        indexes = [models.Index(fields=["train", "-id"], name="comments_of_a_train")]

    def __str__(self) -> str:
        return f"{self.author_id} on {self.train_id}"

    @property
    def audit_subject(self) -> Subject:
        space = self.train.space
        return Subject("traincomment", self.pk, self.train.name, space.project.slug, space.environment.slug)


class TrainRun(Run):
    """Takes its train further: one pass builds, promotes and deploys what may go on now. Parked while nothing may."""

    train = models.OneToOneField(Train, on_delete=models.CASCADE, related_name="run")

    class Meta(Run.Meta):
        abstract = False
        indexes = [*run_indexes("train")]

    def __str__(self) -> str:
        return f"train {self.train_id}"
