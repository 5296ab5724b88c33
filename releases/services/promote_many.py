"""Several orders of a project to one environment at once: each by itself, as :func:`promote` does one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import audit
from accounts.models import User
from audit.choices import Outcome as AuditOutcome
from environments.access import require
from environments.models import Space
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Missing, PlatformError
from releases.models import Promotion, ReleaseOrder
from releases.services.promotions import check_test_verdict, promote

MOST = 50


@dataclass(frozen=True)
class Outcome:
    """What came of one order: its promotion, or else why there is none."""

    number: str
    order: ReleaseOrder | None
    promotion: Promotion | None = None
    error: PlatformError | None = None

    @property
    def is_promoted(self) -> bool:
        """It may be deployed there from now on."""
        return self.promotion is not None


def promote_many(
    *, actor: User, space: Space, numbers: Sequence[str], test_verdict: str = "", note: str = ""
) -> list[Outcome]:
    """Promote each, in the order given; what the gates or a right refuse leaves the others alone.

    Each has a transaction of its own. Raises Invalid for a list or a test verdict that does not fit, and Denied where
    the right is missing for every one of them.
    """
    # Whether an order of their own might go there: without that no list is looked at.
    require(actor, "promote", space=space, owner_id=actor.pk)
    wanted = list(dict.fromkeys(number.strip() for number in numbers))
    orders = orders_named(wanted, space)
    check_test_verdict(space, test_verdict)
    found = [_promote_one(actor, space, number, orders.get(number), test_verdict, note) for number in wanted]
    denied = [one.error for one in found if isinstance(one.error, Denied)]
    if len(denied) == len(found):
        raise denied[0]
    for one in found:
        record_refusal(actor, space, "promotion.current", one.number, one.error)
    return found


def orders_named(wanted: Sequence[str], space: Space) -> dict[str, ReleaseOrder]:
    """The orders by number, as far as they are there; raises Invalid(orders)."""
    if not wanted:
        raise Invalid({"orders": [_("Tick at least one order.")]})
    if len(wanted) > MOST:
        raise Invalid({"orders": [_("At most %(most)s orders at once.", most=MOST)]})
    rows = ReleaseOrder.objects.filter(project=space.project_id, number__in=wanted)
    found = {row.number: row for row in rows.select_related("component", "project", "author")}
    twice = [name for name, count in Counter(row.component.name for row in found.values()).items() if count > 1]
    if twice:
        # The second would replace the first, which the person cannot have meant.
        raise Invalid({"orders": [_("Two of these orders are of one component: %(names)s.", names=twice)]})
    return found


def _promote_one(
    actor: User, space: Space, number: str, order: ReleaseOrder | None, test_verdict: str, note: str
) -> Outcome:
    if order is None:
        return Outcome(number, None, error=Missing(_("There is no such order, or it is not yours to see.")))
    try:
        promotion = promote(actor=actor, order=order, space=space, test_verdict=test_verdict, note=note)
    except PlatformError as error:
        return Outcome(number, order, error=error)
    return Outcome(number, order, promotion)


def record_refusal(actor: User, space: Space, action: str, number: str, error: PlatformError | None) -> None:
    """The edge records what is refused as a whole; this was refused in the midst of what was done."""
    if error is None or error.status not in (403, 409):
        return
    audit.record(
        actor,
        action,
        object_type="order",
        object_name=number,
        project=space.project.slug,
        environment=space.environment.slug,
        outcome=AuditOutcome.REFUSED,
        reason=error.message,
    )
