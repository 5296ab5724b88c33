"""A living first day: ten components on the cluster, each act by the person whose act it is, over the product's API.

``python -m demo.living DATA PID`` is started by ``make up`` and by nothing else, and ends with it: ``PID`` is the
product that it waits for, ``DATA`` its folder. It ends when everything stands as it should; the same data is furnished
once. What it did not get to stays as it is: nothing here is needed to work with the product.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from demo import world
from demo.client import Away, Cast, Refusal
from demo.report import Reached, Report
from demo.repository import git
from demo.running import START_SECONDS
from demo.scenario import STAGES, Carrier, Failed
from demo.screen import Screen
from prism4k.supervisor import die_with_parent

OMM, ITC = world.SUBSYSTEMS
GATEWAY, MOP, ACCOUNTS = (f"{OMM.slug}/{app.slug}" for app in OMM.apps)
WEB, ADMIN, UI, STATIC, POS, PROXY, MOBILE = (f"{ITC.slug}/{app.slug}" for app in ITC.apps)
FAT, UAT, PRD, DRP = STAGES
DONE = Path("demo") / "living.json"
SLOW_BRANCH = "slow-start"
SLOW_PODS, SLOW_SECONDS, SLOW_DEADLINE = 12, 50, 3600
"""Ten minutes, one pod after the other."""
AMOUNTS = ("replicas", "cpu_request", "cpu_limit", "memory_request", "memory_limit")
SAID = "首日演示 (the first day)"
TOGETHER = 4
"""So many stories at a time: Jenkins builds two, and the other two deploy meanwhile."""


class Quiet(Screen):
    """Says nothing: the product's own pages show what happens."""

    def _write(self, text: str) -> None:
        pass

    def bar(self, done: float, text: str) -> None:
        """Nothing."""


@dataclass
class Day:
    """What was made: the numbers of orders by their part, and what did not get through."""

    orders: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class Living:
    """The stories, each of one component."""

    def __init__(self, people: Cast, day: Day, data: Path) -> None:
        self._people, self._day, self._data = people, day, data

    def live(self) -> None:
        """The main order first, the others beside it; what one of them lacks keeps no other."""
        stories: tuple[Callable[[], None], ...] = (
            self.gateway, self.static, self.accounts, self.web, self.pos, self.mop, self.proxy, self.ui, self.admin,
            self.mobile,
        )  # fmt: skip
        with ThreadPoolExecutor(TOGETHER) as pool:
            for _done in pool.map(self._tell, stories):
                pass

    def _tell(self, story: Callable[[], None]) -> None:
        try:
            story()
        except (Failed, Refusal, Away) as error:
            self._day.troubles[story.__name__] = str(error)

    def _order(self, part: str, component: str, branch: str = "master") -> Carrier:
        carrier = Carrier(self._people, Quiet(), Report(), said=SAID)
        self._day.orders[part] = carrier.begin(component, branch)
        return carrier

    def gateway(self) -> None:
        """Runs everywhere: the main order."""
        order = self._order("everywhere", GATEWAY)
        for stage in STAGES:
            order.go_to(stage)

    def web(self) -> None:
        """Runs everywhere, and the next order is ahead in FAT and UAT: production is behind."""
        first = self._order("behind", WEB)
        for stage in STAGES:
            first.go_to(stage)
        second = self._order("ahead", WEB, "feature/limit-check")
        second.go_to(FAT)
        second.go_to(UAT)

    def accounts(self) -> None:
        """Runs in FAT, and the next order crashes over it."""
        self._order("good", ACCOUNTS).go_to(FAT)
        bad = self._order("failing", ACCOUNTS, "crash-on-start")
        try:
            bad.go_to(FAT)
        except Failed:
            return
        raise Failed("The order that was to crash did not.")

    def static(self) -> None:
        """Rolls out in FAT, pod by pod."""
        self._many_pods()
        self._order("old", STATIC).go_to(FAT)
        slow = self._order("rolling", STATIC, SLOW_BRANCH)
        slow.promote(FAT)
        slow.deploy(FAT, Reached(FAT.label))

    def _many_pods(self) -> None:
        push_slow_branch(self._data / "sandbox" / "git" / world.repository_name(ITC.slug, ITC.apps[3]))
        admin, space = self._people[world.PROJECT_ADMIN], f"projects/{ITC.slug}/spaces/fat/"
        version = admin.get(space)["version"]
        admin.patch(f"{space}policy/", {"deploy_deadline_seconds": SLOW_DEADLINE, "version": version})
        where = f"components/{STATIC}/allocations/"
        now = next(row for row in admin.get(where)["items"] if row["environment"] == "fat")
        amounts = {name: now[name] for name in AMOUNTS}
        admin.put(f"{where}fat/", {**amounts, "replicas": SLOW_PODS, "note": "十二个副本 (a dozen pods)"})

    def mop(self) -> None:
        """Waits for the approval of its release board."""
        order = self._to_production("to-approve", MOP)
        order.review(PRD)

    def pos(self) -> None:
        """Is approved for production and waits for operations."""
        order = self._to_production("to-deploy", POS)
        order.approve(PRD, order.review(PRD)["snapshot"])

    def _to_production(self, part: str, component: str) -> Carrier:
        order = self._order(part, component)
        order.go_to(FAT)
        order.go_to(UAT)
        order.promote(PRD)
        return order

    def proxy(self) -> None:
        """Runs in production and its twin."""
        order = self._order("production", PROXY)
        for stage in STAGES:
            order.go_to(stage)

    def ui(self) -> None:
        """Waits for the tester's word."""
        order = self._order("to-test", UI)
        order.go_to(FAT)
        order.go_to(UAT)

    def admin(self) -> None:
        """Waits for operations to deploy it to UAT."""
        order = self._order("to-deploy-to-uat", ADMIN)
        order.go_to(FAT)
        order.promote(UAT)
        order.review(UAT)

    def mobile(self) -> None:
        """Runs in FAT, and the next build fails."""
        self._order("works", MOBILE).go_to(FAT)
        try:
            self._order("does-not-compile", MOBILE, "fail-compile")
        except Failed:
            return
        raise Failed("The build that was to fail did not.")


def push_slow_branch(repository: Path) -> None:
    """One commit on top of master whose pods take their time; raises CalledProcessError."""
    said, slow = "Warm the caches before serving", f"slow {SLOW_SECONDS}\n"
    lines = (
        f"commit refs/heads/{SLOW_BRANCH}", f"committer 林涛 <lintao@example.com> {int(time.time()) - 900} +0800",
        f"data {len(said)}", said, "from refs/heads/master^0",
        "M 100644 inline src/scenario", f"data {len(slow)}", slow,
    )  # fmt: skip
    text = "\n".join(lines)
    git(["--git-dir", str(repository), "fast-import", "--quiet", "--force"], stdin=text.encode())


def furnish(url: str, data: Path) -> Day:
    """All stories; what did not get through is in the day's troubles."""
    began, day = time.monotonic(), Day()
    with Cast(url, world.PASSWORD) as people:
        for username in (world.DEVELOPER, world.TESTER, world.OPERATOR, world.APPROVER, world.PROJECT_ADMIN):
            # Now, for several stories would sign them in at once.
            people[username].get("me/")
        Living(people, day, data).live()
    day.seconds = round(time.monotonic() - began, 1)
    return day


def address_of(data: Path, pid: int) -> str:
    """Where the product serves, once it does; empty where it does not come up."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            status = json.loads((data / "run" / "up.json").read_text())
        except (OSError, ValueError):
            status = {}
        if status.get("pid") == pid:
            return str(status["url"])
        time.sleep(0.5)
    return ""


def main(data: Path, pid: int) -> int:
    """0 when everything stands, or stood already; 1 with what does not, on stderr."""
    die_with_parent(pid, signal.SIGTERM)()
    done = data / DONE
    url = "" if done.exists() else address_of(data, pid)
    if not url:
        return 0
    day = furnish(url, data)
    done.parent.mkdir(parents=True, exist_ok=True)
    done.write_text(json.dumps(asdict(day), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for story, why in day.troubles.items():
        sys.stderr.write(f"The first day lacks {story}: {why}\n")
    return 1 if day.troubles else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
