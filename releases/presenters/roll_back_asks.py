"""A roll back that waits for approval, as a page or the API tells it: who asked, and what the review found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from accounts.models import User
from components.models import Component
from environments.access import Rights
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from releases import approval_gates, gates, selectors
from releases.models import Deployment, ReleaseOrder, Review
from releases.presenters.acts import Act, Refusal, explain_url
from releases.presenters.review import problems_of
from releases.presenters.words import reason_of
from releases.roll_back_asks import newest_asks, open_ask
from releases.services.roll_back_reviews import asking_gates

MOST_SHOWN = 3
"""So many of one place are shown."""


@dataclass(frozen=True)
class AskedRollBack:
    """One of them; ``state`` is how it stands as a badge, ``word`` the same in words."""

    review: Review
    state: str
    word: MessageLike
    url: str

    @property
    def order(self) -> ReleaseOrder:
        """What would be gone back to."""
        return self.review.order

    @property
    def by(self) -> User | None:
        """Who asked."""
        return self.review.requested_by

    @property
    def at(self) -> datetime:
        return self.review.created_at

    @property
    def is_open(self) -> bool:
        """It is under way, or others have yet to answer, or agreed: nobody needs to ask again."""
        return self.state in ("running", "blocked", "succeeded")

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What the review found in the way."""
        return problems_of(self.review)

    @property
    def warnings(self) -> list[Any]:
        return list(self.review.findings.get("warnings", []))


def _shown(review: Review, space: Space) -> AskedRollBack:
    names = [space.project.slug, review.component.slug, space.environment.slug]
    target = review.target  # type: ignore[attr-defined]  # of the query
    state, word = _state(review, space)
    return AskedRollBack(review, state, word, f"{reverse('releases:roll-back', args=names)}?to={target}")


def _state(review: Review, space: Space) -> tuple[str, MessageLike]:
    if review.state in ACTIVE:
        return "running", pgettext_lazy("roll back", "being reviewed")
    if review.state != RunState.SUCCEEDED or review.wanted_snapshot is None:
        return review.state, reason_of(review) or _("The review found problems.")
    if selectors.rejection(review.wanted_snapshot):
        return "failed", pgettext_lazy("roll back", "rejected")
    found = approval_gates.approval_gates(review.order, space, review.wanted_snapshot, None)
    if gates.first_closed(found) is None:
        return "succeeded", pgettext_lazy("roll back", "approved")
    return "blocked", pgettext_lazy("roll back", "waits for approval")


def _all(rows: Iterable[Review], space: Space) -> list[AskedRollBack]:
    """None where no approval is needed: nothing is read then."""
    return [_shown(row, space) for row in rows] if space.approvals else []


def asked_of_order(order: ReleaseOrder, space: Space) -> AskedRollBack | None:
    """The newest one that would bring the order back there."""
    return next(iter(_all(_rows().filter(order=order, space=space).order_by("-pk")[:1], space)), None)


def asked_there(component: Component, space: Space) -> list[AskedRollBack]:
    """Those of one place, the newest first."""
    return _all(_rows().filter(component=component, space=space).order_by("-pk")[:MOST_SHOWN], space)


def asked_to(to: Deployment, space: Space) -> AskedRollBack | None:
    """The one of the snapshot that going back to this deployment would apply."""
    return next(iter(_all(_rows().filter(wanted_snapshot=to.snapshot_id), space)), None)


def _rows() -> Any:
    related = (
        "requested_by", "order__project", "order__author", "component", "wanted_snapshot", "space__project",
        "space__environment",
    )  # fmt: skip
    return newest_asks().select_related(*related)


def withdraw_act(asked: AskedRollBack | None, rights: Rights) -> Act | None:
    """The button that asks for it no more; None for who may not, and where it is over or being done."""
    if asked is None or open_ask(asked.review.pk) is None:
        return None
    space, review = asked.review.space, asked.review
    if not rights.can("cancel_deployment", space=space, owner_id=review.requested_by_id):
        return None
    names = [space.project.slug, review.component.slug, space.environment.slug, review.pk]
    return Act(_("Ask no more"), reverse("releases:withdraw-roll-back", args=names), "post", sign="x")


def ask_act(to: Deployment, space: Space, rights: Rights) -> Act | None:
    """The button that asks for approval; None for who may not ask here."""
    if not rights.can("review", space=space):
        return None
    names = [space.project.slug, to.order.component.slug, space.environment.slug]
    closed = gates.first_closed(asking_gates(to, space))
    no = Refusal()
    if closed is not None:
        no = Refusal(closed.message, closed.who, explain_url("deploy", to.order, space, kind="roll_back"))
    url = reverse("releases:ask-roll-back", args=names)
    return Act(_("Ask for approval"), url, "post", no=no, values=(("to", str(to.pk)),), sign="approvals")
