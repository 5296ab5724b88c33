"""The release order, its numbered events and its comments."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from components.models import BaseImage, Component, ComponentSettings, TemplateVersion
from releases.choices import ClosedReason, OrderState

NUMBER = r"\AK8S[0-9]{14}[A-Z]{2}\Z"


class ReleaseOrder(models.Model):
    """One request to carry one commit of one component through the environments.

    ``number`` is also the image tag, a label of every pod and the key of the audit. ``state`` changes only in
    ``releases.transitions``. ``last_seq`` numbers its events without gaps, under this row's lock.
    """

    number = models.CharField(_("order number"), max_length=20, unique=True, validators=[RegexValidator(NUMBER)])
    component = models.ForeignKey(
        Component, on_delete=models.PROTECT, related_name="orders", verbose_name=_("component")
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="orders", verbose_name=_("project"))
    branch = models.CharField(_("branch"), max_length=200, db_index=True)
    description = models.TextField(_("description"), blank=True)
    change_ticket = models.CharField(_("change ticket"), max_length=80, blank=True)
    changes_database = models.BooleanField(_("changes the database"), default=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders", verbose_name=_("author")
    )
    repeat_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="repeats")

    state = models.CharField(
        _("state"), max_length=20, choices=OrderState.choices, default=OrderState.CREATED, editable=False
    )
    closed_reason = models.CharField(max_length=20, choices=ClosedReason.choices, blank=True, editable=False)
    closed_note = models.CharField(max_length=500, blank=True, editable=False)

    # Frozen by the first build.
    commit = models.CharField(_("commit"), max_length=40, blank=True, editable=False)
    settings = models.ForeignKey(
        ComponentSettings, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    dockerfile = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    bootstart = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    base_image = models.ForeignKey(BaseImage, on_delete=models.PROTECT, null=True, related_name="+", editable=False)

    # Written once, by the build that succeeded.
    image = models.CharField(_("image"), max_length=400, blank=True, editable=False)
    image_digest = models.CharField(_("digest"), max_length=80, blank=True, editable=False)
    built_at = models.DateTimeField(null=True, editable=False)

    last_seq = models.PositiveIntegerField(default=0, editable=False)
    last_event_at = models.DateTimeField(null=True, db_index=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(_("last modified"), auto_now=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="orders_by_project"),
            models.Index(fields=["component", "-id"], name="orders_by_component"),
            models.Index(fields=["author", "-id"], name="orders_by_author"),
            models.Index(fields=["state", "-id"], name="orders_by_state"),
            models.Index(fields=["component", "commit"], name="orders_by_commit"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def short_name(self) -> str:
        """``MMDD-hhmm·CK``: how people say it aloud."""
        return f"{self.number[7:11]}-{self.number[11:15]}·{self.number[-2:]}"

    @property
    def image_tag(self) -> str:
        """The tag is the order number."""
        return self.number

    @property
    def image_by_digest(self) -> str:
        """What is deployed: never a tag."""
        return f"{self.image}@{self.image_digest}"


class OrderEvent(models.Model):
    """What happened to an order, numbered from 1 without gaps: what its page draws and a browser replays."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        ordering = ["order", "seq"]
        constraints = [models.UniqueConstraint(fields=["order", "seq"], name="one_event_per_seq")]

    def __str__(self) -> str:
        return f"{self.order_id}#{self.seq} {self.kind}"


class Comment(models.Model):
    """What somebody said on an order's page."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("comment"), max_length=4000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.author.username}: {self.text[:40]}"
