"""Who waits in vain waits no longer: the order was closed, or who asked may not deploy there any more."""

from __future__ import annotations

from django.utils import timezone

from audit.models import AuditEvent
from environments.models import Membership
from environments.services import people
from releases.choices import TurnState
from releases.models import Expiry, OrderEvent, Turn
from releases.presenters.activity import happenings
from releases.services import orders
from releases.services.break_glass import open_break_glass
from tests.cast import browse
from tests.releases.test_break_glass import hold
from tests.releases.test_contact_deadline import run_once
from tests.releases.test_turns import Line, line

__all__ = ["line"]


def pass_once() -> None:
    """One pass of the engine."""
    run_once("expiry", Expiry.objects.get_or_create(singleton=True)[0].pk)


def ended(turn: Turn, message: str) -> None:
    turn.refresh_from_db()
    assert (turn.state, str(turn.message)) == (TurnState.CANCELLED, message)
    event = OrderEvent.objects.get(order=turn.order, kind="turn.cancelled")
    assert event.data["environment"] == "uat"
    assert any(message in one.text for one in happenings(turn.order))
    assert AuditEvent.objects.filter(verb="turn.cancelled", object_name=turn.order.number).count() == 1


def test_the_turn_of_an_order_ends_with_the_order(line: Line) -> None:
    line.first()
    second, third = line.wait(1), line.wait(2)
    orders.return_order(actor=line.world.tess, order=second.order, reason="wrong sums")
    ended(second, "The order was closed.")
    third.refresh_from_db()
    assert third.state == TurnState.WAITING
    kinds = list(OrderEvent.objects.filter(order=second.order).order_by("-seq").values_list("kind", flat=True)[:3])
    assert kinds.index("turn.cancelled") > kinds.index("order.closed"), "told in the order in which it happened"


def test_who_is_deactivated_leaves_every_line_at_once(line: Line) -> None:
    line.first()
    turn = line.wait(1)
    people.deactivate_person(actor=line.world.ada, person=line.world.olli)
    ended(turn, "Olli may not sign in any more.")


def test_who_lost_the_right_leaves_the_line_within_seconds(line: Line) -> None:
    line.first()
    turn = line.wait(1)
    pass_once()
    turn.refresh_from_db()
    assert turn.state == TurnState.WAITING, "who may deploy goes on waiting"
    Membership.objects.filter(user=line.world.olli).update(ends_at=timezone.now())
    pass_once()
    ended(turn, "Olli may no longer deploy to UAT.")
    pass_once()


def test_a_returned_order_under_break_glass_goes_on_waiting(line: Line) -> None:
    world = line.world
    hold(world, "olli")
    line.first()
    turn = line.wait(1)
    type(turn.order).objects.filter(pk=turn.order_id).update(state="closed", closed_reason="returned")
    turn.order.refresh_from_db()
    open_break_glass(actor=world.olli, order=turn.order, space=line.space, reason="trading stands still", minutes=60)
    pass_once()
    turn.refresh_from_db()
    assert turn.state == TurnState.WAITING


def test_matrix_and_space_say_who_waits_and_in_what_order(line: Line) -> None:
    line.first()
    names = [turn.order.short_name for turn in (line.wait(1), line.wait(2))]
    petra = browse(line.world, "petra")
    for address in ("/", "/spaces/sis-omm/uat/"):
        html = petra.get(address).content.decode()
        part = html[html.index("Waiting their turn") :]
        assert part.index(names[0]) < part.index(names[1]), address
    assert "hidden" in petra.get("/spaces/sis-omm/fat/").content.decode().split('id="space-turns"')[1][:400]
