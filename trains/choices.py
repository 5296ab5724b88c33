"""Closed sets of a train."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class TrainState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("train", "draft")
    RUNNING = "running", pgettext_lazy("train", "running")
    PAUSED = "paused", pgettext_lazy("train", "paused")
    DONE = "done", pgettext_lazy("train", "done")
    ROLLED_BACK = "rolled_back", pgettext_lazy("train", "rolled back")


class MemberState(models.TextChoices):
    """Of one order in its train; what a waiting one waits for is the gates' answer and never stored."""

    WAITING = "waiting", _("waiting")
    DEPLOYING = "deploying", _("being deployed")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    SKIPPED = "skipped", _("skipped")


SIGNS: dict[str, str] = {
    TrainState.DRAFT: "waiting",
    TrainState.RUNNING: "running",
    TrainState.PAUSED: "blocked",
    TrainState.DONE: "succeeded",
    TrainState.ROLLED_BACK: "cancelled",
}
"""The state that icon and colour of a train are taken from."""
ENDED = frozenset({TrainState.DONE, TrainState.ROLLED_BACK})
"""What goes no further by itself."""
OVER = frozenset({MemberState.SUCCEEDED, MemberState.SKIPPED})
"""What lets the next ones go on."""
