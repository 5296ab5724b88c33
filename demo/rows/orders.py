"""A month of past orders, so that lists and figures are full: consistent rows with their events, made once.

Each says that it is generated, and none is in the audit: the chain tells of the one act that loaded them.
"""

from __future__ import annotations

import hashlib
import random
import uuid
import zoneinfo
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from components.models import Component, ComponentSettings, TemplateVersion, Toolchain
from demo import world
from demo.repository import commits_of
from demo.rows.logs import keep_log
from demo.rows.places import Places
from foundation.runs.choices import RunState
from foundation.runs.models import PARKED
from releases.choices import ClosedReason, OrderState, Reason
from releases.models import Build, OrderEvent, OrderFeed, ReleaseOrder

ORDERS = 57
DAYS = 30
GENERATED = "生成的历史 (generated history)"
STAGES = ("Prepare Git Code", "Build", "Get Dockerfile & Bootstart.sh", "DockerBuild", "DockerPush")
SUBJECTS = (
    "限额校验与报价取整 (limits and rounding)",
    "网关超时改为 3 秒 (gateway timeout 3 s)",
    "修复赎回手续费 (mend redemption fee)",
    "升级日志格式 (new log format)",
    "月末发布 (end of month)",
    "Tell the version at /version",
    "行情接口切换 (switch of the quote feed)",
)


@dataclass(frozen=True)
class Outcome:
    """How a past order ended: the branch it was built from, its state, and why it was closed."""

    branch: str
    state: str
    closed: str = ""
    note: str = ""


DONE = Outcome("master", OrderState.CLOSED, ClosedReason.DONE, "已上线 (live)")
FATES = (
    DONE,
    DONE,
    DONE,
    Outcome("fail-compile", OrderState.BUILD_FAILED),
    DONE,
    Outcome("master", OrderState.CLOSED, ClosedReason.RETURNED, "取整与需求不符 (rounds the wrong way)"),
    Outcome("feature/limit-check", OrderState.CLOSED, ClosedReason.DONE, "已上线 (live)"),
    DONE,
    Outcome("master", OrderState.CREATED),
    Outcome("fail-compile", OrderState.CLOSED, ClosedReason.WITHDRAWN, "重建发布单 (made anew)"),
    Outcome("feature/fee-classes", OrderState.BUILT),
    DONE,
)


def load_orders(places: Places, git_root: Path) -> int:
    """Make the past, unless there is any order already; returns how many. Call inside a transaction."""
    if ReleaseOrder.objects.exists():
        return 0
    past = _Past(places, git_root, random.Random(4))  # noqa: S311 - the same past on every machine
    now = timezone.now()
    moments = [
        now - timedelta(days=DAYS * (ORDERS - n) / ORDERS, minutes=past.dice.randrange(90)) for n in range(ORDERS)
    ]
    apps = [(subsystem.slug, app) for subsystem in world.SUBSYSTEMS for app in subsystem.apps]
    for index, moment in enumerate(sorted(moments)):
        project, app = apps[index % len(apps)]
        past.add(project, app, moment, FATES[index % len(FATES)])
    # Seven orders of one project within 2 min 20 s by one person, as it was done by hand in 2018.
    evening = now - timedelta(days=1, hours=2)
    for index, app in enumerate(world.SUBSYSTEMS[1].apps):
        past.add(world.SUBSYSTEMS[1].slug, app, evening + timedelta(seconds=23 * index), DONE)
    return ORDERS + len(world.SUBSYSTEMS[1].apps)


class _Past:
    def __init__(self, places: Places, git_root: Path, dice: random.Random) -> None:
        self._places, self._git_root, self.dice = places, git_root, dice
        self._people = {user.email: user for user in places.people.values()}
        self._build_number = 0

    def add(self, project: str, app: world.App, at: datetime, outcome: Outcome) -> None:
        """One order with all that happened to it."""
        component = Component.objects.select_related("project").get(project__slug=project, slug=app.slug)
        commit, address = commits_of(self._git_root / world.repository_name(project, app), outcome.branch)[0]
        author = self._people.get(address) or self._places.people[world.DEVELOPER]
        order = ReleaseOrder.objects.create(
            number=_number(at, self.dice),
            component=component,
            project=component.project,
            branch=outcome.branch,
            description=f"{self.dice.choice(SUBJECTS)} · {GENERATED}",
            author=author,
        )
        log = _Events(order, at)
        log.add("order.created", author, branch=outcome.branch, component=component.name)
        if outcome.state != OrderState.CREATED:
            self._build(order, log, author, commit, is_good=outcome.branch != "fail-compile")
        if outcome.state == OrderState.CLOSED:
            self._close(order, log, outcome)
        log.keep()

    def _build(self, order: ReleaseOrder, log: _Events, author: User, commit: str, *, is_good: bool) -> None:
        _freeze(order, commit)
        toolchain = Toolchain.objects.select_related("registry", "jenkins").get(project=order.project)
        self._build_number += 1
        seconds = self.dice.randrange(25, 90)
        began = log.after(self.dice.randrange(5, 600))
        log.move("order", order.pk, OrderState.CREATED, OrderState.BUILDING, author)
        build = Build.objects.create(
            order=order,
            attempt=1,
            trigger_id=uuid.UUID(int=self.dice.getrandbits(128), version=4),
            started_by=author,
            server=toolchain.jenkins,
            registry=toolchain.registry,
            job="PRISM_JENKINS_JOB",
            remote=toolchain.jenkins.remote_key,
            state=RunState.SUCCEEDED if is_good else RunState.FAILED,
            phase="finalizing",
            reason=Reason.NONE if is_good else Reason.BUILD_FAILED,
            result="SUCCESS" if is_good else "FAILURE",
            build_number=self._build_number,
            stages=_stages(began, seconds, is_good=is_good),
            next_at=PARKED,
            started_at=began,
            finished_at=began + timedelta(seconds=seconds),
            digest=_digest(order) if is_good else "",
            log_is_complete=True,
        )
        keep_log(build, commit)
        log.add("build.queued", author, id=build.pk, attempt=1)
        log.after(1)
        log.move("build", build.pk, RunState.QUEUED, RunState.RUNNING, None)
        log.after(seconds)
        log.move("build", build.pk, RunState.RUNNING, build.state, None, reason=build.reason)
        after = OrderState.BUILT if is_good else OrderState.BUILD_FAILED
        log.move("order", order.pk, OrderState.BUILDING, after, None, reason=build.reason)
        order.state = after
        if is_good:
            order.image = f"{toolchain.registry.address}/{order.project.slug}/{order.component.slug}"
            order.image_digest, order.built_at = build.digest, log.at

    def _close(self, order: ReleaseOrder, log: _Events, outcome: Outcome) -> None:
        tester = self._places.people[world.TESTER]
        who = tester if outcome.closed == ClosedReason.RETURNED else order.author
        log.after(self.dice.randrange(1800, 7200))
        log.move("order", order.pk, order.state, OrderState.CLOSED, who, reason=outcome.closed, note=outcome.note)
        order.state, order.closed_reason, order.closed_note = OrderState.CLOSED, outcome.closed, outcome.note


class _Events:
    """Numbers an order's events without gaps and keeps their times in order."""

    def __init__(self, order: ReleaseOrder, at: datetime) -> None:
        self._order, self.at, self._created_at = order, at, at
        self._events: list[OrderEvent] = []

    def after(self, seconds: float) -> datetime:
        """Time passes; never into the future."""
        self.at = min(self.at + timedelta(seconds=seconds), timezone.now())
        return self.at

    def add(self, kind: str, actor: User | None, **data: object) -> None:
        """Something happened now."""
        seq = len(self._events) + 1
        self._events.append(OrderEvent(order=self._order, seq=seq, kind=kind, actor=actor, data=data, at=self.at))

    def move(self, what: str, pk: int, old: str, new: str, actor: User | None, **data: object) -> None:
        """A change of state, told as ``releases.transitions`` tells it."""
        self.add(f"{what}.{new}", actor, **{"id": pk, "from": old, "to": new, "reason": "", **data})

    def keep(self) -> None:
        """Write the events and the order as they leave it."""
        OrderEvent.objects.bulk_create(self._events)
        OrderFeed.objects.filter(pk=self._order.pk).update(last_seq=len(self._events), last_event_at=self.at)
        self._order.save()
        # Filled in by the model when it was made.
        ReleaseOrder.objects.filter(pk=self._order.pk).update(created_at=self._created_at)


def _number(at: datetime, dice: random.Random) -> str:
    local = at.astimezone(zoneinfo.ZoneInfo(settings.TIME_ZONE))
    letters = "".join(chr(dice.randrange(65, 91)) for _letter in range(2))
    return f"K8S{local:%Y%m%d%H%M%S}{letters}"


def _freeze(order: ReleaseOrder, commit: str) -> None:
    chosen = ComponentSettings.objects.filter(component=order.component).order_by("-number").first()
    assert chosen is not None
    order.commit, order.component_settings, order.base_image = commit, chosen, chosen.base_image
    order.dockerfile = TemplateVersion.objects.filter(template=chosen.dockerfile).order_by("-number").first()
    order.bootstart = TemplateVersion.objects.filter(template=chosen.bootstart).order_by("-number").first()


def _digest(order: ReleaseOrder) -> str:
    return "sha256:" + hashlib.sha256(order.number.encode()).hexdigest()


def _stages(began: datetime, seconds: int, *, is_good: bool) -> list[dict[str, object]]:
    shares = (0.1, 0.5, 0.05, 0.2, 0.15)
    found: list[dict[str, object]] = []
    started = int(began.timestamp() * 1000)
    for name, share in zip(STAGES, shares, strict=True):
        lasted = int(seconds * 1000 * share)
        is_bad = not is_good and name == "Build"
        found.append(
            {
                "name": name,
                "state": "failed" if is_bad else "succeeded",
                "started_ms": started,
                "duration_ms": lasted,
                "message": "script returned exit code 2" if is_bad else "",
            }
        )
        if is_bad:
            break
        started += lasted
    return found
