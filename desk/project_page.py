"""What this app adds to the page of a project: what waits there and for whom, what runs where, what was deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.models import Project, User
from desk.selectors.matrix import Filters, matrix
from desk.selectors.tasks import Task, to_approve_task, to_deploy_task, to_test_task
from desk.selectors.work import waits_of
from environments.access import Rights
from environments.page_parts import PagePart
from foundation import pages, paging
from foundation.messages import MessageLike, localized_names
from foundation.messages import message as _
from releases import feed
from releases.presenters.feed import feed_days
from releases.waiting import AtAll, Wait
from releases.waiting.whom import APPROVE, DEPLOY, MOST_OPEN, TEST, open_in

DEPLOYMENTS = 8
_ACTS: dict[str, tuple[MessageLike, Callable[[Wait], Task]]] = {
    DEPLOY: (_("To deploy"), to_deploy_task),
    APPROVE: (_("To approve"), to_approve_task),
    TEST: (_("To test"), to_test_task),
}
_WHOM: dict[str, Callable[[str], MessageLike]] = {
    DEPLOY: lambda names: _("to be deployed by %(names)s", names=names),
    APPROVE: lambda names: _("to be approved by %(names)s", names=names),
    TEST: lambda names: _("to be tested by %(names)s", names=names),
}


@dataclass(frozen=True)
class Waiting:
    """One thing that waits: the ``kind`` of act, in words too, and for whom; nobody is named for what is one's own."""

    kind: str
    act: MessageLike
    task: Task
    people: list[User] = field(default_factory=list)

    @property
    def whom(self) -> MessageLike:
        """Whom it waits for: three of them by name, and how many more there are."""
        return _WHOM[self.kind](localized_names(person.shown_name for person in self.people))


@dataclass(frozen=True)
class Work:
    """What waits in the project for the viewer, and what waits for others; ``has_more`` of either."""

    mine: list[Waiting]
    others: list[Waiting]
    has_more: bool


def work_part(project: Project, rights: Rights) -> PagePart:
    """The viewer's own inbox of this project, as home has it, and below what waits for others."""
    own = waits_of(rights, AtAll(), project.slug)
    piles = ((DEPLOY, own.to_deploy), (APPROVE, own.to_approve), (TEST, own.to_test))
    found = [(act, wait) for act, pile in piles for wait in pile]
    mine = sorted(found, key=lambda one: one[1].since)
    keys = {(act, wait.key) for act, wait in mine}
    everybodys = open_in(project)
    others = [one for one in everybodys[:MOST_OPEN] if (one.act, one.wait.key) not in keys]
    has_more = len(everybodys) > MOST_OPEN or len(mine) > MOST_OPEN
    shown = [_waiting(act, wait) for act, wait in mine[:MOST_OPEN]]
    return PagePart(
        "desk/_project_work.html", Work(shown, [_waiting(one.act, one.wait, one.people) for one in others], has_more)
    )


def _waiting(act: str, wait: Wait, people: list[User] | None = None) -> Waiting:
    word, task = _ACTS[act]
    return Waiting(act, word, task(wait), people or [])


def matrix_part(project: Project, rights: Rights) -> PagePart:
    """The first page of its components, as home has them."""
    filters = Filters(project=project.slug)
    query = pages.query_of({"project": project.slug})
    found = matrix(rights.user, rights, filters)
    return PagePart("desk/_project_matrix.html", {"matrix": found, "filters": filters, "query": query})


def deployments_part(project: Project, rights: Rights) -> PagePart:
    """The newest of its feed."""
    rows = feed.with_names(feed.feed(rights, feed.read_filters({"project": project.slug})))
    newest = paging.take_page(rows, size=DEPLOYMENTS).items
    return PagePart("desk/_project_deployments.html", feed_days(newest))
