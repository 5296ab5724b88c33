"""Break-glass in the random desk: what it opens, who may open and review it, written down a second time from rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from environments.models import Membership
from releases.models import BreakGlass, Deployment, Promotion, ReleaseOrder
from releases.services import break_glass

if TYPE_CHECKING:
    from tests.releases.random_desk import Desk

REVIEWERS = {"project_admin", "platform_admin", "break_glass"}
MOST_SECONDS = 4 * 3600


def holds(desk: Desk, row: BreakGlass) -> bool:
    """In force at this moment, by its columns and by the roles of its opener."""
    is_over = row.ended_at or row.reviewed_at or row.expired_at or row.ends_at <= timezone.now()
    return not is_over and "break_glass" in desk.roles(row.opened_by)


def opens(desk: Desk, order: ReleaseOrder) -> list[BreakGlass]:
    """Those that open the flow to production for the order now."""
    rows = BreakGlass.objects.filter(order=order, space=desk.prd()).select_related("opened_by")
    return [row for row in rows if holds(desk, row)]


def hands_of(desk: Desk, person: User, roles: set[str]) -> set[int]:
    """The person, and who gave them one of the roles or their password: one person may stand behind both names."""
    prd = desk.prd()
    given = {
        row.granted_by_id
        for row in Membership.objects.filter(user=person, role__in=roles, project__in=[prd.project, None])
        if row.ends_at is None or row.ends_at > timezone.now()
    }
    return {person.pk} | {pk for pk in given if pk} | {by for by, whom in desk.passwords if whom == person.pk}


def open_one(desk: Desk, who: str, number: int, minutes: int) -> None:
    actor, order = desk.who(who), desk.order(number)
    before, unreviewed = opens(desk, order), _own_unreviewed(actor, order)
    call = lambda: break_glass.open_break_glass(  # noqa: E731
        actor=actor, order=order, space=desk.prd(), reason="trading stands still", minutes=minutes
    )
    if not desk.act(("break_glass.opened",), call):
        return
    assert "break_glass" in desk.roles(actor)
    assert not before and not unreviewed, "one at a time, and four hours a person until somebody looked"
    assert order.state != "closed" or order.closed_reason == "returned"
    row = BreakGlass.objects.latest("pk")
    assert (row.ends_at - row.opened_at).total_seconds() <= MOST_SECONDS
    assert any(desk.roles(one) & REVIEWERS for one in User.objects.exclude(pk=actor.pk)), "nobody would be told"


def _own_unreviewed(actor: User, order: ReleaseOrder) -> bool:
    return BreakGlass.objects.filter(order=order, opened_by=actor, reviewed_at=None).exists()


def end_one(desk: Desk, who: str) -> None:
    row = BreakGlass.objects.filter(reviewed_at=None).select_related("opened_by", "space").order_by("pk").first()
    if row is None:
        return
    was_open, actor = holds(desk, row), desk.who(who)
    if desk.act(("break_glass.ended",), lambda: break_glass.end_break_glass(actor=actor, row=row)):
        assert was_open and desk.roles(actor) & REVIEWERS


def review_one(desk: Desk, who: str) -> None:
    row = BreakGlass.objects.filter(reviewed_at=None).select_related("opened_by", "space").order_by("pk").first()
    if row is None:
        return
    was_open, actor = holds(desk, row), desk.who(who)
    call = lambda: break_glass.review_break_glass(actor=actor, row=row, comment="I have looked at it")  # noqa: E731
    if not desk.act(("break_glass.reviewed",), call):
        return
    assert not was_open and desk.roles(actor) & REVIEWERS
    under = Deployment.objects.filter(break_glass=row)
    assert not under.filter(deployed_by=actor, is_automatic=False).exists(), "who deployed under it looks at nothing"
    assert not under.filter(state__in=("queued", "running")).exists()
    assert not hands_of(desk, actor, REVIEWERS) & hands_of(desk, row.opened_by, {"break_glass"}), "one hand"


def pass_once(desk: Desk) -> None:
    """The engine's pass: what is over is told, each once, and nothing else."""
    rows = BreakGlass.objects.filter(reviewed_at=None, ended_at=None, expired_at=None).select_related("opened_by")
    over = {row.pk for row in rows if not holds(desk, row)}
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    break_glass.expire_over()
    told = AuditEvent.objects.filter(pk__gt=last, verb="break_glass.expired").values_list("object_id", flat=True)
    assert sorted(map(int, told)) == sorted(over)
    desk.done["break_glass.expired"] += len(over)


def ensure_flow(desk: Desk, row: Deployment, order: ReleaseOrder) -> None:
    """The order is promoted and open, or a break-glass in force stands in for that."""
    is_promoted = Promotion.objects.filter(order=order, space=row.space, state="current").exists()
    if is_promoted and order.state != "closed":
        return
    assert opens(desk, order), "nothing opens the flow for it"
    assert row.break_glass_id, "the deployment does not say what opened the flow"
    assert order.state != "closed" or order.closed_reason == "returned"
    desk.done["deployed under break-glass"] += 1


def ensure_rules() -> None:
    """What no act may leave behind."""
    for row in Deployment.objects.exclude(break_glass=None).select_related("break_glass"):
        assert row.break_glass and (row.order_id, row.space_id) == (row.break_glass.order_id, row.break_glass.space_id)
