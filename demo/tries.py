"""What to try with the demo's data: each of these really happens, and leaves something to look at."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode

from demo import world
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.heartbeat import living
from releases.models import Placement

PROJECT = world.SUBSYSTEMS[0]
APP = PROJECT.apps[2]
ENTRY = world.PLACES[0]
DONE = Path("demo") / "living.json"
"""In the data directory: what the first day made, once it is over."""
TOO_MANY = 100
"""More pods than a demo namespace may have (``world.CEILING_PODS``)."""
FAILING_BRANCH, CRASHING_BRANCH, GOOD_BRANCH = "fail-compile", "crash-on-start", "master"


@dataclass(frozen=True)
class Try:
    """One thing to try: as whom, on which page (or by which commands in a shell), and what there is to see."""

    icon: str
    title: MessageLike
    do: MessageLike
    see: MessageLike
    username: str = ""
    url: str = ""
    commands: tuple[str, ...] = ()

    @property
    def person(self) -> world.Person | None:
        """Who one has to be."""
        return next((person for person in world.PEOPLE if person.username == self.username), None)


def tries() -> list[Try]:
    """All of them, as things stand now: two queries."""
    return [
        *_first_day(),
        _fail_a_build(),
        _crash_a_pod(),
        _exceed_a_quota(),
        _approve_your_own(),
        *_kill_the_worker(),
        *_alter_audit(),
    ]


def _first_day() -> list[Try]:
    """What ten components that deployed at the start have ready to look at; nothing where they did not."""
    try:
        orders = json.loads((settings.DATA_DIR / DONE).read_text(encoding="utf-8"))["orders"]
    except (OSError, ValueError, KeyError):
        return []
    made = [
        Try(
            "deployments", _("Watch a rollout"),
            _("Pods of SIS-CHINA-ITC-APP-STATIC are replaced one by one: open its pods, its topology and its log."),
            _("Old and new pods in one log by time, each with its name and colour; who joins and leaves is told."),
            world.DEVELOPER, *_order_at(orders, "rolling", "fat"),
        ),
        Try(
            "alert", _("Find out why a rollout failed"),
            _("Open the order that crashes in FAT."),
            _("The cause in words with the line of the log, which order still serves, and the way back."),
            world.DEVELOPER, *_order_at(orders, "failing", "fat"),
        ),
        Try(
            "approvals", _("Approve as the second person"),
            _("Read the review for production and approve it in its foot."),
            _("The difference first; then who may deploy it, by name."),
            world.APPROVER, *_order_at(orders, "to-approve", "prd"),
        ),
        Try(
            "rocket", _("Deploy to production"),
            _("It is promoted and approved: review it and type the last four characters of its number."),
            _("Pods come one after the other, to a verdict, while the page stands still."),
            world.OPERATOR, *_order_at(orders, "to-deploy", "prd"),
        ),
        Try(
            "check", _("Say what the test showed"),
            _("It runs in UAT: promote it to PRD with your word, or return it."),
            _("Without the tester's word it goes no further; the inbox of who is next has it at once."),
            world.TESTER, *_order_at(orders, "to-test", "prd"),
        ),
    ]  # fmt: skip
    return [one for one in made if one.url]


def _order_at(orders: dict[str, str], part: str, environment: str) -> tuple[str]:
    number = orders.get(part, "")
    return (f"{reverse('releases:order', args=[number])}?panel={environment}" if number else "",)


def _new_order(branch: str) -> str:
    query = urlencode({"component": f"{PROJECT.slug}/{APP.slug}", "branch": branch})
    return f"{reverse('releases:new')}?{query}"


def _by_an_order(branch: str, **texts: Any) -> Try:
    """Something that begins with a developer's order of this branch."""
    return Try(username=world.DEVELOPER, url=_new_order(branch), **texts)


def _fail_a_build() -> Try:
    return _by_an_order(
        FAILING_BRANCH,
        icon="hammer",
        title=_("Fail a build"),
        do=_("Create the order from branch fail-compile and start its build."),
        see=_("The stage Build turns red within seconds, the log stands at its first error, and Retry is offered."),
    )


def _crash_a_pod() -> Try:
    return _by_an_order(
        CRASHING_BRANCH,
        icon="flask",
        title=_("Crash a pod"),
        do=_("Create the order from branch crash-on-start, build it, promote it to FAT and deploy it there."),
        see=_("The rollout fails: the cause in words, the pod's last lines, what to do next, and Roll back."),
    )


def _exceed_a_quota() -> Try:
    serving = Placement.objects.filter(
        space__project__slug=PROJECT.slug,
        space__environment__slug=ENTRY.slug,
        last_succeeded__isnull=False,
        in_progress__isnull=True,
    )
    place = serving.select_related("component").defer("pods", "drift").order_by("pk").first()
    see = _("Quota prism4k is full: how many pods it lets, how many there are, and who can raise it.")
    if place is None:
        return _by_an_order(
            GOOD_BRANCH,
            icon="scale",
            title=_("Exceed a quota"),
            do=_("Nothing runs in FAT yet: create an order, build and deploy it there; then scale it to 100 replicas."),
            see=see,
        )
    return Try(
        icon="scale",
        title=_("Exceed a quota"),
        do=_(
            "Scale it in FAT to %(replicas)s replicas; the namespace may have %(most)s pods.",
            replicas=TOO_MANY,
            most=world.CEILING_PODS,
        ),
        see=see,
        username=world.DEVELOPER,
        url=reverse("releases:runtime", args=[PROJECT.slug, place.component.slug, ENTRY.slug]),
    )


def _approve_your_own() -> Try:
    return Try(
        icon="users",
        title=_("Approve your own order"),
        do=_(
            "As Zhao Gang, create and build an order and deploy it to FAT. Let Wang Fang promote it to UAT and, once "
            "it is deployed there, to PRD. Then open its review for PRD as Zhao Gang again."
        ),
        see=_("Four eyes: people who created or built an order do not approve it. Liu Yang may."),
        username=world.OPERATOR,
        url=_new_order(GOOD_BRANCH),
    )


def _kill_the_worker() -> list[Try]:
    """By the number of its process; left out while none is alive."""
    pids = [int(beat.detail["pid"]) for beat in living("worker") if beat.detail.get("pid")]
    if not pids:
        return []
    return [
        Try(
            icon="terminal",
            title=_("Kill the worker"),
            do=_("Start a build; while it runs, type this in a shell on this machine:"),
            see=_("The build and its log go on where they were; System health shows the worker back within seconds."),
            username=world.PLATFORM_ADMIN,
            url=reverse("desk:health"),
            commands=(f"kill -9 {pids[0]}",),
        )
    ]


def _alter_audit() -> list[Try]:
    """For the database that the demo comes with; another one is nobody's to break."""
    database = settings.DATABASES["default"]
    if not str(database["ENGINE"]).endswith("sqlite3"):
        return []
    # Strings in double quotes only: the shell's single quotes around the whole stay readable.
    connect = f"import sqlite3; db = sqlite3.connect({json.dumps(str(database['NAME']), ensure_ascii=False)})"
    update = 'db.execute("update audit_auditevent set actor_name = ? where id = 1", ["nobody"])'
    drop = 'db.execute("drop trigger audit_auditevent_no_update")'
    verify = shlex.join([sys.executable, str(settings.BASE_DIR / "manage.py"), "audit_verify"])
    return [
        Try(
            icon="certificate",
            title=_("Alter an audit row"),
            do=_("Type these in a shell, one after the other; “make reset” makes the demo's data anew afterwards."),
            see=_(
                "The first is refused: audit rows are append-only. The second takes the guard away first and succeeds; "
                "the third finds the row that was changed all the same."
            ),
            commands=(
                shlex.join([sys.executable, "-c", f"{connect}; {update}"]),
                shlex.join([sys.executable, "-c", f"{connect}; {drop}; {update}; db.commit()"]),
                f"PRISM4K_DATA_DIR={shlex.quote(str(settings.DATA_DIR))} {verify}",
            ),
        )
    ]
