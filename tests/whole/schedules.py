"""One random schedule: a build, what goes wrong in Jenkins, who is killed where, and what must be true afterwards."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.world import CARRIED
from tests.patience import wait_for
from tests.whole.attempt import WAIT_SECONDS, Attempt, Scene
from tests.whole.controller import FOREIGN_LINE, JOB
from tests.whole.holding import AWAY, Hold
from tests.whole.people import COMPONENT

CLICK, RUNNING, END, STOP, QUEUE = "click", "running", "end", "stop", "queue"
SUCCEED, FAIL, STOPPED, ABORTED = "succeed", "fail", "stop", "abort in Jenkins"
RIGHT = {
    SUCCEED: ("SUCCESS", "succeeded"),
    FAIL: ("FAILURE", "failed build_failed"),
    STOPPED: ("ABORTED", "cancelled stopped"),
    ABORTED: ("ABORTED", "failed aborted"),
}
"""What Jenkins says then, and what we say."""
LINE = "一行"
STAGES = r"/wfapi/describe"
SECRET = "hunter2-of-the-schedule"
NO_ANSWER = ("hangs up", "503", "too many", "a page", "another 404")
"""Before anything was sent, a clear no ends a build: these are none."""


@dataclass(frozen=True)
class Point:
    """A request that is on its way when the process dies. ``moment``: when the trap is set. ``is_before``: the request
    has not arrived at the server yet."""

    name: str
    moment: str
    method: str
    path: str
    is_before: bool = False
    is_registry: bool = False


POINTS = (
    Point("the trigger is sent", CLICK, "POST", r"/buildWithParameters", is_before=True),
    Point("the trigger is answered", CLICK, "POST", r"/buildWithParameters"),
    Point("the queue item is read", CLICK, "GET", r"/queue/item/"),
    Point("the stages are read", CLICK, "GET", STAGES),
    Point("the builds are read", RUNNING, "GET", r"tree=builds"),
    Point("the log is read", RUNNING, "GET", r"/progressiveText"),
    Point("the whole log is read", END, "GET", r"/consoleText"),
    Point("the image is read", END, "GET", r"/manifests/", is_registry=True),
    Point("the stop is sent", STOP, "POST", r"/\d+/stop", is_before=True),
    Point("the item is taken out", QUEUE, "POST", r"/queue/cancelItem"),
)
READS = {"builds": "tree=builds", "stages": "wfapi/describe", "log": "progressiveText", "all": "."}
STRANGE: tuple[dict[str, Any], ...] = (
    {"status": 401},
    {"status": 403},
    {"status": 404},
    {"status": 503},
    {"kind": "login_page"},
    {"kind": "login_redirect"},
    {"kind": "drop"},
    {"kind": "delay", "seconds": 0.7},
    {"kind": "trickle", "seconds": 0.1},
    {"status": 200, "body": "", "headers": {"Content-Type": "text/plain"}},
    {"status": 200, "body": "<html>Please sign in</html>", "headers": {"Content-Type": "text/plain"}},
)
BEFORE = f"password={SECRET}\n-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n".encode()
AFTER = b"KEYMATERIAL\n-----END RSA PRIVATE KEY-----\n10%\r100%\n\x1b]0;title\x07\x1b[2J half of a sign: \xe6\x94\n"


@dataclass
class Schedule:
    """``run`` plays it and fails where something is not true."""

    scene: Scene
    seed: int
    done: list[str] = field(default_factory=list)
    is_lost: bool = False
    was_refused: bool = False
    foreign: str = ""

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.chance = random.Random(self.seed)
        self.point = self.point_of(self.seed)
        self.folder = self.scene.folder / f"schedule-{self.seed}"
        self.folder.mkdir()
        self.gate, self.foreign_gate = self.folder / "gate", self.folder / "foreign"
        self.ending = self._choose_ending()

    @staticmethod
    def point_of(seed: int) -> Point:
        """Even and odd seeds begin at different ones."""
        return POINTS[(seed // 2 + seed % 2 * 3) % len(POINTS)]

    def _choose_ending(self) -> str:
        if self.point.moment in (STOP, QUEUE):
            return STOPPED
        return SUCCEED if self.point.is_registry else self.chance.choice((SUCCEED, SUCCEED, FAIL, STOPPED, ABORTED))

    # ------------------------------------------------------------ the play
    def run(self) -> None:
        """From the click to the truth."""
        try:
            self._play()
            self._check()
        finally:
            self.gate.write_text("1")
            self.foreign_gate.touch()

    def story(self) -> str:
        """What was done, and when."""
        return f"Schedule {self.seed}, killed where {self.point.name}: {', '.join(self.done)}"

    def _play(self) -> None:
        jenkins, self.scene.images.away = self.scene.jenkins, ""
        jenkins.clear()
        self.scene.await_hands()
        self._write_command()
        order = self.scene.crew.create()
        # A build that waits in the queue has no stages to be read.
        may_wait = self.point.path != STAGES
        is_held_back = self.point.moment == QUEUE or (self.chance.random() < 0.3 and may_wait)
        if is_held_back:
            jenkins.knob("quiet-down", on=True)
        if self.chance.random() < 0.3:
            self._do("agent on demand", {"agent on demand": lambda: jenkins.knob("nodes", labels=[])})
        self._spoil_trigger()
        if self.chance.random() < 0.25:
            self._lose_registry(NO_ANSWER)
        hold = self._trap(CLICK)
        order.start_build()
        self.attempt = Attempt(self.scene, order, order.overview()["builds"][0]["id"], "")
        self.attempt.trigger = str(uuid.UUID(str(self.attempt.column("trigger_id"))))
        self._kill_in(hold)
        if is_held_back and self._in_queue():
            return
        self.attempt.reach("building")
        self._while_it_runs()
        self._end()

    def _write_command(self) -> None:
        """A build command that goes on until its gate has a file, and ends as that says."""
        app = CARRIED[1]
        (self.folder / "before").write_bytes(BEFORE if self.chance.random() < 0.5 else b"")
        (self.folder / "after").write_bytes(AFTER)
        command = (
            f"mkdir -p {app.artifact_directory} && echo {self.seed} > {app.artifact_directory}{app.package}\n"
            f"cat {self.folder}/before\n"
            f'while [ ! -e {self.gate} ]; do i=$((i+1)); echo "line $i {LINE}"; sleep 0.1; done\n'
            f'cat {self.folder}/after\nexit "$(cat {self.gate})"\n'
        )
        self.scene.crew.developer.send("PUT", f"components/{COMPONENT}/settings/", build_command=command)

    def _spoil_trigger(self) -> None:
        """None of these says that the trigger did not arrive, so none may end the build."""
        answer = self.chance.choice(({}, {}, {"kind": "drop"}, {"status": 503}, {"kind": "delay", "seconds": 1}))
        # A search finds what the queue has let go by then, and the item is never read.
        if answer and self.point.method != "POST" and self.point.path != r"/queue/item/":
            self.scene.jenkins.knob("rules", match="POST .*buildWithParameters", **answer)
            self._note(f"trigger {answer}")

    def _in_queue(self) -> bool:
        """True where it never leaves the queue."""
        jenkins = self.scene.jenkins
        self.attempt.reach("queued")
        acts: dict[str, Callable[[], object]] = {
            "nothing": lambda: None,
            "strange item": lambda: self._spoil("/queue/item/"),
            "restart": lambda: jenkins.knob("crash", down_seconds=0.5),
            "queue lost": lambda: jenkins.knob("crash", lose_queue=True, reset_queue_ids=True),
        }
        self._do(self.chance.choice(list(acts)) if self.point.moment != QUEUE else "nothing", acts)
        if self.point.moment == QUEUE:
            hold = self._trap(QUEUE)
            self._stop()
            self._kill_in(hold)
            return True
        jenkins.knob("quiet-down", on=False)
        return False

    def _while_it_runs(self) -> None:
        if self.point.path in (r"/progressiveText", STAGES) or self.chance.random() < 0.6:
            self._watch()
        if self.chance.random() < 0.4:
            self._start_foreign()
        self.scene.jenkins.knob("nodes", labels=None)
        self._kill_in(self._trap(RUNNING))
        acts: dict[str, Callable[[], object]] = {
            "strange read": lambda: self._spoil(READS[self.chance.choice(list(READS))]),
            "restart": lambda: self.scene.jenkins.knob("crash", down_seconds=0.5),
            "job hidden": lambda: self.scene.jenkins.knob(f"jobs/{JOB}", hidden=True),
            "job disabled": lambda: self.scene.jenkins.knob(f"jobs/{JOB}", disabled=True),
            "rights lost": lambda: self.scene.jenkins.knob("account", lacks=["hudson.model.Item.Read"]),
            "agents away": lambda: self.scene.jenkins.knob("nodes", offline=["JNLP_python_3.11"]),
            "older version": lambda: self.scene.jenkins.knob("version", version="2.504.3"),
            "log cut": lambda: self._log(keep=self.chance.randint(0, 200)),
            "much log": lambda: self._log(append="much of it\n", times=60_000),
            "bytes": lambda: self._log(append="\xe6\x94\xaf \xff\xfe \xe6\x94", times=1),
        }
        for _time in range(self.chance.randint(1, 2)):
            self._do(self.chance.choice(list(acts)), acts)
            # The moment is what is tried here: there is nothing to wait for.
            time.sleep(self.chance.choice((0.0, 0.4, 1.2)))
        self.scene.jenkins.heal()
        if self.point.moment in (CLICK, RUNNING) and self.chance.random() < 0.3:
            self._lose()

    def _end(self) -> None:
        if self.is_lost:
            return
        jenkins = self.scene.jenkins
        self.attempt.wait(lambda: LINE in jenkins.console(self.attempt.number()), "its command runs")
        hold = self._trap(END)
        if self.chance.random() < 0.25:
            self._spoil("consoleText")
        if self.chance.random() < 0.35:
            self._lose_registry([*AWAY])
        if self.ending in (SUCCEED, FAIL):
            part = self.folder / "part"
            part.write_text("0" if self.ending == SUCCEED else "3")
            part.rename(self.gate)
        elif self.ending == ABORTED:
            self._abort()
        else:
            hold = self._trap(STOP) or hold
            self._stop()
        self._note(self.ending)
        self._kill_in(hold)

    def _lose_registry(self, ways: Sequence[str]) -> None:
        """It is away for some seconds, or what stands before it answers in its place."""
        registry, seconds = self.scene.images, self.chance.choice((0.5, 1.5, 4.0))
        registry.away = self.chance.choice(ways)
        self._note(f"registry: {registry.away} for {seconds} s")
        threading.Timer(seconds, setattr, (registry, "away", "")).start()

    # ------------------------------------------------------------ what happens
    def _note(self, what: str) -> None:
        self.done.append(f"{time.monotonic() - self.began:.1f} s {what}")

    def _do(self, name: str, acts: dict[str, Callable[[], object]]) -> None:
        self._note(name)
        acts[name]()

    def _spoil(self, match: str) -> None:
        answer, times = self.chance.choice(STRANGE), self.chance.randint(1, 2)
        self._note(f"{times} x {answer} to {match}")
        self.scene.jenkins.knob("rules", match=f"GET .*{match}", times=times, **answer)

    def _log(self, **body: object) -> None:
        self.scene.jenkins.knob(f"jobs/{JOB}/builds/{self.attempt.number()}/log", **body)

    def _abort(self) -> None:
        """By a person in Jenkins, or with its agent."""
        if self.foreign or self.chance.random() < 0.5:
            self.scene.jenkins.ask("POST", f"job/{JOB}/{self.attempt.number()}/stop")
        else:
            self.scene.jenkins.knob("nodes", vanish=True)

    def _lose(self) -> None:
        """The record is deleted, or Jenkins is killed without it: then it gives the number to a foreign build, or has
        the item in its queue still and starts it once more."""
        jenkins, number = self.scene.jenkins, self.attempt.number()
        how = self.chance.choice(("record deleted", "number given again", "started once more"))
        self._note(how)
        if how == "record deleted":
            jenkins.knob(f"jobs/{JOB}/builds/{number}", "DELETE")
            self.is_lost = True
            return
        is_again = how == "started once more"
        lost = jenkins.knob(
            "crash", lose_builds=[number], reset_numbers=True, reset_queue_ids=not is_again, requeue=is_again
        )
        assert lost["lost"] == [number]
        if is_again:
            again = wait_for(lambda: jenkins.builds_of(self.attempt.trigger), "it is started once more")
            self.is_lost = again[0]["number"] != number and self._is_refused(again[0]["number"])
            self.was_refused = self.is_lost
        else:
            self.is_lost = True
            self._start_foreign()

    def _is_refused(self, number: int) -> bool:
        """Under another number its claim is refused: there was one that claimed. But on a machine that is busy the
        platform may have missed that one three times before this one asks."""

        def answer() -> str:
            (build,) = [one for one in self.scene.jenkins.builds_of(self.attempt.trigger) if one["number"] == number]
            if build["result"] == "NOT_BUILT":
                return "no"
            return "yes" if LINE in self.scene.jenkins.console(number) else ""

        return wait_for(answer, "its claim is answered", WAIT_SECONDS) == "no"

    def _start_foreign(self) -> None:
        if not self.foreign:
            found = self.attempt.column("parameters")
            parameters = json.loads(found) if isinstance(found, str) else found
            self.foreign = self.scene.jenkins.start_foreign(parameters, self.foreign_gate)

    def _watch(self) -> None:
        self.scene.crew.tester.get(f"orders/{self.attempt.order.number}/builds/1/log/")

    def _stop(self) -> None:
        self.scene.crew.developer.post(f"orders/{self.attempt.order.number}/builds/1/stop/")

    # ------------------------------------------------------------ who dies
    def _trap(self, moment: str) -> Hold | None:
        if self.point.moment != moment:
            return None
        door = self.scene.images if self.point.is_registry else self.scene.jenkins.door
        return door.hold(self.point.method, self.point.path, is_before=self.point.is_before)

    def _kill_in(self, hold: Hold | None) -> None:
        """SIGKILL the process whose request is held; another one is started while the rest go on."""
        if hold is None:
            return
        self.attempt.wait(hold.reached.is_set, f"the point is reached: {self.point.name}")
        # On a machine that is too busy to renew a lease another one may have taken it over, and given it back.
        owner = wait_for(lambda: str(self.attempt.column("owner")), "a process has it")
        victim = owner.partition("/")[0]
        self.scene.hands.kill(victim)
        self.scene.replace_the_dead()
        self._note(f"killed {victim}")
        if self.chance.random() < 0.7:  # its supervisor sees it; otherwise the lease runs out
            self.attempt.change("lease_until = '1970-01-01 00:00:00', owner = ''", "owner = %s", owner)
        if self.point.is_before and self.chance.random() < 0.5:
            # The request was on its way: it arrives when another one was sent in its place.
            self._note("late request")
            threading.Timer(3.0, hold.released.set).start()
        else:
            hold.released.set()

    # ------------------------------------------------------------ what must be true
    def _check(self) -> None:
        self.scene.jenkins.heal()
        self.attempt.wait_ended()
        if self.is_lost or self.point.moment == QUEUE:
            self.attempt.check_none()
            # Followed between the answer to its claim and its end, the refused one is what ends.
            is_last = self.was_refused and self.attempt.row()["reason"] == "not_built"
            lost = "errored not_built" if is_last else "errored lost"
            self.attempt.check_state(lost if self.is_lost else "cancelled stopped")
        else:
            result, told = RIGHT[self.ending]
            self.attempt.check_one(result)
            self.attempt.check_state(told)
        stored = self.attempt.stored()
        assert SECRET not in stored and FOREIGN_LINE not in stored
        if self.foreign:
            self._check_foreign()

    def _check_foreign(self) -> None:
        """It goes on as if we were not there."""
        (build,) = self.scene.jenkins.builds_of(self.foreign)
        assert build["building"]
        self.foreign_gate.touch()
        wait_for(lambda: not self.scene.jenkins.builds_of(self.foreign)[0]["building"], "the foreign build ends")
        assert self.scene.jenkins.builds_of(self.foreign)[0]["result"] == "FAILURE"
