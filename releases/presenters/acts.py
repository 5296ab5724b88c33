"""Buttons: what a viewer may do next, or why not and who can clear it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from environments.access import Rights, who_may
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.gates import Gate, first_closed


@dataclass(frozen=True)
class Act:
    """One button. With ``why`` it stays visible, disabled, saying so; ``method`` get is a link to a page or form."""

    label: MessageLike
    url: str
    method: str = "get"
    why: MessageLike = ""
    who: MessageLike = ""
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
    def is_allowed(self) -> bool:
        """False: greyed."""
        return not self.why


@dataclass(frozen=True)
class Refusal:
    """Why not; both empty when one may."""

    why: MessageLike = ""
    who: MessageLike = ""


def refusal(
    rights: Rights,
    verb: str,
    *,
    project_id: int | None = None,
    space: Space | None = None,
    owner_id: int | None = None,
    gates: list[Gate] | None = None,
) -> Refusal:
    """The first thing in the way: the right, then the gates. Only for greying; services ask again for themselves."""
    if not rights.can(verb, project_id=project_id, space=space, owner_id=owner_id):
        who = who_may(verb, project_id=project_id, space=space)
        if space is not None:
            message = _("You may not do this in %(name)s.", name=space.environment.label)
            return Refusal(message, who)
        return Refusal(_("You may not do this here."), who)
    closed = first_closed(gates or [])
    return Refusal(closed.message, closed.who) if closed else Refusal()


def new_order_act(rights: Rights, project_ids: Iterable[int]) -> Act:
    """The button of a page that lists orders; for people who may create nowhere it says so."""
    url = reverse("releases:new")
    if any(rights.can("create_order", project_id=pk) for pk in project_ids):
        return Act(_("New K8S release order"), url, is_primary=True)
    why = _("Developers, operations and project administrators create orders.")
    return Act(_("New K8S release order"), url, why=why)
