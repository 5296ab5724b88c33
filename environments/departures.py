"""Who may not sign in any more: apps above register what of theirs ends with it, because imports point down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    # Apps register before there are models.
    from accounts.models import User

_registered: list[str] = []


def register(path: str) -> None:
    """``path`` names a function of (actor, person), called in the transaction that deactivates the person."""
    if path not in _registered:
        _registered.append(path)


def tell(actor: User, person: User) -> None:
    """The person has been deactivated by ``actor`` in this transaction."""
    for path in _registered:
        import_string(path)(actor, person)
