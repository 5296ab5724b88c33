"""Several new orders of one project in one act: right, branches and numbers are asked for once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Subquery

from accounts.models import User
from components.live_reads import ensure_given
from components.models import BranchTip, Component
from components.origins import find_origin
from components.selectors import newest_settings
from environments.access import require
from foundation.messages import join_messages
from foundation.messages import message as _
from foundation.problems import Invalid, Refused, Stale
from releases.events import record_act
from releases.models import OrderFeed, ReleaseOrder
from releases.services.orders import NUMBER_TRIES, check_ticket, new_number


@dataclass(frozen=True)
class Planned:
    """One new order: the component and the branch that it is made from."""

    component: Component
    branch: str
    changes_database: bool = False


def choose_origins(planned: Sequence[Planned]) -> list[Planned]:
    """The same, once each branch is known to be there: seen before, or asked of Git now. Not inside a transaction.

    Raises as :func:`components.origins.find_origin` does, with the component's name.
    """
    urls = _git_urls([one.component.pk for one in planned])
    tips = BranchTip.objects.filter(git_url__in=set(urls.values()), branch__in={one.branch for one in planned})
    seen = set(tips.values_list("git_url", "branch"))
    for one in planned:
        url = urls.get(one.component.pk) or ""
        # Branches are stored by address, for all projects: one that is not given this address learns nothing of them.
        ensure_given(one.component, url)
        if (url, one.branch) not in seen:
            _ask_git(one)
    return list(planned)


def _git_urls(ids: Sequence[int]) -> dict[int, str]:
    """By component: one query."""
    rows = Component.objects.filter(pk__in=ids).annotate(url=Subquery(newest_settings().values("git_url")[:1]))
    return dict(rows.order_by().values_list("pk", "url"))


def _ask_git(one: Planned) -> None:
    try:
        find_origin(one.component, branch=one.branch)
    except Invalid as error:
        raise Invalid({"branch": [join_messages(f"{one.component.name}:", *error.texts)]}) from None


def create_orders(
    *, actor: User, planned: Sequence[Planned], description: str = "", change_ticket: str = ""
) -> list[ReleaseOrder]:
    """Orders in state ``created``, as planned, in the caller's transaction; three queries each and a handful besides.

    ``planned`` is what :func:`choose_origins` answered. Raises Denied, Invalid, Refused, Stale.
    """
    first = planned[0].component
    require(actor, "create_order", project_id=first.project_id)
    if any(one.component.is_archived for one in planned):
        raise Refused(_("This component is archived: no new orders."), "component-archived")
    check_ticket(first, change_ticket)
    common = {"project": first.project, "author": actor, "description": description.strip(),
              "change_ticket": change_ticket.strip()}  # fmt: skip
    orders = ReleaseOrder.objects.bulk_create(
        ReleaseOrder(
            number=number, component=one.component, branch=one.branch, changes_database=one.changes_database, **common
        )
        for number, one in zip(_free_numbers(len(planned)), planned, strict=True)
    )
    # An order comes with its feed: there is always a row to lock.
    OrderFeed.objects.bulk_create(OrderFeed(order=order) for order in orders)
    for order in orders:
        data = {"branch": order.branch, "component": order.component.name}
        record_act(order, "order.created", actor, subject=order, data=data)
    return orders


def _free_numbers(count: int) -> list[str]:
    """Numbers that no order has: one query."""
    for _attempt in range(NUMBER_TRIES):
        numbers: set[str] = set()
        while len(numbers) < count:
            numbers.add(new_number())
        if not ReleaseOrder.objects.filter(number__in=numbers).exists():
            return sorted(numbers)
    raise Stale(_("Too many orders were created in this second: try again."))
