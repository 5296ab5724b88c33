"""Whom an order waits for: at random, every list holds exactly the orders for which the gates say so.

The gates are asked of every order in every space for everybody, without the marks and indexes that the lists go by.
Six schedules, 200 with ``FULL=1``; a failure tells its number and what was done.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import TypeVar

import pytest
from django.db import transaction
from django.db.models import Model, QuerySet

from accounts.models import User
from environments.access import Rights
from environments.models import Environment, Membership, Space
from foundation.problems import PlatformError
from foundation.runs.choices import RunState
from releases import gates, selectors, transitions
from releases.models import Approval, Deployment, Placement, Promotion, ReleaseOrder, Review, Snapshot
from releases.services import approvals, deployments, orders, promotions
from releases.services.reviews import request_review
from releases.waiting import orders_to_test, promoted_orders
from tests.cast import World
from tests.releases.random_policies import EACH, lacking, make_groups
from tests.releases.rows import make_built, make_component, make_review

SCHEDULES = 200 if os.environ.get("FULL") else 6
LENGTH = 24
EIGHT = ("dana", "dave", "tess", "olli", "oskar", "petra", "ada", "uma")
Pair = tuple[str, str]
M = TypeVar("M", bound=Model)


class Schedule:
    """Acts by people who mostly may, on three components, with what it must know of them."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        make_groups(world)
        self.components = [make_component(world, name) for name in ("SIS-OMM-A", "SIS-OMM-B")]
        self.used: set[int] = set()
        """Promotions on which somebody has deployed, and did not cancel it."""
        self.story: list[str] = []
        Space.objects.filter(pk=world.spaces["prd"].pk).update(**(EACH if chance.random() < 0.5 else {"approvals": 2}))

    def run(self) -> None:
        acts: list[Callable[[], object]] = [
            self.built, self.promote, self.promote, self.promote, self.reviewed, self.reviewed, self.approve,
            self.approve, self.reject, self.take_back, self.deploy, self.deploy, self.deploy, self.end, self.end,
            self.end, self.withdraw, self.close, self.unsettle, self.change_policy, self.change_flow, self.lose,
        ]  # fmt: skip
        for _number in range(3):
            self.built()
        for _number in range(LENGTH):
            act = self.chance.choice(acts)
            self.story.append(act.__name__)
            try:
                with transaction.atomic():
                    act()
            except PlatformError as refusal:
                self.story[-1] += f" refused ({type(refusal).__name__})"
            self.compare(self.chance.choice(EIGHT))
        self.compare(*EIGHT)

    # ------------------------------------------------------------ acts
    def who(self, *names: str) -> User:
        return self.world.people[self.chance.choice(names)]

    def pick(self, rows: QuerySet[M]) -> M | None:
        found = list(rows.order_by("pk"))
        return self.chance.choice(found) if found else None

    def order(self) -> ReleaseOrder:
        rows = list(ReleaseOrder.objects.select_related("project", "component", "author", "feed").order_by("pk"))
        return self.chance.choice(rows)

    def space(self) -> Space:
        slug = self.chance.choice(["fat", "uat", "prd", "drp"])
        return Space.objects.select_related("project", "environment", "cluster").get(pk=self.world.spaces[slug].pk)

    def built(self) -> None:
        author = self.who("dana", "dave")
        make_built(self.chance.choice(self.components), author, builder=self.who(author.username, "olli"))

    def promote(self) -> None:
        order, space = self.order(), self.space()
        promotions.promote(actor=self.who("tess", "petra", "dana"), order=order, space=space, test_verdict="passed")

    def reviewed(self) -> None:
        rows = list(Promotion.objects.filter(state="current").select_related("order", "space").order_by("pk"))
        row = self.chance.choice(rows) if rows else None
        if row and self.chance.random() < 0.8:
            make_review(self._whole(row.order), self._space(row.space))
        elif row:
            review = request_review(row.order, row.space, actor=None)
            if self.chance.random() < 0.5:
                transitions.end_run(review, RunState.FAILED, actor=None, reason="quota")

    def approve(self) -> None:
        if snapshot := self._snapshot():
            approvals.approve(actor=self.who("oskar", "olli", "petra"), snapshot=snapshot, comment="read")

    def reject(self) -> None:
        if (snapshot := self._snapshot()) and self.chance.random() < 0.4:
            approvals.reject(actor=self.who("oskar", "olli", "petra"), snapshot=snapshot, comment="not today")

    def take_back(self) -> None:
        rows = list(Approval.objects.filter(state__in=["given", "rejected"]).order_by("pk"))
        if rows:
            row = self.chance.choice(rows)
            approvals.withdraw_approval(actor=row.by, approval=row)

    def deploy(self) -> None:
        rows = list(Promotion.objects.filter(state="current").select_related("order", "space__project").order_by("pk"))
        if not rows:
            return
        row = self.chance.choice(rows)
        space = self._space(row.space)
        review = selectors.latest_review(row.order, space)
        seen = review.snapshot.hash if review and review.snapshot else ""
        order = self._whole(row.order)
        deployments.start_deployment(actor=self.who("olli", "oskar"), order=order, space=space, snapshot_hash=seen)
        self.used.add(row.pk)

    def end(self) -> None:
        row = self.pick(Deployment.objects.filter(state__in=["queued", "running"]))
        if row is None:
            return
        to = self.chance.choice([RunState.SUCCEEDED, RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED])
        transitions.end_run(row, to, actor=None)
        self.story[-1] += f" {to}"
        if to == RunState.SUCCEEDED:
            Placement.objects.filter(last_succeeded=row).update(last_applied=row, settled_at=row.created_at)
        if to == RunState.CANCELLED:
            held = Promotion.objects.filter(order=row.order, space=row.space, state="current")
            self.used -= set(held.values_list("pk", flat=True))

    def withdraw(self) -> None:
        row = self.pick(Promotion.objects.filter(state="current"))
        if row:
            promotions.withdraw_promotion(actor=self.who("tess", "petra"), promotion=row, reason="not yet")

    def close(self) -> None:
        verb = self.chance.choice([orders.return_order, orders.finish_order])
        if self.chance.random() < 0.4:
            verb(actor=self.world.petra, order=self.order(), reason="enough of it")

    def unsettle(self) -> None:
        place = self.pick(Placement.objects.filter(last_succeeded__isnull=False))
        if place:
            reason = self.chance.choice(["", "a pod restarts"])
            Placement.objects.filter(pk=place.pk).update(unsettled_reason=reason)

    def change_policy(self) -> None:
        space = self.space()
        for name, value in self.chance.choice(
            [{"approvals": 1}, {"approvals": 2}, {"approvals": 0}, {"four_eyes": False}, {"four_eyes": True},
             {"approval_hours": 24}, {"approver_roles": ["project_admin"]}, {"approver_roles": []},
             {"change_ticket_required": True}, {"change_ticket_required": False}, {"branch_pattern": "release/*"}, EACH,
             {"branch_pattern": ""}, {"approver_groups": [], "approvals_per_group": 0}, {"is_archived": True},
             {"is_archived": False}, {"operations_only": False}]
        ).items():  # fmt: skip
            setattr(space, name, value)
        space.save()

    def change_flow(self) -> None:
        """PRD may be reached from FAT besides, or from UAT alone; a role comes and goes."""
        prd, fat = Environment.objects.get(slug="prd"), Environment.objects.get(slug="fat")
        self.chance.choice([prd.follows.add, prd.follows.remove])(fat)
        Membership.objects.filter(user=self.world.oskar).update(role=self.chance.choice(["operations", "tester"]))

    def lose(self) -> None:
        place = self.pick(Placement.objects.all())
        if place:
            Placement.objects.filter(pk=place.pk).update(unknown_since=self.chance.choice([None, place.changed_at]))

    def _snapshot(self) -> object:
        row = self.pick(Review.objects.filter(state="succeeded", space__approvals__gt=0, is_removal=False))
        return row.snapshot if row else None

    def _whole(self, order: ReleaseOrder) -> ReleaseOrder:
        return ReleaseOrder.objects.select_related("project", "component", "author").get(pk=order.pk)

    def _space(self, space: Space) -> Space:
        return Space.objects.select_related("project", "environment", "cluster").get(pk=space.pk)

    # ------------------------------------------------------------ what the gates say of every order
    def compare(self, *names: str) -> None:
        for name in names:
            user = User.objects.get(username=name)
            found = promoted_orders(Rights(user))
            listed = {
                "to deploy": {(one.order.number, one.space.environment.slug) for one in found.to_deploy},
                "to approve": {(one.order.number, one.space.environment.slug) for one in found.to_approve},
                "to test": {(one.order.number, one.space.environment.slug) for one in orders_to_test(Rights(user))},
            }
            assert listed == self.asked(user), f"{name} after {self.story}"

    def asked(self, user: User) -> dict[str, set[Pair]]:
        found: dict[str, set[Pair]] = {"to deploy": set(), "to approve": set(), "to test": set()}
        for order in ReleaseOrder.objects.select_related("project", "component", "author"):
            for space in selectors.spaces_of(order):
                pair = (order.number, space.environment.slug)
                if self._waits_to_be_deployed(order, space):
                    if self._is_deployed_by(user, order, space):
                        found["to deploy"].add(pair)
                    if self._is_approved_by(user, order, space):
                        found["to approve"].add(pair)
                if self._is_tested_by(user, order, space):
                    found["to test"].add(pair)
        return found

    def _waits_to_be_deployed(self, order: ReleaseOrder, space: Space) -> bool:
        held = selectors.current_promotion(order, space)
        place = selectors.placement_of(order, space)
        serves = place is not None and place.last_succeeded is not None and place.last_succeeded.order_id == order.pk
        return held is not None and held.pk not in self.used and not serves

    def _is_deployed_by(self, user: User, order: ReleaseOrder, space: Space) -> bool:
        if not Rights(user).can("deploy", space=space):
            return False
        review = selectors.newest_ended(order, space)
        snapshot = review.snapshot if review else None
        found = gates.deployment_gates(order, space, snapshot=snapshot, deployer=user)
        closed = [gate.code for gate in found if not gate.is_open]
        return not closed or (closed == ["approved"] and review is not None and snapshot is None)

    def _is_approved_by(self, user: User, order: ReleaseOrder, space: Space) -> bool:
        review = selectors.newest_ended(order, space)
        snapshot = review.snapshot if review else None
        if snapshot is None or not approvals.decision_gate(user, snapshot).is_open:
            return False
        words = Approval.objects.filter(snapshot=snapshot, state__in=["given", "rejected"])
        if words.filter(by=user).exists() or words.filter(state="rejected").exists():
            return False
        if space.approvals_per_group and not self._fills_a_place(user, space, snapshot):
            return False
        found = gates.deployment_gates(order, space, snapshot=snapshot, deployer=None)
        return [gate.code for gate in found if not gate.is_open and gate.code not in ("queue", "known")] == ["approved"]

    def _fills_a_place(self, user: User, space: Space, snapshot: Snapshot) -> bool:
        """By trying everybody in every place of the two groups."""
        policy = {name: getattr(space, name) for name in EACH}
        makers = gates.makers_of(snapshot.order)
        given = Approval.objects.filter(snapshot=snapshot, state="given").exclude(by__in=makers).select_related("by")
        names = [one.by.username for one in given if gates.counts_today(one, space, Rights(one.by))]
        return lacking(policy, [*names, user.username]) < lacking(policy, names)

    def _is_tested_by(self, user: User, order: ReleaseOrder, space: Space) -> bool:
        if not Rights(user).can("promote", space=space, owner_id=order.author_id):
            return False
        return self._stands_before(user, order, space) and not gates.first_closed(gates.promotion_gates(order, space))

    def _stands_before(self, user: User, order: ReleaseOrder, space: Space) -> bool:
        sent = Promotion.objects.filter(order=order, state__in=["current", "replaced"])
        if sent.filter(space=space).exists():
            return False
        before = {one.pk for one in space.environment.follows.all()} | {space.environment.twin_id} - {None}
        serving = Placement.objects.filter(last_succeeded__order=order, space__environment__in=before)
        if before:
            return serving.exists()
        later = ReleaseOrder.objects.filter(
            component=order.component, author=order.author, pk__gt=order.pk, built_at__isnull=False
        )
        is_new = not sent.exists() and not later.exists()
        return is_new and (order.author == user or not space.creators_may_promote)


@pytest.mark.parametrize("number", range(SCHEDULES))
def test_lists_hold_what_the_gates_say_of_every_order(world: World, number: int) -> None:
    Schedule(world, random.Random(number)).run()
