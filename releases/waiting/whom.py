"""What waits in one project for anybody, and whom each of it waits for, in the same few queries for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accounts.models import Project, User
from environments.access import Holding, Rights, approvers_in, people_who_may
from environments.choices import Role
from environments.models import Space
from releases.models import Build
from releases.waiting.promoted import promoted_orders
from releases.waiting.roll_backs import roll_backs
from releases.waiting.to_test import orders_to_test
from releases.waiting.wait import Wait

APPROVE, DEPLOY, TEST = "approve", "deploy", "test"
MOST_OPEN = 20


@dataclass(frozen=True)
class Open:
    """One order that waits: for which act, and for whom, without those whom four eyes bar."""

    act: str
    wait: Wait
    people: list[User] = field(default_factory=list)


def open_in(project: Project) -> list[Open]:
    """The longest wait first, :data:`MOST_OPEN` at most; one more where there are more."""
    anybody = _anybody(project)
    promoted, back = promoted_orders(anybody), roll_backs(anybody)
    found = [
        *((DEPLOY, wait) for wait in [*promoted.to_deploy, *back.to_deploy]),
        *((APPROVE, wait) for wait in [*promoted.to_approve, *back.to_approve]),
        *((TEST, wait) for wait in orders_to_test(anybody)),
    ]
    return _for_whom(found)


def open_there(space: Space, component_id: int | None) -> list[Open]:
    """The same in one space, of one component or of all."""
    anybody = _anybody(space.project)
    promoted = promoted_orders(anybody, only_spaces=[space.pk])
    tests = [wait for wait in orders_to_test(anybody, only_projects=[space.project_id]) if wait.space.pk == space.pk]
    found = [*((DEPLOY, wait) for wait in promoted.to_deploy), *((TEST, wait) for wait in tests)]
    return _for_whom([one for one in found if component_id in (None, one[1].order.component_id)])


def _for_whom(found: list[tuple[str, Wait]]) -> list[Open]:
    shown = sorted(found, key=lambda one: one[1].since)[: MOST_OPEN + 1]
    makers = _makers(wait for _act, wait in shown)
    people = _People()
    return [Open(act, wait, people.of(act, wait, makers[wait.order.pk])) for act, wait in shown]


def _anybody(project: Project) -> Rights:
    """Rights of somebody who may do everything in the project and has made nothing: the inbox of such a person is what
    waits for anybody."""
    nobody = User(pk=0, is_active=True)
    roles = (Role.OPERATIONS, Role.PROJECT_ADMIN)
    rights = Rights(nobody, held=[Holding(role, project.pk, None) for role in roles])
    rights.know_groups({slug for space in rights.spaces for slug in space.approver_groups})
    return rights


def _makers(waits: Iterable[Wait]) -> dict[int, set[int]]:
    """Who wrote and who built each order: one query."""
    orders = {wait.order.pk: wait.order for wait in waits}
    found: dict[int, set[int]] = defaultdict(set)
    for order in orders.values():
        found[order.pk].add(order.author_id)
    rows = Build.objects.filter(order__in=list(orders)).order_by()
    for order_id, user_id in rows.values_list("order_id", "started_by_id"):
        found[order_id].add(user_id)
    return found


class _People:
    """Who may do what in which space, each asked once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], list[User]] = {}

    def of(self, act: str, wait: Wait, makers: set[int]) -> list[User]:
        space = wait.space
        asks: dict[str, Callable[[Space], list[User]]] = {
            APPROVE: approvers_in,
            DEPLOY: lambda one: people_who_may("deploy", space=one),
            TEST: lambda one: people_who_may("promote", space=one),
        }
        key = (act, space.pk)
        if key not in self._found:
            self._found[key] = asks[act](space)
        barred = makers if act == APPROVE or (act == DEPLOY and space.four_eyes) else set()
        return [person for person in self._found[key] if person.pk not in barred]
