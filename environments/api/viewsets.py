"""Things that an administrator makes and changes under a name of their own: clusters, projects, people, …"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.viewsets import Changed, Created


class Administered(Created, Changed):
    """Made, found by name and changed by three plain functions.

    ``finder(user, name)`` raises Missing; ``maker(actor=, **values)`` and ``changer(actor=, <noun>=row, **values)``
    are services. Subclasses wrap them in ``staticmethod``.
    """

    scope = Scope.ADMIN
    lookup_field = "slug"
    lookup_value_converter = "slug"
    noun: str
    finder: Callable[..., Any]
    maker: Callable[..., Any]
    changer: Callable[..., Any]

    def find(self, *args: Any, **names: Any) -> Any:
        """The row with the name in the address."""
        return self.finder(actor_of(self.request), names[self.lookup_field])

    def add(self, **values: Any) -> Any:
        """What the service made."""
        return self.maker(actor=actor_of(self.request), **values)

    def edit(self, row: Any, **values: Any) -> Any:
        """What the service changed."""
        return self.changer(actor=actor_of(self.request), **{self.noun: row}, **values)
