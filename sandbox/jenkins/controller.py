"""The stand-in's heart: jobs, the queue, starting and stopping builds. One lock; every change is saved at once."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping

from . import job_config
from .account import Account
from .agents import Agents
from .inventory import Inventory
from .processes import Processes, end_by_cookie
from .store import LAST_STAGE, Build, BuildLog, Job, LiveBuild, QueueItem, Store, now_ms

logger = logging.getLogger("sandbox.jenkins")
LEFT_ITEM_SECONDS = 300.0  # hudson.model.Queue.leftItems: expireAfterWrite(5 minutes)
RESTART_CAUSE = "The stand-in Jenkins was stopped while this build ran; it does not resume builds"

RunBuild = Callable[["Controller", LiveBuild], None]


class NoSuchJob(LookupError):
    """404."""


class NotBuildable(RuntimeError):
    """409: the job is disabled."""


class NotParameterised(RuntimeError):
    """400."""


class JobExists(RuntimeError):
    """400 of createItem."""


class Controller:
    """Thread-safe. ``run_build`` does the work of one build in a thread of its own (see :mod:`.pipeline`)."""

    def __init__(
        self, store: Store, run_build: RunBuild, *, executors: int, labels: frozenset[str] | None, version: str
    ) -> None:
        self.store = store
        self.session = secrets.token_hex(4)
        self.version = version
        self.agents = Agents(labels)
        self.account = Account()
        self.inventory = Inventory()
        self.webhook = ("", "")
        """Address and secret that the job's webhook credentials hold; empty: it has none."""
        self.changed = threading.Condition(threading.RLock())
        self.free_executors = list(range(executors))
        self.queue: dict[int, QueueItem] = {}
        self.jobs = store.load_jobs()
        self._run_build = run_build
        self._hidden: set[str] = set()
        self.is_quiet = False
        self._closing = False
        self._threads: list[threading.Thread] = []
        stored, self._next_queue_id = store.load_queue()
        for data in stored:
            item = QueueItem(**data)
            self.queue[item.id] = item
        self._adopt()

    # ------------------------------------------------------------ life
    def start(self) -> None:
        """Begin to take items out of the queue."""
        threading.Thread(target=self._serve_queue, name="queue", daemon=True).start()

    def close(self, seconds: float = 2.0) -> None:
        """End every running build as aborted, its processes first; waits at most that long."""
        with self.changed:
            self._closing = True
            self.changed.notify_all()
            live = [item for job in self.jobs.values() for item in job.builds.values() if item.build.is_building]
        for item in live:
            self._drop(item, RESTART_CAUSE)
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _adopt(self) -> None:
        """Builds that ran when we were killed end as aborted, with the reason in log and cause; numbers go on."""
        left = [item for job in self.jobs.values() for item in job.builds.values() if item.build.is_building]
        if left:
            ended = end_by_cookie({item.build.cookie for item in left})
            logger.info("%d builds were running when this stand-in was stopped; %d processes ended", len(left), ended)
        for item in left:
            item.log.line(RESTART_CAUSE)
            self.finish(item, "ABORTED", cause=RESTART_CAUSE)

    # ------------------------------------------------------------ what goes wrong (see control.py)
    def crash(
        self,
        *,
        lose_queue: bool = False,
        lose_builds: list[int] | tuple[int, ...] | str = (),
        reset_numbers: bool = False,
        reset_queue_ids: bool = False,
        requeue: bool = False,
    ) -> list[int]:
        """As after ``kill -9`` and a new start; the numbers of the builds whose record is lost.

        Items that had left the queue are forgotten in any case: Jenkins keeps them in memory only. ``requeue``: the
        items of lost builds are in the saved queue still, and leave it once more.
        """
        with self.changed:
            self.session = secrets.token_hex(4)
            for queue_id, item in list(self.queue.items()):
                if lose_queue or item.left_at is not None:
                    del self.queue[queue_id]
            lost = [
                live
                for job in self.jobs.values()
                for live in job.newest()
                if (lose_builds == "running" and live.build.is_building)
                or (not isinstance(lose_builds, str) and live.build.number in lose_builds)
            ]
            for live in lost:
                self.forget_build(live.build.job, live.build.number)
            if reset_numbers:
                for job in self.jobs.values():
                    job.next_number = max(job.builds, default=0) + 1
                    self.store.save_next_number(job)
            if reset_queue_ids:
                self._next_queue_id = min((live.build.queue_id for live in lost), default=1)
            for live in lost if requeue else ():
                self._requeue(live.build)
            self._save_queue()
            self.changed.notify_all()
        return [live.build.number for live in lost]

    def _requeue(self, build: Build) -> None:
        item = QueueItem(build.queue_id, build.job, build.parameters, build.user, build.queued_ms, now_ms())
        self.queue[item.id] = item
        self._next_queue_id = max(self._next_queue_id, item.id + 1)

    def record(self, name: str, number: int) -> LiveBuild:
        """The build, also of a hidden job; raises NoSuchJob."""
        job = self.jobs.get(name)
        live = job.builds.get(number) if job else None
        if live is None:
            raise NoSuchJob(f"{name} #{number}")
        return live

    def forget_build(self, name: str, number: int) -> None:
        """The record of a build is gone, and what still runs of it ends; raises NoSuchJob."""
        with self.changed:
            live = self.record(name, number)
            del self.jobs[name].builds[number]
            live.build.is_building = False  # its thread ends without a record
            live.waits_for_label = None
            live.log.close()
            self.changed.notify_all()
        if live.processes is not None:
            live.processes.stop(is_hard=True)
        self.store.remove_build(live.build)

    def set_quiet(self, is_quiet: bool) -> None:
        """``quietDown``: triggers are taken, and nothing starts."""
        with self.changed:
            self.is_quiet = is_quiet
            self.changed.notify_all()

    def lose_agents(self) -> None:
        """Every agent is gone, and with it what ran there."""
        with self.changed:
            live = [one for job in self.jobs.values() for one in job.newest() if one.build.is_building]
        for one in live:
            if one.waits_for_label is None:
                self._drop(one, "Agent was removed")

    def change_job(self, name: str, *, disabled: bool | None = None, hidden: bool | None = None) -> None:
        """Disable a job, or hide it from the account; raises NoSuchJob."""
        with self.changed:
            if name not in self.jobs:
                raise NoSuchJob(name)
            if hidden is not None:
                (self._hidden.add if hidden else self._hidden.discard)(name)
            if disabled is not None:
                config = self.jobs[name].config
                self.jobs[name].config = dataclasses.replace(config, is_disabled=disabled)
            self.changed.notify_all()

    # ------------------------------------------------------------ jobs
    def job(self, name: str) -> Job:
        """The job; raises NoSuchJob."""
        found = None if name in self._hidden else self.jobs.get(name)
        if found is None:
            raise NoSuchJob(name)
        return found

    def live(self, job: str, number: int) -> LiveBuild:
        """The build of a job that the account sees; raises NoSuchJob."""
        self.job(job)
        return self.record(job, number)

    def create_job(self, name: str, xml: str) -> Job:
        """createItem; raises JobExists, BadConfig."""
        config = job_config.parse(xml)
        with self.changed:
            if name in self.jobs:
                raise JobExists(f"A job already exists with the name ‘{name}’")
            job = self.jobs[name] = Job(name, config)
            self.store.save_job(job)
            return job

    def configure_job(self, name: str, xml: str) -> None:
        """POST config.xml; raises NoSuchJob, BadConfig."""
        config = job_config.parse(xml)
        with self.changed:
            job = self.job(name)
            job.config = config
            self.store.save_job(job)

    # ------------------------------------------------------------ queue
    def schedule(self, name: str, sent: Mapping[str, str], *, user: str, delay_ms: int) -> tuple[int, bool]:
        """Queue id and whether the item is new: an item of equal parameters that still waits takes it in.

        Raises NoSuchJob, NotBuildable, NotParameterised, BadValue.
        """
        with self.changed:
            job = self.job(name)
            if job.config.is_disabled:
                raise NotBuildable(f"{name} is not buildable")
            if not job.config.is_parameterised:
                raise NotParameterised(f"{name} is not parameterized")
            values = job.config.values(sent)
            now = now_ms()
            for item in self.queue.values():
                if item.left_at is None and item.job == name and item.parameters == values:
                    item.due_ms = min(item.due_ms, now + delay_ms)
                    self.changed.notify_all()
                    return item.id, False
            item = QueueItem(self.take_queue_id(), name, values, user, now, now + delay_ms)
            self.queue[item.id] = item
            self._save_queue()
            self.changed.notify_all()
            return item.id, True

    def take_queue_id(self) -> int:
        """The next id: for items and for the placeholders of ``node`` steps alike."""
        with self.changed:
            number = self._next_queue_id
            self._next_queue_id += 1
            return number

    def waiting(self) -> list[QueueItem]:
        """Items that have not left."""
        with self.changed:
            return [item for item in self.queue.values() if item.left_at is None]

    def item(self, queue_id: int) -> QueueItem | None:
        """An item that waits or left less than 300 s ago."""
        with self.changed:
            item = self.queue.get(queue_id)
            gone = item is None or (item.left_at is not None and time.monotonic() - item.left_at > LEFT_ITEM_SECONDS)
            return None if gone else item

    def cancel(self, queue_id: int) -> bool:
        """Take it out of the queue; False when it is not there any more."""
        with self.changed:
            item = self.item(queue_id)
            if item is None or item.left_at is not None:
                return False
            item.is_cancelled = True
            item.left_at = time.monotonic()
            self._save_queue()
            self.changed.notify_all()
            return True

    def blocker(self, item: QueueItem) -> LiveBuild | None:
        """The running build that an item of a one-at-a-time job waits for."""
        job = self.jobs.get(item.job)
        if job is None or job.config.is_concurrent:
            return None
        return next((live for live in job.newest() if live.build.is_building), None)

    def _save_queue(self) -> None:
        now = time.monotonic()
        for queue_id, item in list(self.queue.items()):
            if item.left_at is not None and now - item.left_at > LEFT_ITEM_SECONDS:
                del self.queue[queue_id]
        self.store.save_queue([item.stored() for item in self.waiting()], self._next_queue_id)

    def _serve_queue(self) -> None:
        with self.changed:
            while not self._closing:
                waits = [self._try_start(item) for item in self.waiting()]
                self.changed.wait(min([1.0, *waits]))

    def _try_start(self, item: QueueItem) -> float:
        """Start it if it is due; else the seconds until it may be."""
        if self.is_quiet:
            return 1.0
        remaining = (item.due_ms - now_ms()) / 1000
        if remaining > 0:
            return remaining
        if self.blocker(item) is not None:
            return 1.0
        job = self.jobs.get(item.job)
        item.left_at = time.monotonic()
        if job is not None and not job.config.is_disabled:
            item.number = self._start(job, item)
        self._save_queue()
        return 1.0

    # ------------------------------------------------------------ builds
    def _start(self, job: Job, item: QueueItem) -> int:
        number = job.next_number
        job.next_number += 1
        self.store.save_next_number(job)
        build = Build(
            job=job.name,
            number=number,
            queue_id=item.id,
            user=item.user,
            parameters=item.parameters,
            started_ms=now_ms(),
            queued_ms=item.since_ms,
            cookie=secrets.token_hex(16),
        )
        self.store.save_build(build)
        live = LiveBuild(build, BuildLog(self.store.log_path(job.name, number), is_open=True))
        live.processes = Processes(build.cookie, live.log.write)
        job.builds[number] = live
        thread = threading.Thread(target=self._run, args=(live,), name=f"{job.name}-{number}", daemon=True)
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()
        return number

    def _run(self, live: LiveBuild) -> None:
        try:
            self._run_build(self, live)
        except Exception:  # a build's thread is a process edge: any error is this build's end, in its log too
            logger.exception("build %s #%d broke", live.build.job, live.build.number)
            live.log.line("ERROR: the stand-in Jenkins itself failed; its own output has the details")
            self.finish(live, "FAILURE")

    def save(self, live: LiveBuild) -> None:
        """Keep the build as it is now, unless it was ended meanwhile by a hard kill."""
        with self.changed:
            if live.build.is_building:
                self.store.save_build(live.build)

    def finish(self, live: LiveBuild, result: str, *, cause: str = "") -> None:
        """End a build once: the first caller's result stands. Log is closed last, as ``WorkflowRun.finish`` does."""
        with self.changed:
            build = live.build
            if not build.is_building:
                return
            if cause:
                build.abort_causes.append(cause)
            build.result = result
            build.ended_ms = now_ms()
            for stage in build.stages:
                stage.ended_ms = stage.ended_ms or build.ended_ms
            if build.stages:
                build.stages[-1].status = LAST_STAGE.get(result, build.stages[-1].status)
            build.is_building = False
            live.waits_for_label = None
            self.store.save_build(build)
            self.changed.notify_all()
        live.log.line("[Pipeline] End of Pipeline")
        live.log.close(f"Finished: {result}")
        end_by_cookie({build.cookie})

    def stop(self, live: LiveBuild, level: str, user: str) -> None:
        """``stop`` interrupts, ``term`` fails the running step, ``kill`` drops the build. Harmless when it is over."""
        with self.changed:
            if not live.build.is_building:
                return
            cause = f"Aborted by {user}"
            if cause not in live.build.abort_causes:
                live.build.abort_causes.append(cause)
                live.log.line(cause)
                live.log.line("Sending interrupt signal to process")
            self.changed.notify_all()
        if level == "kill":
            live.log.line("Hard kill!")
            self._drop(live, "")
        elif live.processes is not None:
            live.processes.stop(is_hard=level == "term")

    def _drop(self, live: LiveBuild, cause: str) -> None:
        with self.changed:
            # The cause first: the build's own thread ends it as soon as its process is gone, and knows no cause.
            if cause and live.build.is_building:
                live.build.abort_causes.append(cause)
                live.log.line(cause)
        if live.processes is not None:
            live.processes.stop(is_hard=True)
        self.finish(live, "ABORTED")
