"""Open sockets look at their rights again when this number grows."""

from __future__ import annotations

from django.db.models import F, QuerySet

from accounts.models import User


def rights_changed(people: QuerySet[User]) -> None:
    """Raises the epoch of these people, in the transaction that changed their rights."""
    # By key: an UPDATE over a join is not allowed, and doubled rows must count once.
    User.objects.filter(pk__in=list(people.values_list("pk", flat=True))).update(rights_epoch=F("rights_epoch") + 1)
