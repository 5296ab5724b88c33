"""One gate: a condition that is open or closed, with its message and who can clear it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import pgettext_lazy

from foundation.messages import MessageLike
from foundation.problems import Asked, Refused

TITLES: dict[str, MessageLike] = {
    "role": pgettext_lazy("gate", "Role"),
    "built": pgettext_lazy("gate", "Image"),
    "open": pgettext_lazy("gate", "State"),
    "came-through": pgettext_lazy("gate", "Flow"),
    "branch": pgettext_lazy("gate", "Branch"),
    "ticket": pgettext_lazy("gate", "Change ticket"),
    "promoted": pgettext_lazy("gate", "Promotion"),
    "hold": pgettext_lazy("gate", "Hold"),
    "freeze": pgettext_lazy("gate", "Freeze"),
    "window": pgettext_lazy("gate", "Release window"),
    "queue": pgettext_lazy("gate", "Queue"),
    "known": pgettext_lazy("gate", "Contact"),
    "approved": pgettext_lazy("gate", "Approval"),
    "four-eyes": pgettext_lazy("gate", "Four eyes"),
    "proven": pgettext_lazy("gate", "Proof"),
    "stands": pgettext_lazy("gate", "What stands here"),
    "autoscaler": pgettext_lazy("gate", "Autoscaler"),
    "ceiling": pgettext_lazy("gate", "Ceiling"),
    "bounds": pgettext_lazy("gate", "Scale bounds"),
    "reviewed": pgettext_lazy("gate", "Review"),
    "quota": pgettext_lazy("gate", "Quota"),
    "drp": pgettext_lazy("gate", "DRP switch"),
    "image": pgettext_lazy("gate", "Image in the registry"),
    "rule": pgettext_lazy("gate", "Rule change"),
}
"""What each gate is about, in a word or two: the heading above its message."""


@dataclass(frozen=True)
class Gate:
    """One condition. ``code`` is for programs; ``message`` says what holds or what is missing."""

    code: str
    is_open: bool
    message: MessageLike
    who: MessageLike = ""
    since: datetime | None = None
    """Since when it is as it is, where that is known."""
    is_flow: bool = False
    """Break-glass may open it: it is about the way through the environments and about when, and nothing else."""
    break_glass_id: int | None = None
    """Open by this break-glass alone."""

    @property
    def title(self) -> MessageLike:
        """A word or two above the message."""
        return TITLES.get(self.code, "")


def first_closed(gates: list[Gate]) -> Gate | None:
    """The gate that stops it, if any."""
    return next((gate for gate in gates if not gate.is_open), None)


def ensure_open(gates: list[Gate], *, asked: Asked | None = None) -> None:
    """Raise Refused with the first closed gate's own message; ``asked``: of which act, for who wants to know why."""
    gate = first_closed(gates)
    if gate:
        raise Refused(gate.message, f"gate-{gate.code}", gate.who, asked=asked)
