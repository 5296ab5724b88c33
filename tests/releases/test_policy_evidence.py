"""A deployment keeps the rules by which its gates were asked last, and the audit seals them."""

from __future__ import annotations

from audit.models import AuditEvent
from environments.models import Space
from environments.policy import POLICY_FIELDS
from releases.models import Deployment
from tests.cast import World
from tests.releases.test_api import Caller
from tests.releases.test_turns import Line, line, pass_over

__all__ = ["line"]


def test_the_click_keeps_every_rule_and_the_step_those_of_its_own_moment(line: Line) -> None:
    row = line.ask(0)
    assert isinstance(row, Deployment)
    assert set(row.policy) == {*POLICY_FIELDS, "is_production", "change_ticket_pattern"}
    assert row.policy["settle_seconds"] == 0
    Space.objects.filter(pk=line.space.pk).update(settle_seconds=7)
    row = pass_over(Deployment.objects.get(pk=row.pk))
    assert row.state == "running" and row.policy["settle_seconds"] == 7
    sealed = AuditEvent.objects.get(verb="deployment.running", object_name=row.order.number)
    assert sealed.after["policy"] == row.policy


def test_over_the_api(line: Line, world: World) -> None:
    row = line.first()
    assert Caller(world, "uma").get(f"deployments/{row.pk}/").json()["policy"]["approvals"] == 0
