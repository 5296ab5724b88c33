"""One order that waits for somebody in one space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.urls import reverse

from accounts.models import User
from components.naming import short_code
from environments.models import Space
from foundation.messages import MessageLike
from releases.models import ReleaseOrder, ScaleRequest

MOST = 100
"""So many of a kind are found; where there are more, a count says "100+"."""
BATCH = 200
"""So many candidates are read at once."""

RowT = TypeVar("RowT", bound=Model)


def in_batches(rows: QuerySet[RowT]) -> Iterator[list[RowT]]:
    """Read as far as somebody asks, of which nearly everybody needs one batch."""
    start = 0
    while batch := list(rows[start : start + BATCH]):
        yield batch
        start += BATCH
        if len(batch) < BATCH:
            return


@dataclass(frozen=True)
class Wait:
    """``since`` when it waits for this person, and ``why``; ``by``: who sent it there, None for its own build."""

    order: ReleaseOrder
    space: Space
    since: datetime
    why: MessageLike = ""
    by: User | None = None
    review_id: int = 0
    snapshot_id: int = 0
    has_problems: bool = False
    """Its review found problems: they are read before anything is deployed."""
    name_zh: str = ""
    """The component's, as the order froze it."""
    is_removal: bool = False
    """That the component goes from the space; ``order`` is the one that stands there."""

    scale: ScaleRequest | None = None
    """That what stands there gets another number of pods."""

    roll_back_to: int = 0
    """That this earlier deployment, of ``order``, is gone back to."""

    @property
    def key(self) -> str:
        """What an address says of it: ``K8S…@prd``."""
        return f"{self.order.number}@{self.space.environment.slug}{self._kind}"

    @property
    def _kind(self) -> str:
        if self.roll_back_to:
            return ":back"
        return ":remove" if self.is_removal else ":scale" if self.scale else ""

    @property
    def url(self) -> str:
        """The page where it is decided."""
        if self.scale:
            return reverse("releases:scale-request", args=[self.scale.pk])
        slug = self.space.environment.slug
        names = [self.order.project.slug, self.order.component.slug, slug]
        if self.roll_back_to:
            return f"{reverse('releases:roll-back', args=names)}?to={self.roll_back_to}"
        if self.is_removal:
            return reverse("releases:remove", args=names)
        return reverse("releases:review", args=[self.order.number, slug])

    @property
    def code(self) -> str:
        """The component as people call it."""
        return short_code(self.order.component.name, self.order.project.slug)
