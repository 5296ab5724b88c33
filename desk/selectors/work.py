"""My work: what waits for this person, by the gates' own answer, and what goes on of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.models import User
from desk.selectors import mentioned as naming
from desk.selectors.approvals import merged, with_others
from desk.selectors.moving import kinds, moving
from desk.selectors.tasks import Pile, Task, asked_task, counted, to_approve_task, to_deploy_task, to_test_task
from environments.access import Rights
from environments.models import RuleChange
from environments.selectors.rule_changes import ShownRuleChange, list_rule_changes, waits_for
from environments.selectors.rule_changes import shown as show_rule_change
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases import break_glass, drp
from releases.models import BreakGlass, DrpSwitch
from releases.presenters.break_glass import ShownBreakGlass, shown_rows
from releases.waiting import MOST, AtAll, Promoted, Wait, ask, orders_to_test, promoted_orders, roll_backs


@dataclass(frozen=True)
class Waits:
    """What waits for one person, in all projects or in some."""

    to_deploy: list[Wait]
    to_approve: list[Wait]
    to_test: list[Wait]
    asked: list[Wait] = field(default_factory=list)
    """What this person asked others to approve."""


@dataclass(frozen=True)
class Seconds:
    """What waits for this person's word as the second one."""

    break_glasses: list[BreakGlass]
    """What this person may review, in force or over, oldest first."""
    rule_changes: list[RuleChange]
    drps: list[DrpSwitch]
    """Switches to a twin and drills that this person may confirm, oldest first."""

    def __len__(self) -> int:
        return len(self.break_glasses) + len(self.rule_changes) + len(self.drps)


@dataclass(frozen=True)
class MyWork:
    """The piles of an inbox; what is empty is named in one line."""

    to_deploy: Pile
    to_approve: Pile
    to_test: Pile
    running: Pile
    failed: Pile
    mentions: Pile
    break_glasses: list[ShownBreakGlass]
    rule_changes: list[ShownRuleChange]
    drps: list[DrpSwitch]

    @property
    def second(self) -> int:
        """How many words as the second person wait."""
        return len(self.break_glasses) + len(self.rule_changes) + len(self.drps)

    @property
    def second_title(self) -> MessageLike:
        """What the pile of the second person holds, in a word."""
        return _("To confirm") if self.break_glasses or self.drps else _("Rule changes")

    @property
    def has_piles(self) -> bool:
        """Anything but what is to be deployed, which has a card of its own."""
        piles = (self.to_approve, self.to_test, self.running, self.failed, self.mentions)
        return bool(self.second) or any(pile.found or pile.elsewhere for pile in piles)

    @property
    def nothing(self) -> list[MessageLike]:
        """The piles that are empty, in words."""
        words = (
            (self.to_deploy, _("Nothing to deploy")), (self.to_approve, _("Nothing to approve")),
            (self.to_test, _("Nothing to test")), (self.running, _("Nothing is running")),
            (self.failed, _("Nothing failed")), (self.mentions, _("No mentions")),
        )  # fmt: skip
        return [word for pile, word in words if not pile.found and not pile.elsewhere]


@dataclass(frozen=True)
class Counts:
    """What the rail and the window's title say."""

    home: str
    approvals: str


def waits_of(rights: Rights, at_all: AtAll, project: str = "") -> Waits:
    """One more than :data:`MOST` of each kind where there are more, the longest wait first."""
    spaces = None if not project else [one.pk for one in rights.spaces if one.project.slug == project]
    projects = None if not project else {one.project_id for one in rights.spaces if one.project.slug == project}
    has = {"with_break_glass": at_all.has("break_glass"), "with_freezes": at_all.has("freeze")}
    found: Promoted = promoted_orders(rights, only_spaces=spaces, **has)
    back = roll_backs(rights, at_all=at_all.has("roll_back"), with_freezes=at_all.has("freeze"))
    approve = with_others(found.to_approve, back, rights, project, at_all)
    deploy = merged(found.to_deploy, back.to_deploy, project) if back.to_deploy else found.to_deploy
    test = orders_to_test(rights, only_projects=projects, flow=at_all.flow, with_holds=at_all.has("hold"))
    asked = [one for one in back.asked if project in ("", one.order.project.slug)]
    return Waits(deploy, approve, test, asked)


def seconds_of(user: User, rights: Rights, at_all: AtAll) -> Seconds:
    """Read only for people who may be the second one somewhere."""
    may_review = any(rights.can("review_break_glass", space=space) for space in rights.spaces)
    projects = {space.project_id for space in rights.spaces}
    may_confirm = rights.can("confirm_site_rule") or any(
        rights.can("confirm_rule_change", project_id=pk) for pk in projects
    )
    return Seconds(
        break_glass.waits_for(user, rights) if may_review and at_all.has("break_glass") else [],
        waits_for(user, rights) if may_confirm and at_all.has("rule_change") else [],
        drp.waits_for(user, rights) if at_all.has("drp") else [],
    )


def my_work(user: User, rights: Rights, *, project: str = "") -> MyWork:
    """Everything of the inbox, in all projects seen or in the chosen one."""
    at_all = _ask(rights)
    waits = waits_of(rights, at_all)
    here = _narrowed(waits, rights, at_all, project)
    running, failed = moving(rights, project, at_all)
    second = seconds_of(user, rights, at_all)
    named = naming.mentioned(rights, at_all)
    named_here = [task for task in named if project in ("", task.order.project.slug)]
    glasses = [row for row in second.break_glasses if project in ("", row.order.project.slug)]
    return MyWork(
        to_deploy=_pile(here.to_deploy, waits.to_deploy, to_deploy_task),
        to_approve=_pile(here.to_approve, waits.to_approve, to_approve_task),
        to_test=_pile(here.to_test, waits.to_test, to_test_task),
        running=Pile([*(asked_task(one) for one in here.asked), *running]),
        failed=Pile(failed),
        mentions=Pile(named_here, len(named) - len(named_here)),
        break_glasses=shown_rows(glasses, rights),
        rule_changes=[show_rule_change(user, row) for row in second.rule_changes if project in ("", _project_of(row))],
        drps=[row for row in second.drps if project in ("", row.space.project.slug)],
    )


def _ask(rights: Rights) -> AtAll:
    return ask(
        rights,
        rule_change=list_rule_changes(rights.user, only_waiting=True, rights=rights),
        **kinds(rights),
        **naming.kinds(rights),
    )


def _narrowed(waits: Waits, rights: Rights, at_all: AtAll, project: str) -> Waits:
    """Those of one project: out of all, unless these were cut at :data:`MOST`."""
    if not project:
        return waits
    if max(len(waits.to_deploy), len(waits.to_approve), len(waits.to_test)) > MOST:
        return waits_of(rights, at_all, project)
    kept = [[one for one in pile if one.order.project.slug == project] for pile in
            (waits.to_deploy, waits.to_approve, waits.to_test, waits.asked)]  # fmt: skip
    return Waits(*kept)


def _pile(here: list[Wait], everywhere: list[Wait], task: Callable[[Wait], Task]) -> Pile:
    return Pile([task(one) for one in here], max(0, len(everywhere) - len(here)))


def counts(user: User, rights: Rights) -> Counts:
    """Of everything, whichever project is chosen."""
    at_all = _ask(rights)
    waits, second = waits_of(rights, at_all), seconds_of(user, rights, at_all)
    failed = moving(rights, "", at_all)[1]
    approvals = len(waits.to_approve) + len(second.rule_changes)
    named = naming.mentioned(rights, at_all)
    piles = (waits.to_deploy, waits.to_approve, waits.to_test, failed, named)
    asks = sum(len(pile) for pile in piles) + len(second)
    return Counts(counted(asks), counted(approvals))


def _project_of(row: RuleChange) -> str:
    """Empty for the rule of an environment, which is of all projects."""
    of = row.space.project if row.space else row.project
    return of.slug if of else ""
