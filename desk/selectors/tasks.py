"""One thing of an inbox, and a pile of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from components.naming import short_code
from environments.models import Environment
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.models import ReleaseOrder
from releases.presenters.acts import panel_url
from releases.waiting import MOST, Wait

MOST_SHOWN = 12
"""So many of each kind are shown."""


@dataclass(frozen=True)
class Task:
    """One thing that waits: an order, where to, since when, what is said of it, and the page where one acts."""

    order: ReleaseOrder
    environment: Environment | None
    at: datetime | None
    state: str
    word: MessageLike
    url: str
    act: MessageLike = ""
    """What one does there, for a button."""
    name_zh: str = ""
    is_about_there: bool = False
    """What stands in ``environment`` already, and nothing that goes to it."""

    @property
    def code(self) -> str:
        """The component as people call it."""
        return short_code(self.order.component.name, self.order.project.slug)


@dataclass(frozen=True)
class Pile:
    """Tasks of one kind; ``found`` may have more than is shown, ``elsewhere`` wait in projects not chosen."""

    found: list[Task] = field(default_factory=list)
    elsewhere: int = 0

    @property
    def tasks(self) -> list[Task]:
        return self.found[:MOST_SHOWN]

    @property
    def number(self) -> int:
        """At most :data:`MOST`."""
        return min(len(self.found), MOST)

    @property
    def count(self) -> str:
        """``3``, or ``100+``."""
        return counted(len(self.found))

    @property
    def hidden(self) -> int:
        """How many more there are than are shown."""
        return self.number - len(self.tasks)


def counted(number: int) -> str:
    """``3``, or ``100+``: nobody counts on."""
    return f"{MOST}+" if number > MOST else str(number)


def to_deploy_task(wait: Wait) -> Task:
    """Where a review is asked for, the page that reviews and deploys; else the order's card with its button.

    What a review found comes first: that page names it.
    """
    slug = wait.space.environment.slug
    act: MessageLike = _("Review and deploy")
    url = wait.url
    if wait.roll_back_to:
        act = _("Roll back")
    elif wait.has_problems:
        act = _("See the problems")
    elif not (wait.space.asks_review or wait.space.approvals):
        act, url = _("Deploy"), panel_url(wait.order.number, slug)
    return Task(wait.order, wait.space.environment, wait.since, "queued", wait.why, url, act, wait.name_zh)


def to_approve_task(wait: Wait) -> Task:
    environment = wait.space.environment
    stays = wait.is_removal or wait.scale is not None or bool(wait.roll_back_to)
    return Task(wait.order, environment, wait.since, "blocked", wait.why, wait.url, is_about_there=stays)


def to_test_task(wait: Wait) -> Task:
    environment = wait.space.environment
    url = panel_url(wait.order.number, environment.slug)
    return Task(wait.order, environment, wait.since, "queued", wait.why, url)


def asked_task(wait: Wait) -> Task:
    """What this person asked for: it is others who answer."""
    return Task(wait.order, wait.space.environment, wait.since, "blocked", wait.why, wait.url)
