"""An installation in which something of everything goes on: carried, running, failed, crashing, waiting for people."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from demo.application import files
from demo.repository import git
from demo.world import (
    APPROVER,
    DEVELOPER,
    NAMESPACE_PREFIX,
    OPERATOR,
    ORGANISATION,
    PLATFORM_ADMIN,
    PROJECT_ADMIN,
    SUBSYSTEMS,
    repository_name,
)
from tests.patience import wait_for
from tests.ux.two_trains import APPROVING, STOPPED
from tests.whole.people import Carried, Crew, Person
from tests.whole.product import Product

OMM, ITC = (subsystem.slug for subsystem in SUBSYSTEMS)
EMPTY = "sis-new"
SLOW_BRANCH = "slow-start"
SLOW_DEADLINE = 3600
SLOW_PODS, SLOW_SECONDS = 12, 50
"""One pod after the other: ten minutes. A longer wait for one pod would be judged, rightly, as its failure."""
LOUD_BRANCH = "loud-build"
LOUD_LINES = 4000
AMOUNTS = ("replicas", "cpu_request", "cpu_limit", "memory_request", "memory_limit")
GATEWAY, _, ACCOUNTS = (f"{OMM}/{app.slug}" for app in SUBSYSTEMS[0].apps)
WEB, ADMIN, UI, STATIC, POS, EDITED, MOBILE = (f"{ITC}/{app.slug}" for app in SUBSYSTEMS[1].apps)


@dataclass
class Scene:
    """Where to look. ``orders``: name → number; ``rollouts``: name → id of a deployment; ``rows``: other ids."""

    url: str
    orders: dict[str, str] = field(default_factory=dict)
    rollouts: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def keep(self, name: str, order: Carried) -> Carried:
        """Remember an order by its part in the scene."""
        self.orders[name] = order.number
        return order

    def keep_rollout(self, name: str, order: Carried, environment: str) -> None:
        """Remember the order's deployment there."""
        self.rollouts[name] = order.at(environment)["deployment"]["id"]


def make_scene(product: Product) -> Scene:
    """Everything at once, as far as it does not need each other; about a minute."""
    scene = Scene(product.url)
    _push_branches(product)
    admin = Person(product.url, PROJECT_ADMIN)
    _prepare_policies(admin)
    _make_empty_project(product)
    _make_group(product)
    # Jenkins has two places: what never ends gets one when everything else has been built.
    acts = (_carry, _crash, _fail, _prepare_roll, _wait_for_deployment, _wait_for_tester, _edit_outside)
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(_timed, act, product, scene) for act in acts]:
            done.result()
    _timed(_hang, product, scene)
    crowd = product.more("-m", "tests.ux.crowd", name="crowd")
    assert crowd.wait(120) == 0, product.log()
    _timed(_couple, product, scene)
    _timed(_roll, product, scene)
    return scene


def _timed(act: Callable[[Crew, Scene], None], product: Product, scene: Scene) -> None:
    began = time.monotonic()
    act(Crew(product), scene)
    scene.seconds[act.__name__.strip("_")] = round(time.monotonic() - began, 1)


# ---------------------------------------------------------------- what goes on
def _carry(crew: Crew, scene: Scene) -> None:
    """One order in all environments, and the next one waiting for its approval for production."""
    first = scene.keep("carried", crew.create(GATEWAY))
    first.build()
    for environment in ("fat", "uat", "prd", "drp"):
        first.to(environment)
        scene.keep_rollout(f"carried-{environment}", first, environment)
    second = scene.keep("approving", crew.create(GATEWAY, "feature/limit-check"))
    second.build()
    second.to("fat")
    second.to("uat")
    second.promote("prd")
    second.reviewed("prd")


def _crash(crew: Crew, scene: Scene) -> None:
    """A deployment whose pods crash, over one that runs."""
    good = scene.keep("good", crew.create(ACCOUNTS))
    good.build()
    good.to("fat")
    bad = scene.keep("crashing", crew.create(ACCOUNTS, "crash-on-start"))
    bad.build()
    bad.promote("fat")
    bad.start_deployment("fat")
    wait_for(lambda: bad.at("fat")["deployment"]["state"] == "failed", "the crash is found out", 90)
    scene.keep_rollout("crashing", bad, "fat")


def _fail(crew: Crew, scene: Scene) -> None:
    """A build that fails after thousands of lines, with break-glass for it; and an order that nobody has built yet."""
    order = scene.keep("failed", crew.create(MOBILE, LOUD_BRANCH))
    order.start_build()
    wait_for(lambda: order.overview()["state"] == "build_failed", "the build fails", 60)
    scene.keep("new", crew.create(MOBILE, "feature/fee-classes"))
    reason = "Order entry is down and the market opens at 09:15; the fix ran in FAT only."
    on_duty = Person(scene.url, OPERATOR)
    opened = on_duty.post(f"orders/{order.number}/break-glasses/", environment="prd", reason=reason, minutes=120)
    scene.rows["break_glass"] = opened["id"]
    project, component = STATIC.split("/")
    ends = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    held = on_duty.post(
        f"projects/{project}/spaces/uat/holds/",
        component=component,
        reason="Six cases of the round are left.",
        ends_at=ends,
    )
    scene.rows["hold"] = held["id"]


def _prepare_roll(crew: Crew, scene: Scene) -> None:
    """Many pods that run, and an order whose pods take their time."""
    old = crew.create(WEB)
    old.build()
    old.to("fat")
    slow = scene.keep("rolling", crew.create(WEB, SLOW_BRANCH))
    slow.build()
    slow.promote("fat")


def _roll(crew: Crew, scene: Scene) -> None:
    """Under way for as long as anybody looks."""
    slow = Carried(crew, scene.orders["rolling"], WEB)
    slow.start_deployment("fat")
    wait_for(lambda: (slow.at("fat")["deployment"]["progress"] or {}).get("pods"), "pods are seen", 30)
    scene.keep_rollout("rolling", slow, "fat")


def _wait_for_deployment(crew: Crew, scene: Scene) -> None:
    """Promoted and reviewed for UAT: operations may deploy."""
    order = scene.keep("reviewed", crew.create(ADMIN))
    order.build()
    order.to("fat")
    order.promote("uat")
    order.reviewed("uat")


def _wait_for_tester(crew: Crew, scene: Scene) -> None:
    """Runs in UAT; the tester has not said yet whether it may go on."""
    order = scene.keep("tested", crew.create(UI))
    order.build()
    order.to("fat")
    order.to("uat")


def _edit_outside(crew: Crew, scene: Scene) -> None:
    """One order runs, kubectl changed it, and the review of the next one says so."""
    old = crew.create(EDITED)
    old.build()
    old.to("fat")
    project, name = EDITED.split("/")
    path = f"/apis/apps/v1/namespaces/{NAMESPACE_PREFIX}-{project}-fat/deployments/{name}"
    change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}}}
    edit_with_kubectl(crew.product, path, change)
    order = scene.keep("conflicting", crew.create(EDITED, "master"))
    order.build()
    order.promote("fat")
    wait_for(lambda: (order.at("fat")["review"] or {}).get("state") in ("failed", "succeeded"), "the review ends", 60)


def edit_with_kubectl(product: Product, path: str, change: dict[str, Any]) -> None:
    """A merge patch on the stand-in cluster, by the hand that ``kubectl edit`` signs with."""
    headers = {
        "Authorization": f"Bearer {product.secret('kubernetes')}",
        "Content-Type": "application/merge-patch+json",
    }
    answer = httpx.patch(
        f"{product.stand_in('kubernetes')}{path}?fieldManager=kubectl-edit", json=change, headers=headers
    )
    answer.raise_for_status()


def _couple(crew: Crew, scene: Scene) -> None:
    """Two trains: one waits for approvals, one has stopped."""
    numbers = [scene.orders[name] for name in ("carried", "approving", "crashing")]
    made = crew.product.more("-m", "tests.ux.two_trains", *numbers, name="trains")
    assert made.wait(60) == 0, crew.product.log()
    listed = Person(scene.url, OPERATOR).get("trains/")["items"]
    ids = {row["name"]: row["id"] for row in listed}
    scene.rows |= {"train": ids[APPROVING], "train_stopped": ids[STOPPED]}


def _hang(crew: Crew, scene: Scene) -> None:
    order = scene.keep("building", crew.create(STATIC, "hang"))
    order.start_build()
    wait_for(lambda: order.overview()["builds"][0]["state"] == "running", "the build runs", 30)


# ---------------------------------------------------------------- what it needs
def _prepare_policies(admin: Person) -> None:
    """A dozen pods of WEB in FAT, and time for them."""
    space = f"projects/{ITC}/spaces/fat/"
    version = admin.get(space)["version"]
    admin.send("PATCH", f"{space}policy/", deploy_deadline_seconds=SLOW_DEADLINE, version=version)
    where = f"components/{WEB}/allocations/"
    (now,) = (row for row in admin.get(where)["items"] if row["environment"] == "fat")
    amounts = {name: now[name] for name in AMOUNTS}
    admin.send("PUT", f"{where}fat/", **{**amounts, "replicas": SLOW_PODS}, note="十二个副本 (a dozen pods)")


def _make_empty_project(product: Product) -> None:
    """A project in which nothing is yet; its administrator is the demo's."""
    names = {"name": "新业务 (SIS-NEW)", "name_en": "New business (SIS-NEW)"}
    body = {"organisation": ORGANISATION[0], "slug": EMPTY, "administrators": [PROJECT_ADMIN], **names}
    Person(product.url, PLATFORM_ADMIN).post("projects/", **body)
    Person(product.url, PROJECT_ADMIN).post(f"projects/{EMPTY}/members/", username=DEVELOPER, role="developer")


def _make_group(product: Product) -> None:
    """One for the night, which holds a role in production."""
    site_admin = Person(product.url, PLATFORM_ADMIN)
    site_admin.post("groups/", slug="night", name="夜间值班", name_en="Night shift")
    site_admin.post("groups/night/people/", username=APPROVER)
    Person(product.url, PROJECT_ADMIN).post(
        f"projects/{ITC}/members/", group="night", role="operations", environment="prd", reason="nights"
    )


def _push_branches(product: Product) -> None:
    """Branches that the demo's own repositories do not have: a slow start, and a failure far down in a long log."""
    root = product.data / "sandbox" / "git"
    web, mobile = SUBSYSTEMS[1].apps[0], SUBSYSTEMS[1].apps[6]
    slow = {"src/scenario": f"slow {SLOW_SECONDS}\n"}
    push(root / repository_name(ITC, web), SLOW_BRANCH, "Warm the caches before serving", slow)
    loud = files(mobile)["Makefile"].replace(
        "\tpython3 -m compileall -q src",
        f'\t@for n in $$(seq {LOUD_LINES}); do echo "checked class $$n of {LOUD_LINES}"; done\n'
        "\tpython3 -m compileall -q src",
    )
    broken = files(mobile)["src/desk/quotes.py"].replace("def quote(", "def quote(:")
    changes = {"Makefile": loud, "src/desk/quotes.py": broken}
    push(root / repository_name(ITC, mobile), LOUD_BRANCH, "Check every class, forget a bracket", changes)


def push(repository: Path, branch: str, subject: str, changes: dict[str, str]) -> None:
    """One commit on top of master, as a branch of its own."""
    lines = [f"commit refs/heads/{branch}", f"committer 林涛 <lintao@example.com> {int(time.time()) - 900} +0800"]
    parts = [*lines, _data(subject), "from refs/heads/master^0"]
    for path, text in changes.items():
        parts += [f"M 100644 inline {path}", _data(text)]
    git(["--git-dir", str(repository), "fast-import", "--quiet"], stdin="\n".join(parts).encode() + b"\n")


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"
