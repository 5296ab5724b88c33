"""灾备切换, 灾备演练: what serves in an environment is brought up in its twin, in one act of two people."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from components.models import Component
from environments.models import Space
from foundation.messages import MessageField
from foundation.runs.models import Run, run_indexes
from releases.choices import BackState, DrpKind, DrpMemberState, DrpState
from releases.models.orders import ReleaseOrder

UNDER_WAY = ("asked", "running", "stopped", "returning")


class DrpSwitch(models.Model):
    """A switch or a drill of one project into ``space``, the twin's. Its row is the first lock of every act on it.

    Asked by one person with a reason; a second one confirms it before ``ends_at``, or nothing comes of it.
    """

    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="drp_switches")
    kind = models.CharField(max_length=8, choices=DrpKind.choices)
    state = models.CharField(max_length=12, choices=DrpState.choices, default=DrpState.ASKED, editable=False)
    reason = models.CharField(_("reason"), max_length=500)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    asked_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    """Unconfirmed until then, it lapses."""
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    """Who confirmed, refused or withdrew it."""
    decided_at = models.DateTimeField(null=True, editable=False)
    """When it was confirmed, refused or withdrawn, or had lapsed."""
    returns_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    """As whom a drill is taken back."""
    returns_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    """When the last component served, and of a drill that is taken back when that was done."""
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    reviewed_at = models.DateTimeField(null=True, editable=False)
    review_comment = models.CharField(_("comment"), max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="somebody_else_reviews_a_drp_switch",
                condition=Q(reviewed_at=None, reviewed_by=None)
                | Q(reviewed_at__isnull=False, reviewed_by__isnull=False)
                & ~Q(reviewed_by=F("asked_by"))
                & ~Q(reviewed_by=F("decided_by")),
            ),
            models.UniqueConstraint(
                fields=["space"], condition=Q(state__in=UNDER_WAY), name="one_drp_switch_under_way_in_a_space"
            ),
            models.CheckConstraint(
                name="nobody_confirms_a_drp_switch_of_their_own",
                condition=Q(state="withdrawn") | Q(decided_by=None) | ~Q(decided_by=F("asked_by")),
            ),
            models.CheckConstraint(
                name="what_a_drp_switch_starts_was_confirmed",
                condition=Q(state__in=["asked", "refused", "withdrawn", "expired"]) | Q(decided_by__isnull=False),
            ),
            models.CheckConstraint(
                name="only_a_drill_is_taken_back", condition=Q(kind="drill") | Q(returns_at=None, returns_by=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class DrpMember(models.Model):
    """One component of it: the order that served in the sibling when it was asked for, and how far that is here."""

    switch = models.ForeignKey(DrpSwitch, on_delete=models.CASCADE, related_name="members")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="drp_members")
    wave = models.PositiveSmallIntegerField(_("wave"))
    state = models.CharField(
        max_length=12, choices=DrpMemberState.choices, default=DrpMemberState.WAITING, editable=False
    )
    note = MessageField(blank=True)
    """Why it failed, or what it waits for, in the gate's own words."""
    deployment = models.ForeignKey(
        "releases.Deployment", on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    before = models.ForeignKey(
        "releases.Deployment", on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    """What had succeeded here last as its deployment was made; None: nothing."""
    back_state = models.CharField(max_length=12, choices=BackState.choices, blank=True, editable=False)
    back = models.ForeignKey(
        "releases.Deployment", on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    """What takes it back: a roll back, or the removal of what was not here before."""
    back_note = MessageField(blank=True)

    class Meta:
        ordering = ["wave", "id"]
        constraints = [
            models.UniqueConstraint(fields=["switch", "component"], name="one_member_per_component_of_a_drp_switch"),
            models.CheckConstraint(
                name="what_a_drp_switch_brings_up_has_its_deployment",
                condition=~Q(state__in=["deploying", "serves"]) | Q(deployment__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.switch_id} {self.component_id}"


class DrpRun(Run):
    """Takes a switch further: lets it lapse, starts its waves, follows them, and takes a drill back."""

    switch = models.OneToOneField(DrpSwitch, on_delete=models.CASCADE, related_name="run")

    class Meta(Run.Meta):
        abstract = False
        indexes = [*run_indexes("drp")]

    def __str__(self) -> str:
        return f"drp {self.switch_id}"
