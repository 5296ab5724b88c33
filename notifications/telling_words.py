"""One thing that people are told, and how it names orders, places and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse

from accounts.models import User
from environments.models import Space
from foundation.messages import MessageLike
from notifications.choices import NoticeKind
from notifications.heard import Heard
from notifications.selectors.preferences import watchers_of
from releases.models import ReleaseOrder, Review

MOST_QUOTED = 300
"""Characters of what somebody said."""


@dataclass(frozen=True)
class Told:
    """One thing that some people are told; who did it is never told of their own act.

    ``key`` is what it is of: nobody is told of that twice. Empty: of this very event.
    """

    kind: NoticeKind
    people: Sequence[User]
    message: MessageLike
    path: str
    detail: MessageLike = ""
    key: str = ""
    is_of_order: bool = False
    """What happens to the order, of which its author is told: those who watch it are told as well."""
    is_own: bool = False
    """The end of a run, that those who began it are told of."""

    def key_of(self, heard: Heard) -> str:
        """What nobody is told of twice."""
        return f"{self.kind}:{self.key or heard.event}"


def what_of(order: ReleaseOrder) -> str:
    return f"{order.component.name} {order.short_name}"


def order_page(order: ReleaseOrder) -> str:
    return reverse("releases:order", args=[order.number])


def review_page(order: ReleaseOrder, space: Space) -> str:
    return reverse("releases:review", args=[order.number, space.environment.slug])


def removal_page(order: ReleaseOrder, space: Space) -> str:
    return reverse("releases:remove", args=[order.project.slug, order.component.slug, space.environment.slug])


def roll_back_page(order: ReleaseOrder, space: Space, asked: Review) -> str:
    """With the deployment chosen that would bring back what was asked for (:func:`newest_asks`)."""
    path = reverse("releases:roll-back", args=[order.project.slug, order.component.slug, space.environment.slug])
    return f"{path}?to={asked.target}"  # type: ignore[attr-defined]  # of the query


def about_of(order: ReleaseOrder, space: Space | None = None, **more: object) -> dict[str, Any]:
    return {"what": what_of(order), **({"place": space.environment.label} if space else {}), **more}


def once(*people: User | None) -> list[User]:
    return list({person.pk: person for person in people if person is not None}.values())


def with_watchers(order: ReleaseOrder | None, found: Sequence[Told]) -> list[Told]:
    """The same, told to those who watch the order as well where it happens to the order: one query at most."""
    if order is None or not any(one.is_of_order for one in found):
        return list(found)
    watchers = watchers_of(order)
    return [replace(one, people=once(*one.people, *watchers)) if one.is_of_order else one for one in found]
