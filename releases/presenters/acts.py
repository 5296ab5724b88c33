"""Buttons: what a viewer may do next, or why not and who can clear it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.urls import reverse

from environments.access import Rights, asked_for, may_not, who_may
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.gates import Gate, asked_about, first_closed
from releases.models import ReleaseOrder


@dataclass(frozen=True)
class Refusal:
    """Why not, who can clear it and where the permission explainer says more; all empty when one may.

    ``first``: who clears the gate that stops those, too, who have the right.
    """

    why: MessageLike = ""
    who: MessageLike = ""
    explain: str = ""
    first: MessageLike = ""


@dataclass(frozen=True)
class Act:
    """One button. With a ``no`` it stays visible, disabled, saying why; ``method`` get is a link to a page or form."""

    label: MessageLike
    url: str
    method: str = "get"
    no: Refusal = Refusal()
    is_primary: bool = False
    is_danger: bool = False
    values: tuple[tuple[str, str], ...] = ()
    """Hidden fields of the form."""
    letter: str = ""
    """Its key on this page."""
    sign: str = ""
    """Its icon."""
    confirm: MessageLike = ""
    """Asked before it is done."""

    @property
    def key(self) -> str:
        """An id for the page: labels have no letters in some languages, addresses always do."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.url).strip("-")

    @property
    def why(self) -> MessageLike:
        """Why not; empty when it may be done."""
        return self.no.why

    @property
    def who(self) -> MessageLike:
        """Who can clear it."""
        return self.no.who

    @property
    def explain(self) -> str:
        """Where the permission explainer says more."""
        return self.no.explain

    @property
    def ask(self) -> MessageLike:
        """Whom to ask instead, for a button; empty where it may be done, and where nobody is known."""
        who = self.no.first or self.who
        return _("Ask %(who)s", who=who) if self.why and who else ""

    @property
    def is_allowed(self) -> bool:
        """False: greyed."""
        return not self.why


def refusal(
    rights: Rights,
    verb: str,
    *,
    project_id: int | None = None,
    space: Space | None = None,
    owner_id: int | None = None,
    gates: list[Gate] | None = None,
    order: ReleaseOrder | None = None,
) -> Refusal:
    """The first thing in the way: the right, then the gates. Only for greying; services ask again for themselves."""
    closed = first_closed(gates or [])
    if not rights.can(verb, project_id=project_id, space=space, owner_id=owner_id):
        who = who_may(verb, project_id=project_id, space=space)
        return Refusal(may_not(space), who, explain_url(verb, order, space, project_id), closed.who if closed else "")
    if closed is None:
        return Refusal()
    # Without an order the explainer has no gates to tell of: it would say yes to what is refused here.
    return Refusal(closed.message, closed.who, explain_url(verb, order, space, project_id) if order else "")


def explain_url(
    verb: str, order: ReleaseOrder | None, space: Space | None, project_id: int | None = None, *, kind: str = ""
) -> str:
    """The permission explainer with the act filled in, for the person who looks."""
    asked = asked_about(verb, order, space) if order is not None else asked_for(verb, project_id, space)
    return replace(asked, kind=kind).address()


def panel_url(number: str, panel: str) -> str:
    """The order's page with one card open: ``build``, or an environment's short name."""
    return f"{reverse('releases:order', args=[number])}?panel={panel}"


def new_order_act(rights: Rights, project_ids: Iterable[int]) -> Act:
    """The button of a page that lists orders; for people who may create nowhere it says so."""
    url, seen = reverse("releases:new"), list(project_ids)
    if any(rights.can("create_order", project_id=pk) for pk in seen):
        return Act(_("New K8S release order"), url, is_primary=True)
    why = _("Developers, operations and project administrators create orders.")
    here = seen[0] if seen else None
    return Act(_("New K8S release order"), url, no=Refusal(why, explain=explain_url("create_order", None, None, here)))
