"""对齐灾备: what serves in the sibling of a twin goes to the twin: several orders at once, each as far as it may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from accounts.models import User
from environments.access import Rights, require
from environments.models import Space
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Missing, PlatformError, Refused
from releases import gates, selectors
from releases.gate import Gate
from releases.models import Deployment, Placement, Promotion, ReleaseOrder, Turn
from releases.services.promote_many import orders_named, record_refusal
from releases.services.promotions import promote
from releases.services.turns import deploy_in_turn


@dataclass(frozen=True)
class Wish:
    """One order that somebody ticked, and the hash of the snapshot whose review they could see; empty without one."""

    number: str
    snapshot_hash: str = ""

    @classmethod
    def read(cls, text: str) -> Wish:
        """From ``NUMBER`` or ``NUMBER@HASH``."""
        number, _at, snapshot_hash = text.strip().partition("@")
        return cls(number, snapshot_hash)


@dataclass(frozen=True)
class Aligned:
    """What came of one order: promoted, on its way or both, and what is missing or was refused."""

    number: str
    order: ReleaseOrder | None = None
    promotion: Promotion | None = None
    """Made by this act, or in force before it."""
    is_promoted_now: bool = False
    started: Deployment | Turn | None = None
    missing: list[Gate] = field(default_factory=list)
    """The closed gates of its deployment; each says who can clear it."""
    error: PlatformError | None = None

    @property
    def deployment(self) -> Deployment | None:
        """The one that it began."""
        return self.started if isinstance(self.started, Deployment) else None

    @property
    def is_moved(self) -> bool:
        """This act brought it further."""
        return self.is_promoted_now or self.started is not None

    @property
    def result(self) -> str:
        """One word for programs: deploying, waiting, promoted, unchanged or refused."""
        if self.started is not None:
            return "deploying" if self.deployment else "waiting"
        if self.is_promoted_now:
            return "promoted"
        return "refused" if self.error else "unchanged"


def align(
    *, actor: User, space: Space, wishes: Sequence[Wish], test_verdict: str = "", note: str = ""
) -> list[Aligned]:
    """Promote each order to the twin and deploy it there, as far as its gates and the person's rights allow now.

    A deployment where the space asks for a review needs the hash of what was reviewed. Without a ``test_verdict`` the
    word that was given for the sibling counts. Each order has its own transactions; what is refused leaves the others
    alone. Raises Invalid for a list that does not fit or a space without sibling, Denied where the person has neither
    right in the twin or none for any of the orders.
    """
    rights = Rights(actor)
    is_promoter = rights.can("promote", space=space, owner_id=actor.pk)
    require(actor, "promote" if is_promoter else "deploy", space=space, owner_id=actor.pk, rights=rights)
    if space.environment.twin_id is None:
        message = _("%(name)s is no twin of another environment.", name=space.environment.label)
        raise Invalid({"environment": [message]})
    by_number = {wish.number: wish for wish in wishes}
    orders = orders_named(list(by_number), space)
    act = _Act(actor, space, test_verdict, note.strip(), _serving(orders.values(), space))
    found = [act.of(wish, orders.get(number)) for number, wish in by_number.items()]
    if all(isinstance(one.error, Denied) and not one.is_moved for one in found):
        assert found[0].error is not None
        raise found[0].error
    for one in found:
        action = "deployment.queued" if one.promotion else "promotion.current"
        record_refusal(actor, space, action, one.number, one.error)
    return found


def _serving(orders: Iterable[ReleaseOrder], space: Space) -> set[int]:
    """The orders that serve in the sibling now: one query."""
    ids = [order.pk for order in orders]
    rows = Placement.objects.filter(
        space__project=space.project_id, space__environment=space.environment.twin_id, last_succeeded__order__in=ids
    )
    return set(rows.values_list("last_succeeded__order", flat=True))


@dataclass(frozen=True)
class _Act:
    """What is the same for all orders of one alignment."""

    actor: User
    space: Space
    test_verdict: str
    note: str
    serving: set[int]

    def of(self, wish: Wish, order: ReleaseOrder | None) -> Aligned:
        """One order as far as it goes."""
        if order is None:
            error = Missing(_("There is no such order, or it is not yours to see."))
            return Aligned(wish.number, error=error)
        found = Aligned(wish.number, order)
        try:
            found = self._promoted(found, order)
            found = self._deployed(found, order, wish.snapshot_hash)
        except PlatformError as error:
            return replace(found, error=error)
        return found

    def _promoted(self, found: Aligned, order: ReleaseOrder) -> Aligned:
        if order.pk not in self.serving:
            sibling = self.space.environment.twin
            assert sibling is not None
            message = _("%(name)s serves another order by now: refresh the page.", name=sibling.label)
            raise Refused(message, "not-serving")
        held = selectors.current_promotion(order, self.space)
        if held is not None:
            return replace(found, promotion=held)
        word = self.test_verdict or _word_of_sibling(order, self.space)
        made = promote(actor=self.actor, order=order, space=self.space, test_verdict=word, note=self.note)
        return replace(found, promotion=made, is_promoted_now=True)

    def _deployed(self, found: Aligned, order: ReleaseOrder, snapshot_hash: str) -> Aligned:
        if snapshot_hash or not self.space.asks_review:
            started = deploy_in_turn(actor=self.actor, order=order, space=self.space, snapshot_hash=snapshot_hash)
            return replace(found, started=started)
        review = selectors.newest_result(order, self.space)
        snapshot = review.snapshot if review else None
        asked = gates.deployment_gates(order, self.space, snapshot=snapshot, deployer=self.actor)
        return replace(found, missing=[gate for gate in asked if not gate.is_open])


def _word_of_sibling(order: ReleaseOrder, space: Space) -> str:
    """What the tester said when it was promoted to the sibling: the same order, tested in the same environment."""
    rows = Promotion.objects.filter(
        order=order, space__project=space.project_id, space__environment=space.environment.twin_id
    )
    return rows.exclude(test_verdict="").order_by("-pk").values_list("test_verdict", flat=True).first() or ""
