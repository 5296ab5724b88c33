"""May what serves on the left go on to the right? The gates' own answer, for a page of orders in a few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import User
from environments.access import Rights, names_who_may
from environments.models import Space
from foundation.messages import MessageLike, localized_names
from foundation.messages import message as _
from releases import gates, selectors
from releases.models import ReleaseOrder
from releases.presenters.acts import panel_url
from releases.waiting import read_ahead_of_promotions

if TYPE_CHECKING:
    from desk.comparison.lines import Side


@dataclass(frozen=True)
class Onward:
    """``state``: ready, promoted, blocked, ask or none; ``word`` says it, ``why`` the rest in one line."""

    state: str
    word: MessageLike
    why: MessageLike = ""
    order: ReleaseOrder | None = None
    by: User | None = None
    at: datetime | None = None
    url: str = ""
    """The order's page, where its gates stand one by one."""
    who: MessageLike = ""
    """Who can clear it; asked of the database once somebody reads it, so not for a whole page."""

    @property
    def may(self) -> bool:
        """It may be ticked."""
        return self.state == "ready"

    @property
    def badge(self) -> str:
        """The state that icon and colour are taken from."""
        return "passed" if self.may else self.state

    @property
    def sign(self) -> str:
        """Another icon than that state's."""
        return {"promoted": "promoted", "ask": "user"}.get(self.state, "")


def onward_of(rights: Rights, right: Space, sides: Sequence[tuple[Side, Side]]) -> dict[int, Onward]:
    """By component, of those whose right-hand place lies behind: six queries at most."""
    ids = [here.serves.order_id for here, _there in sides if here.serves]
    orders = {row.pk: row for row in ReleaseOrder.objects.filter(pk__in=ids).select_related("component", "author")}
    if not orders:
        return {}
    spaces = [space for space in rights.spaces if space.project_id == right.project_id]
    read_ahead_of_promotions(list(orders.values()), spaces)
    target = next(space for space in spaces if space.pk == right.pk)
    ask = _Ask(rights, target)
    return {order.component_id: ask.about(order) for order in orders.values()}


class _Ask:
    """The same question of many orders; whom to ask instead is read once, and only where somebody has to."""

    def __init__(self, rights: Rights, space: Space) -> None:
        self.rights, self.space = rights, space
        self._whom = ""

    def about(self, order: ReleaseOrder) -> Onward:
        url = panel_url(order.number, self.space.environment.slug)
        held = selectors.current_promotion(order, self.space)
        if held is not None:
            return Onward("promoted", _("promoted"), "", order, held.promoted_by, held.created_at, url)
        closed = gates.first_closed(gates.promotion_gates(order, self.space))
        if closed is not None:
            return Onward("blocked", _("blocked"), closed.message, order, url=url, who=closed.who)
        if not self.rights.can("promote", space=self.space, owner_id=order.author_id):
            return Onward("ask", _("Ask %(who)s", who=self.whom), "", order, url=url)
        return Onward("ready", _("may be promoted"), "", order, url=url)

    @property
    def whom(self) -> str:
        """Who promotes there."""
        if not self._whom:
            self._whom = localized_names(names_who_may("promote", space=self.space))
        return self._whom
