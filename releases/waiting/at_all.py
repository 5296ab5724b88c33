"""What an inbox asks before it reads, in one statement: the flow, and of what is rare whether there is any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, QuerySet

from environments.access import Rights, may_approve
from environments.freezes import live_freezes
from environments.models import Environment
from releases import drp
from releases.models import BreakGlass, DrpSwitch, Hold
from releases.scale_requests import waiting_requests
from releases.waiting.removals import reviews_of_removals
from releases.waiting.roll_backs import reviews_of_roll_backs


@dataclass(frozen=True)
class AtAll:
    """``flow`` as pairs (environment, the one it follows); ``none`` names the kinds of which there is no row."""

    flow: list[tuple[int, int]] | None = None
    none: frozenset[str] = field(default_factory=frozenset)

    def has(self, kind: str) -> bool:
        """Whether to read them: what nobody asked about may be there."""
        return kind not in self.none


def ask(rights: Rights, **others: QuerySet[Any]) -> AtAll:
    """Of break-glasses, holds, freezes, removals, roll backs and scales, and of ``others`` by their kind."""
    approves = [space.pk for space in rights.spaces if space.approvals and may_approve(rights, space)]
    kinds: Mapping[str, QuerySet[Any]] = {
        "break_glass": BreakGlass.objects.filter(reviewed_at=None),
        "drp": DrpSwitch.objects.filter(drp.to_decide()),
        "hold": Hold.objects.filter(ended_at=None),
        "freeze": live_freezes(),
        "removal": reviews_of_removals(approves),
        "roll_back": reviews_of_roll_backs(rights),
        "scale": waiting_requests(),
        **others,
    }
    # The flow leads: it is a handful of rows, and each question is answered once for all of them.
    rows = Environment.objects.order_by().annotate(**{f"any_{kind}": Exists(row) for kind, row in kinds.items()})
    found = list(rows.values_list("pk", "follows", *(f"any_{kind}" for kind in kinds)))
    answers = dict(zip(kinds, found[0][2:], strict=True)) if found else {}
    flow = [(after, first) for after, first, *_any in found if first is not None]
    return AtAll(flow, frozenset(kind for kind, is_any in answers.items() if not is_any))
