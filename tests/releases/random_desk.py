"""People, clocks, rule changes and roles in random order: nothing reaches production past the rules in force.

What is allowed is written down here a second time, from rows alone: no gate and no right of the product is asked. Each
act either leaves its one audit row or changes nothing, and at the end the chain is whole.

All chance is that of ``chance``: Hypothesis gives one that it can make smaller.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit.chain import seal_events
from audit.models import AuditEvent
from audit.verification import verify
from environments.models import Environment, Membership, RuleChange, Space
from environments.services import members, people, places, rule_decisions, spaces
from foundation.problems import PlatformError
from foundation.runs.choices import RunState
from releases import transitions
from releases.models import Approval, BreakGlass, Deployment, Promotion, ReleaseOrder, Review, Turn
from releases.services import approvals, deployments, orders, promotions, release, turns
from releases.steps.deployment.start import refusal_of
from tests.cast import ROLES, World
from tests.releases import random_break_glass, random_policies
from tests.releases.random_policies import APPROVERS, EACH, POLICY_FIELDS
from tests.releases.rows import make_built, make_component, make_review, make_success

MANAGERS = ("petra", "ada", "anton", "olli")
DECIDERS = ("petra", "olli", "oskar", "dave")
DEPLOYERS = ("olli", "oskar", "oskar", "dana")
ENDS = ("succeeded", "failed", "")
PEOPLE = tuple(sorted(ROLES))
NEW_ROLES = ("operations", "project_admin", "tester", "platform_admin", "break_glass")
BREAKERS = ("oskar", "dave", "petra", "olli")
ACTIVE = ("queued", "running")
TABLES: tuple[Any, ...] = (
    Space, Environment, Membership, RuleChange, Approval, Promotion, Review, Deployment, Turn, ReleaseOrder, BreakGlass,
)  # fmt: skip


class Desk:
    """One component on its way to production, and everybody who could be in its way."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.done: Counter[str] = Counter()
        self.story: list[str] = []
        anton = User.objects.create_user("anton", "correct horse battery", name="Anton")
        Membership.objects.create(user=anton, role="platform_admin", reason="cast")
        for name in ("oskar", "dave"):
            Membership.objects.create(user=world.people[name], role="break_glass", project=world.project)
        random_policies.make_groups(world)
        self.component = make_component(self.world)
        cast = self.world.people
        self.orders = [
            self.tested(cast["dana"], cast["dana"]),
            self.tested(cast["olli"], cast["dave"]),
            self.tested(cast["petra"], cast["petra"]),
        ]
        strict = {"approvals": chance.choice((1, 2, 2)), "approval_hours": 24, "approver_roles": list(APPROVERS)}
        strict |= EACH if chance.random() < 0.3 else {}
        Space.objects.filter(pk=world.spaces["prd"].pk).update(**strict)
        self.policy = {name: getattr(self.prd(), name) for name in POLICY_FIELDS}
        self.is_production = True
        # Who set whose password or gave them a role: behind both names one person may stand.
        self.hands: set[tuple[int, int]] = set()
        self.passwords: set[tuple[int, int]] = set()

    def end(self) -> None:
        """Every audit row is in the chain, and the chain is whole."""
        while seal_events():
            pass
        assert verify().is_whole, verify().problems

    def tested(self, author: User, builder: User) -> ReleaseOrder:
        """An order that has come as far as production."""
        order = make_built(self.component, author, builder=builder)
        make_success(order, self.world.spaces["uat"], self.world.people["oskar"])
        return order

    def prd(self) -> Space:
        return Space.objects.select_related("environment", "project", "cluster").get(pk=self.world.spaces["prd"].pk)

    def who(self, name: str) -> User:
        return User.objects.get(username=name)

    def order(self, number: int) -> ReleaseOrder:
        return ReleaseOrder.objects.select_related("project", "component", "author").get(pk=self._made(number).pk)

    def roles(self, person: User) -> set[str]:
        """In production, by the rows of this moment."""
        now, prd = timezone.now(), self.prd()
        if not User.objects.get(pk=person.pk).is_active:
            return set()
        return {
            row.role
            for row in Membership.objects.filter(user=person)
            if row.project_id in (None, prd.project_id)
            and row.environment_id in (None, prd.environment_id)
            and (row.starts_at is None or row.starts_at <= now)
            and (row.ends_at is None or row.ends_at > now)
        }

    def makers(self, order: ReleaseOrder) -> set[int]:
        return {order.author_id, *order.builds.values_list("started_by", flat=True)}

    def state(self) -> list[Any]:
        return [list(table.objects.order_by("pk").values_list()) for table in TABLES]

    def act(self, verbs: tuple[str, ...], call: Callable[[], Any]) -> bool:
        """True when it was done: with one audit row of these verbs. Refused, it has changed nothing."""
        before, last = self.state(), AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        new = AuditEvent.objects.filter(pk__gt=last)
        try:
            call()
        except PlatformError:
            assert self.state() == before, "a refused act changed something"
            assert not new.exists(), "a refused act stands in the audit as one that was done"
            return False
        told = list(new.filter(verb__in=verbs).values_list("verb", flat=True))
        assert len(told) == 1 or (not told and self.state() == before), f"{verbs}: {told}"
        self.done.update(told)
        self.story += told
        return bool(told)

    def change_policy(self, who: str, wanted: dict[str, Any]) -> None:
        known = set(RuleChange.objects.values_list("pk", flat=True))
        actor, space = self.who(who), self.prd()
        verbs = ("rule_change.proposed",) if self._loose(wanted) else ("space.policy_changed",)
        if self.act(verbs, lambda: spaces.edit_policy(actor=actor, space=space, reason="asked for", **wanted)):
            assert "project_admin" in self.roles(actor)
            loose = self._loose(wanted)
            self.policy |= {name: value for name, value in wanted.items() if name not in loose}
            assert bool(loose) == bool(set(RuleChange.objects.values_list("pk", flat=True)) - known)

    def _loose(self, wanted: dict[str, Any]) -> list[str]:
        if not self.is_production:
            return []
        return [name for name in wanted if random_policies.loosens(name, self.policy, wanted)]

    def agree_on_policy(self, first: str, second: str, wanted: dict[str, Any]) -> None:
        self.change_policy(first, wanted)
        self.decide_rule_change(second, "confirm")

    def mark_production(self, who: str, on: bool) -> None:
        actor, environment = self.who(who), self.world.environments["prd"]
        environment.refresh_from_db()
        call = lambda: places.edit_environment(  # noqa: E731
            actor=actor, environment=environment, is_production=on, reason="asked for"
        )
        if self.act(("rule_change.proposed", "environment.changed"), call):
            assert "platform_admin" in self.roles(actor)
            self.is_production = self.is_production or on

    def decide_rule_change(self, who: str, verb: str) -> None:
        actor, change = self.who(who), RuleChange.objects.filter(state="proposed").order_by("pk").first()
        if change is None:
            return
        proposer, is_alive = change.proposed_by, change.expires_at > timezone.now()
        call = getattr(rule_decisions, f"{verb}_rule_change")
        done = self.act(
            ("rule_change.in_force", "rule_change.refused", "rule_change.withdrawn"),
            lambda: call(actor=actor, change=change, reason="I have looked at it"),
        )
        if not done:
            return
        assert is_alive, "decided a day later"
        assert (actor == proposer) == (verb == "withdraw"), "nobody is his own second"
        if verb == "withdraw":
            return
        entitled = {"platform_admin"} if change.environment_id else {"platform_admin", "project_admin"}
        assert self.roles(actor) & entitled
        assert not {(actor.pk, proposer.pk), (proposer.pk, actor.pk)} & self.hands
        if verb == "confirm":
            assert self.roles(proposer) & ({"platform_admin"} if change.environment_id else {"project_admin"})
            assert not self._under_way(), "a rule changed under a deployment"
            self.policy |= {name: value for name, value in change.after.items() if name in self.policy}
            self.is_production = change.after.get("is_production", self.is_production)

    def give_role(self, who: str, whom: str, role: str) -> None:
        actor, project = self.who(who), None if role == "platform_admin" else self.world.project
        call = lambda: members.add_membership(actor=actor, username=whom, role=role, project=project)  # noqa: E731
        if self.act(("member.added",), call):
            assert who != whom
            self.hands.add((actor.pk, self.who(whom).pk))

    def end_role(self, who: str, number: int) -> None:
        rows = list(Membership.objects.order_by("pk"))
        row, actor = rows[number % len(rows)], self.who(who)
        self.act(("member.ended",), lambda: members.end_membership(actor=actor, membership=row))

    def keep_person(self, who: str, whom: str, verb: str) -> None:
        actor, person = self.who(who), self.who(whom)
        if verb == "password":
            call = lambda: people.set_password(actor=actor, person=person, password="a new long secret 7")  # noqa: E731
            if self.act(("person.password_set",), call):
                self.hands.add((actor.pk, person.pk))
                self.passwords.add((actor.pk, person.pk))
            return
        change = getattr(people, f"{verb}_person")
        self.act((f"person.{verb}d",), lambda: change(actor=actor, person=person, reason="asked for"))

    def time_passes(self, hours: int) -> None:
        """What is stored becomes older: approvals and proposals. The audit's own times stay, which is stricter."""
        ago = timedelta(hours=hours)
        Approval.objects.update(created_at=F("created_at") - ago)
        Approval.objects.exclude(expires_at=None).update(expires_at=F("expires_at") - ago)
        RuleChange.objects.filter(state="proposed").update(expires_at=F("expires_at") - ago)
        BreakGlass.objects.update(opened_at=F("opened_at") - ago, ends_at=F("ends_at") - ago)

    def promote(self, who: str, number: int) -> None:
        actor, order, space = self.who(who), self.order(number), self.prd()
        call = lambda: promotions.promote(  # noqa: E731
            actor=actor, order=order, space=space, test_verdict="passed"
        )
        if self.act(("promotion.current", "promotion.promoted", "order.promoted"), call):
            assert self.roles(actor) & {"tester", "project_admin"}
            make_review(order, space)

    def decide(self, who: str, number: int, verb: str, comment: str) -> None:
        actor, snapshot = self.who(who), self._snapshot(number)
        if snapshot is None:
            return
        done = self.act(
            ("approval.given", "approval.rejected"),
            lambda: getattr(approvals, verb)(actor=actor, snapshot=snapshot, comment=comment),
        )
        if done:
            assert actor.pk not in self.makers(self.order(number))
            assert self.roles(actor) & set(self.policy["approver_roles"] or APPROVERS)
            assert random_policies.may_by_group(self.policy, who)

    def release(self, other: Callable[[], object]) -> Iterator[Callable[[], object]]:
        """One order all the way, by people who mostly may; something else comes between its acts."""
        number, deployer = self.chance.randrange(3), self.chance.choice(DEPLOYERS)
        if not Promotion.objects.filter(order=self._made(number), space=self.prd(), state="current").exists():
            yield lambda: self.promote("tess", number)
        agreeing = [who for who in DECIDERS if who != deployer]
        yield from (partial(self.decide, who, number, "approve", "read") for who in agreeing)
        yield other
        yield lambda: self.deploy(deployer, number, False)
        yield other
        yield lambda: self.step(self.chance.choice(ENDS))

    def withdraw(self, who: str, number: int) -> None:
        rows = list(Approval.objects.order_by("pk"))
        if rows:
            row, actor = rows[number % len(rows)], self.who(who)
            if self.act(("approval.withdrawn",), lambda: approvals.withdraw_approval(actor=actor, approval=row)):
                assert row.by_id == actor.pk

    def send_back(self, who: str, number: int) -> None:
        actor, order = self.who(who), self.order(number)
        if self.act(("order.closed",), lambda: orders.return_order(actor=actor, order=order, reason="it fails")):
            assert self.roles(actor) & {"tester", "project_admin"}
            if "developer" in self.roles(self.who("dana")):
                self.orders.append(self.tested(self.who("dana"), self.who("dana")))

    def deploy(self, who: str, number: int, instead: bool) -> None:
        actor, order, snapshot = self.who(who), self.order(number), self._snapshot(number)
        call = lambda: turns.deploy_in_turn(  # noqa: E731
            actor=actor,
            order=order,
            space=self.prd(),
            snapshot_hash=snapshot.hash if snapshot else "",
            supersede=instead,
        )
        if self.act(("deployment.queued", "turn.waiting"), call):
            for row in self._under_way():
                if row.order_id == order.pk:
                    self._ensure_agreed(row)

    def roll_back(self, who: str) -> None:
        actor = self.who(who)
        rows = list(Deployment.objects.filter(space=self.prd(), state="succeeded").order_by("-pk"))
        if not rows:
            return
        last = self.chance.choice((rows[0], *rows))
        if self.act(("deployment.queued",), lambda: deployments.roll_back(actor=actor, space=self.prd(), to=last)):
            assert "operations" in self.roles(actor)
            assert actor.pk not in self.makers(last.order)
            order = ReleaseOrder.objects.get(pk=last.order_id)
            assert order.closed_reason != "returned" or random_break_glass.opens(self, order)
            if random_policies.is_older(last, rows):
                self._ensure_agreed(self._under_way()[0])

    def step(self, ends: str) -> None:
        """What a worker does: the gates are asked once more, right before anything is applied."""
        row = next(iter(self._under_way()), None)
        if row is None:
            return
        if row.applied_at is None:
            if refusal_of(row):
                ends = "failed"
                self.done["refused at its turn"] += 1
            elif row.kind == "deploy":
                self._ensure_agreed(row)
            Deployment.objects.filter(pk=row.pk).update(applied_at=None if ends == "failed" else timezone.now())
        if ends:
            with transaction.atomic():
                transitions.end_run(row, RunState(ends), actor=None)

    def force(self, who: str) -> None:
        actor, row = self.who(who), next(iter(self._under_way()), None)
        if row is None:
            return
        call = lambda: release.release_place(actor=actor, deployment=row, reason="it hangs")  # noqa: E731
        if self.act(("deployment.released",), call):
            assert self.roles(actor) & {"project_admin", "platform_admin"}

    def _snapshot(self, number: int) -> Any:
        rows = Review.objects.filter(order=self._made(number), space=self.prd(), state="succeeded")
        review = rows.select_related("snapshot__space__environment", "snapshot__order").order_by("-pk").first()
        return review.snapshot if review else None

    def _made(self, number: int) -> ReleaseOrder:
        return self.orders[number - 3]

    def _under_way(self) -> list[Deployment]:
        rows = Deployment.objects.filter(space=self.world.spaces["prd"], state__in=ACTIVE)
        return list(rows.select_related("order__project", "space__environment", "snapshot", "deployed_by", "review"))

    def _ensure_agreed(self, row: Deployment) -> None:
        """This deployment has the consent that the policy in force asks for, of people who are not in it themselves."""
        order, deployer = ReleaseOrder.objects.get(pk=row.order_id), row.deployed_by
        oldest = timezone.now() - timedelta(hours=(hours := self.policy["approval_hours"]))
        decisions = list(Approval.objects.filter(snapshot=row.snapshot).select_related("by"))
        counted = {
            one.by.username
            for one in decisions
            if one.state == "given"
            and (not hours or one.created_at > oldest)
            and (one.comment.strip() or not self.policy["approval_needs_comment"])
            and self.roles(one.by) & set(self.policy["approver_roles"] or APPROVERS)
            and one.by_id not in self.makers(order) | {deployer.pk}
            and random_policies.may_by_group(self.policy, one.by.username)
        }
        assert random_policies.lacking(self.policy, counted) <= 0, f"{sorted(counted)} by {self.policy}"
        assert not [one for one in decisions if one.state == "rejected"]
        assert "operations" in self.roles(deployer)
        assert deployer.pk not in self.makers(order) or not self.policy["four_eyes"]
        random_break_glass.ensure_flow(self, row, order)

    def ensure_rules(self) -> None:
        """Of the policy in force, of what is under way, of who holds what."""
        space = self.prd()
        assert {name: getattr(space, name) for name in self.policy} == self.policy
        assert space.environment.is_production == self.is_production
        assert len(self._under_way()) <= 1
        assert not Membership.objects.filter(granted_by=F("user")).exists()
        random_break_glass.ensure_rules()
