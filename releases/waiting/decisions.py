"""What people have said of many snapshots, and who made their orders: two queries for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from accounts.models import User
from environments.access import Rights, know_groups, read_rights
from environments.models import Space
from environments.needed import Needed
from foundation.clock import db_now
from releases.approval_gates import Consent, counts_today
from releases.choices import ApprovalState
from releases.models import Approval, Build, ReleaseOrder, ScaleRequest

RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True)
class Decision:
    """The consent, and who has a standing word on the snapshot and may not say another."""

    consent: Consent
    decided: frozenset[int] = frozenset()

    def lacks(self, rights: Rights, needed: Needed) -> bool:
        """Approvals are missing, and this person's yes would count and was not said yet."""
        consent, person = self.consent, rights.user.pk
        if consent.no or person in consent.makers or person in self.decided:
            return False
        return needed.is_helped_by(rights.groups if needed.per_group else (), consent.people)


def with_own_builds(rows: QuerySet[RowT, RowT], rights: Rights) -> QuerySet[RowT, RowT]:
    """With ``has_built``: this person built the order. An inbox asks of nobody else whether they made it."""
    own = Build.objects.filter(order=OuterRef("order"), started_by=rights.user)
    return cast("QuerySet[RowT, RowT]", rows.annotate(has_built=Exists(own)))


def makers_seen(row: Any, order: ReleaseOrder, rights: Rights) -> set[int]:
    """Of a row of :func:`with_own_builds`: the author, and the person who asks if they built it."""
    return {order.author_id, rights.user.pk} if row.has_built else {order.author_id}


def decisions_of(makers: Mapping[int, set[int]], snapshots: Mapping[int, Space]) -> dict[int, Decision]:
    """By snapshot, as the approval gates read one; ``makers`` by snapshot too."""
    rows = list(_approvals(list(snapshots))) if snapshots else []
    rights = _rights_of([row.by for row in rows], with_groups=any(one.approver_groups for one in snapshots.values()))
    found: dict[int, list[Approval]] = defaultdict(list)
    for row in rows:
        found[row.snapshot_id].append(row)
    now = db_now() if rows else datetime.max.replace(tzinfo=UTC)
    return {pk: _decision(found[pk], space, makers[pk], rights, now) for pk, space in snapshots.items()}


def decisions_of_scales(rows: Sequence[ScaleRequest], rights: Rights) -> dict[int, Decision]:
    """By scale request, as its own gates read one; the rows are of :func:`with_own_builds`, with their
    :func:`standing_approvals` read ahead."""
    # Who asked for it is no second person either.
    words = {row.pk: [one for one in row.approvals.all() if one.by_id != row.asked_by_id] for row in rows}
    people = [one.by for found in words.values() for one in found]
    theirs = _rights_of(people, with_groups=any(row.space.approver_groups for row in rows))
    now = db_now() if people else datetime.max.replace(tzinfo=UTC)
    makers = {row.pk: makers_seen(row, row.order, rights) | {row.asked_by_id} for row in rows}
    return {row.pk: _decision(words[row.pk], row.space, makers[row.pk], theirs, now) for row in rows}


def standing_approvals() -> QuerySet[Approval, Approval]:
    """Given or rejected, with ``is_makers``: of who made the order."""
    own = Build.objects.filter(order=OuterRef("snapshot__order"), started_by=OuterRef("by"))
    rows = Approval.objects.annotate(is_makers=Exists(own) | Q(by=F("snapshot__order__author")))
    return rows.filter(state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED]).select_related("by")


def _approvals(snapshot_ids: list[int]) -> Iterable[Approval]:
    return standing_approvals().filter(snapshot__in=snapshot_ids, scale_request=None)


def _rights_of(people: list[User], *, with_groups: bool) -> dict[int, Rights]:
    if not people:
        return {}
    unique = {person.pk: person for person in people}
    rights = {one.user.pk: one for one, _ends in read_rights(unique.values())}
    if with_groups:
        know_groups(rights.values())
    return rights


def _is_makers(approval: Approval) -> bool:
    return bool(getattr(approval, "is_makers"))  # noqa: B009  # of the query


def _decision(
    rows: list[Approval], space: Space, makers: set[int], rights: Mapping[int, Rights], now: datetime
) -> Decision:
    given = [
        one for one in rows if one.state == ApprovalState.GIVEN and (one.expires_at is None or one.expires_at > now)
    ]
    counted = [one for one in given if not _is_makers(one) and counts_today(one, space, rights[one.by_id], now=now)]
    no = next((one for one in rows if one.state == ApprovalState.REJECTED), None)
    groups = {pk: rights[pk].groups for pk in {one.by_id for one in counted}} if space.approver_groups else {}
    return Decision(Consent(makers, counted, no, groups), frozenset(one.by_id for one in rows))
