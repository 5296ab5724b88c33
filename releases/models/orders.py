"""The release order, its numbered events and its comments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from audit.recording import Subject
from components.models import BaseImage, Component, ComponentSettings, TemplateVersion
from releases.choices import ClosedReason, OrderSource, OrderState

NUMBER = r"\AK8S[0-9]{14}[A-Z]{2}\Z"


def short_number(number: str) -> str:
    """``MMDD-hhmm·CK``: how people say an order's number aloud."""
    return f"{number[7:11]}-{number[11:15]}·{number[-2:]}"


class ReleaseOrder(models.Model):
    """One request to carry one commit of one component through the environments.

    ``number`` is also the image tag, a label of every pod and the key of the audit. ``state`` changes only in
    ``releases.transitions``. What every event changes is in :class:`OrderFeed`, whose row is also the order's lock.
    """

    number = models.CharField(_("order number"), max_length=20, validators=[RegexValidator(NUMBER)])
    component = models.ForeignKey(
        Component, on_delete=models.PROTECT, related_name="orders", verbose_name=_("component"), db_index=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="orders", verbose_name=_("project"), db_index=False
    )
    branch = models.CharField(_("branch"), max_length=200)
    source = models.CharField(
        _("source"), max_length=10, choices=OrderSource.choices, default=OrderSource.BRANCH, editable=False
    )
    git_tag = models.CharField(_("Git tag"), max_length=200, blank=True, editable=False)
    description = models.TextField(_("description"), blank=True)
    change_ticket = models.CharField(_("change ticket"), max_length=80, blank=True)
    changes_database = models.BooleanField(_("changes the database"), default=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="orders",
        verbose_name=_("author"),
        db_index=False,
    )
    repeat_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="repeats", db_index=False)

    state = models.CharField(
        _("state"), max_length=20, choices=OrderState.choices, default=OrderState.CREATED, editable=False
    )
    closed_reason = models.CharField(max_length=20, choices=ClosedReason.choices, blank=True, editable=False)
    closed_note = models.CharField(max_length=500, blank=True, editable=False)

    # Frozen by the first build; the commit of a Git tag, or one that was chosen, when the order is created.
    commit = models.CharField(_("commit"), max_length=40, blank=True, editable=False)
    component_settings = models.ForeignKey(
        ComponentSettings, on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    dockerfile = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    bootstart = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    base_image = models.ForeignKey(
        BaseImage, on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )

    # Written once, by the build that succeeded.
    image = models.CharField(_("image"), max_length=400, blank=True, editable=False)
    image_digest = models.CharField(_("digest"), max_length=80, blank=True, editable=False)
    built_at = models.DateTimeField(null=True, editable=False)

    to_test_since = models.DateTimeField(null=True, editable=False)
    """Since when it waits to be promoted on (``releases.going_on``); inboxes find it by this."""

    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]
        # Lists page by id. Keys have no index of their own where one below begins with them, or where nothing is
        # found by them; a unique=True would add a second index for LIKE, which no query uses.
        indexes = [
            models.Index(fields=["branch"], name="orders_by_branch"),
            models.Index(fields=["git_tag"], name="orders_by_git_tag"),
            models.Index(fields=["project", "-id"], name="orders_by_project"),
            models.Index(fields=["component", "-id"], name="orders_by_component"),
            models.Index(fields=["author", "-id"], name="orders_by_author"),
            models.Index(fields=["state", "-id"], name="orders_by_state"),
            models.Index(fields=["component", "commit"], name="orders_by_commit"),
            models.Index(
                fields=["project", "to_test_since"],
                condition=models.Q(to_test_since__isnull=False),
                name="orders_to_test",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["number"], name="one_order_per_number"),
            models.CheckConstraint(
                name="only_a_closed_order_has_a_reason_of_closing",
                condition=models.Q(state="closed") & ~models.Q(closed_reason="")
                | ~models.Q(state="closed") & models.Q(closed_reason=""),
            ),
            models.CheckConstraint(
                name="an_order_of_a_git_tag_names_it",
                condition=models.Q(source="git_tag") & ~models.Q(git_tag="")
                | ~models.Q(source="git_tag") & models.Q(git_tag=""),
            ),
            models.CheckConstraint(
                name="an_order_of_a_tag_or_commit_has_its_commit",
                condition=models.Q(source="branch") | ~models.Q(commit=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new order comes with its feed, in one transaction: there is always a row to lock."""
        is_new = self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new:
                OrderFeed.objects.create(order_id=self.pk)

    @property
    def last_seq(self) -> int:
        """The number of its last event."""
        return self.feed.last_seq

    @property
    def changed_at(self) -> datetime:
        """Last modified: when somebody, or a run, last did something to it."""
        return self.feed.last_event_at

    @property
    def has_fixed_commit(self) -> bool:
        """Made from a Git tag or a commit: no other commit is built, also after branch or tag have moved."""
        return self.source != OrderSource.BRANCH

    @property
    def made_from(self) -> str:
        """What people call it: the Git tag with its branch, or the branch."""
        return f"{self.git_tag} ({self.branch})" if self.git_tag else self.branch

    @property
    def source_icon(self) -> str:
        """The sign before :attr:`made_from`."""
        return {"git_tag": "tag", "commit": "git-commit"}.get(self.source, "git-branch")

    @property
    def short_name(self) -> str:
        """``MMDD-hhmm·CK``: how people say it aloud."""
        return short_number(self.number)

    @property
    def image_tag(self) -> str:
        """The tag is the order number."""
        return self.number

    @property
    def image_by_digest(self) -> str:
        """What is deployed: never a tag."""
        return f"{self.image}@{self.image_digest}"


class OrderFeed(models.Model):
    """What every event of an order changes, in a narrow row of its own, and the lock of the order.

    A transaction that writes to an order, its runs or its events locks this row first (``releases.locks``), so that
    ``last_seq`` numbers events from 1 without gaps. Nothing here is indexed but the key: an update writes one small
    row and, on PostgreSQL, no index. ``last_event_at`` leaves out what pods do by themselves once they are deployed.
    """

    order = models.OneToOneField(ReleaseOrder, on_delete=models.CASCADE, primary_key=True, related_name="feed")
    last_seq = models.PositiveIntegerField(default=0, editable=False)
    last_event_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"{self.order_id}#{self.last_seq}"


class OrderEvent(models.Model):
    """What happened to an order, numbered from 1 without gaps: what its page draws and a browser replays."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        ordering = ["order", "seq"]
        constraints = [models.UniqueConstraint(fields=["order", "seq"], name="one_event_per_seq")]
        # What happened lately, whichever order it happened to: readers poll for it.
        indexes = [models.Index(fields=["at"], name="events_by_moment")]

    def __str__(self) -> str:
        return f"{self.order_id}#{self.seq} {self.kind}"


class Comment(models.Model):
    """What somebody said on an order's page."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    text = models.TextField(_("comment"), max_length=4000)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.author.username}: {self.text[:40]}"

    @property
    def audit_subject(self) -> Subject:
        return Subject("comment", self.pk, self.order.number, self.order.project.slug)
