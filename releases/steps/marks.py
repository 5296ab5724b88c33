"""Deployment marks on objects that this database does not know."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.interfaces import Manifest
from deployer.manifests import DeploymentMark, mark_of
from foundation.messages import Message
from foundation.messages import message as _
from releases.models import Deployment


def is_known(mark: DeploymentMark) -> bool:
    """Whether a deployment of this database bears it."""
    return Deployment.objects.filter(pk=mark.number, epoch=mark.epoch, nonce=mark.nonce).exists()


def unknown_mark(live: Manifest | None, epoch: int) -> DeploymentMark | None:
    """The mark on the object, where no deployment of this database bears it and none of this epoch may replace it.

    What an earlier epoch left behind may be replaced, whether or not this database still knows of it.
    """
    there = mark_of(live)
    if there is None or there.epoch < epoch:
        return None
    return None if is_known(there) else there


def unknown_marks(objects: Sequence[Manifest | None], epoch: int) -> list[DeploymentMark | None]:
    """:func:`unknown_mark` of each, with one question for every mark that is there."""
    found = [mark_of(live) for live in objects]
    strange = {mark for mark in set(found) if mark is not None and mark.epoch >= epoch and not is_known(mark)}
    return [mark if mark in strange else None for mark in found]


def unknown_mark_message(mark: DeploymentMark) -> Message:
    """What it means, and what to do."""
    return _(
        "The cluster has deployment %(number)s, which this database does not know. "
        "If the database was restored from a backup, an operator runs manage.py after_restore.",
        number=mark.number,
    )
