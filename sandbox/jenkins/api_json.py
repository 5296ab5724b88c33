"""The JSON shapes of Jenkins' API: keys, nesting and ``_class`` as the exported beans have them."""

from __future__ import annotations

from typing import Any

from .controller import Controller
from .store import Build, Job, LiveBuild, QueueItem, Stage, now_ms

WORKFLOW_JOB = "org.jenkinsci.plugins.workflow.job.WorkflowJob"
WORKFLOW_RUN = "org.jenkinsci.plugins.workflow.job.WorkflowRun"
_PLACEHOLDER = "org.jenkinsci.plugins.workflow.support.steps.ExecutorStepExecution$PlaceholderTask"
MOST_BUILDS = 100
Bean = dict[str, Any]


class Beans:
    """Beans of one controller; ``url`` is its own address with a trailing slash."""

    def __init__(self, controller: Controller, url: str) -> None:
        self._controller = controller
        self._url = url

    # ------------------------------------------------------------ server
    def user(self, name: str) -> Bean:
        """``/me``."""
        return {
            "_class": "hudson.model.User",
            "absoluteUrl": f"{self._url}user/{name}",
            "description": None,
            "fullName": name,
            "id": name,
            "property": [],
        }

    def hudson(self) -> Bean:
        """``/``."""
        return {
            "_class": "hudson.model.Hudson",
            "mode": "NORMAL",
            "numExecutors": len(self._controller.free_executors),
            "quietingDown": self._controller.is_quiet,
            "jobs": [self._job_stub(job) for job in self._controller.jobs.values()],
            "url": self._url,
        }

    # ------------------------------------------------------------ jobs
    def _job_stub(self, job: Job) -> Bean:
        return {
            "_class": WORKFLOW_JOB,
            "name": job.name.rpartition("/")[2],
            "url": f"{self._url}{_path(job.name)}/",
            "color": _color(job),
        }

    def job(self, job: Job, *, tree: str | None) -> Bean:
        """A job. With ``tree=`` its builds are whole beans to choose from, without it stubs, as depth 0 shows."""
        newest = job.newest()
        queued = next((item for item in self._controller.waiting() if item.job == job.name), None)
        completed = next((live for live in newest if not live.build.is_building), None)
        properties: list[Bean] = []
        if job.config.is_parameterised:
            definitions = [parameter.bean() for parameter in job.config.parameters]
            kind = "hudson.model.ParametersDefinitionProperty"
            properties.append({"_class": kind, "parameterDefinitions": definitions})
        shape = self._build_stub if tree is None else self.build
        everything = {"allBuilds": [shape(live.build) for live in newest]} if tree and "allBuilds" in tree else {}
        return {
            **self._job_stub(job),
            "actions": [],
            "buildable": not job.config.is_disabled,
            "builds": [shape(live.build) for live in newest[:MOST_BUILDS]],
            **everything,
            "concurrentBuild": job.config.is_concurrent,
            "description": job.config.description,
            "disabled": job.config.is_disabled,
            "displayName": job.name.rpartition("/")[2],
            "firstBuild": self._build_stub(newest[-1].build) if newest else None,
            "fullDisplayName": job.name.replace("/", " » "),
            "fullName": job.name,
            "inQueue": queued is not None,
            "lastBuild": self._build_stub(newest[0].build) if newest else None,
            "lastCompletedBuild": self._build_stub(completed.build) if completed else None,
            "nextBuildNumber": job.next_number,
            "property": properties,
            "queueItem": self.queue_item(queued) if queued else None,
        }

    # ------------------------------------------------------------ builds
    def _build_url(self, build: Build) -> str:
        return f"{self._url}{_path(build.job)}/{build.number}/"

    def _build_stub(self, build: Build) -> Bean:
        return {"_class": WORKFLOW_RUN, "number": build.number, "url": self._build_url(build)}

    def build(self, build: Build) -> Bean:
        job = self._controller.jobs[build.job]
        actions = [self._parameters(build.job, build.parameters), _cause(build.user)]
        if build.abort_causes:
            kind = "jenkins.model.CauseOfInterruption$UserInterruption"
            causes = [{"_class": kind, "shortDescription": cause} for cause in build.abort_causes]
            actions.append({"_class": "jenkins.model.InterruptedBuildAction", "causes": causes})
        earlier, later = job.builds.get(build.number - 1), job.builds.get(build.number + 1)
        return {
            **self._build_stub(build),
            "actions": [*actions, {}],
            "artifacts": [{"displayPath": name, "fileName": name, "relativePath": name} for name in build.artifacts],
            "building": build.is_building,
            "changeSets": [],
            "culprits": [],
            "description": build.description,
            "displayName": f"#{build.number}",
            "duration": (build.ended_ms or 0) - build.started_ms if build.ended_ms else 0,
            "estimatedDuration": -1,
            "executor": None,
            "fullDisplayName": f"{build.job} #{build.number}",
            "id": str(build.number),
            "inProgress": build.is_building,
            "keepLog": False,
            "nextBuild": self._build_stub(later.build) if later else None,
            "previousBuild": self._build_stub(earlier.build) if earlier else None,
            "queueId": build.queue_id,
            "result": build.result,
            "timestamp": build.started_ms,
        }

    def _parameters(self, job: str, values: dict[str, str]) -> Bean:
        found = self._controller.jobs.get(job)
        classes = {p.name: p.value_class for p in found.config.parameters} if found else {}
        return {
            "_class": "hudson.model.ParametersAction",
            "parameters": [
                {"_class": classes.get(name, "hudson.model.StringParameterValue"), "name": name, "value": value}
                for name, value in values.items()
            ],
        }

    # ------------------------------------------------------------ stages
    def stages(self, live: LiveBuild) -> Bean:
        """``wfapi/describe``: only stages that were entered, in their order."""
        build, now = live.build, now_ms()
        base = f"/{_path(build.job)}/{build.number}"
        end = build.ended_ms or now
        status = _RUN_STATUS.get(build.result or "", "NOT_EXECUTED")
        if build.is_building:
            status = "IN_PROGRESS"
        return {
            "_links": {"self": {"href": f"{base}/wfapi/describe"}},
            "id": str(build.number),
            "name": f"#{build.number}",
            "status": status,
            "startTimeMillis": build.started_ms,
            "endTimeMillis": end,
            "durationMillis": end - build.started_ms,
            "queueDurationMillis": max(0, build.started_ms - build.queued_ms),
            "pauseDurationMillis": 0,
            "stages": [_stage(base, stage, now) for stage in list(build.stages)],
        }

    # ------------------------------------------------------------ queue
    def queue(self) -> Bean:
        """``/queue``: waiting items, and the ``node`` steps that wait for an executor."""
        items = [self.queue_item(item) for item in self._controller.waiting()]
        return {"_class": "hudson.model.Queue", "discoverableItems": [], "items": [*items, *self._placeholders()]}

    def queue_item(self, item: QueueItem) -> Bean:
        """A waiting, blocked, buildable or left item."""
        job = self._controller.jobs.get(item.job)
        blocker = self._controller.blocker(item) if item.left_at is None else None
        kind, why = self._queue_state(item, blocker)
        bean: Bean = {
            "_class": f"hudson.model.Queue${kind}",
            "actions": [self._parameters(item.job, item.parameters), _cause(item.user)],
            "blocked": kind == "BlockedItem",
            "buildable": kind == "BuildableItem",
            "id": item.id,
            "inQueueSince": item.since_ms,
            "params": "".join(f"\n{name}={value}" for name, value in item.parameters.items()),
            "stuck": False,
            "task": self._job_stub(job) if job else {"_class": WORKFLOW_JOB, "name": item.job},
            "url": f"queue/item/{item.id}/",
            "why": why,
        }
        if kind == "WaitingItem":
            bean["timestamp"] = item.due_ms
        elif kind == "LeftItem":
            live = job.builds.get(item.number) if job and item.number is not None else None
            bean["cancelled"] = item.is_cancelled
            bean["executable"] = self._build_stub(live.build) if live else None
        else:
            bean["buildableStartMilliseconds"] = item.due_ms
        return bean

    def _queue_state(self, item: QueueItem, blocker: LiveBuild | None) -> tuple[str, str | None]:
        if item.left_at is not None:
            return "LeftItem", None
        remaining = item.due_ms - now_ms()
        if remaining > 0:
            return "WaitingItem", f"In the quiet period. Expires in {_seconds(remaining)}"
        if self._controller.is_quiet:
            return "BlockedItem", "Jenkins is about to shut down"
        if blocker is not None:
            return "BlockedItem", f"Build #{blocker.build.number} is already in progress (ETA: N/A)"
        return "WaitingItem", "Finished waiting"

    def _placeholders(self) -> list[Bean]:
        found = []
        for job in self._controller.jobs.values():
            for live in job.newest():
                label = live.waits_for_label
                if label is not None and live.build.is_building:
                    found.append(self._placeholder(live, label))
        return found

    def _placeholder(self, live: LiveBuild, label: str) -> Bean:
        build, is_free = live.build, bool(self._controller.free_executors)
        why = self._controller.agents.why_none(label, is_free=is_free)
        name = f"part of {build.job} #{build.number}"
        return {
            "_class": "hudson.model.Queue$BuildableItem",
            "actions": [],
            "blocked": False,
            "buildable": True,
            "id": live.placeholder_id,
            "inQueueSince": live.placeholder_since_ms,
            "params": "",
            "stuck": why.startswith("There are no nodes"),
            "task": {"_class": _PLACEHOLDER, "name": name, "url": f"{_path(build.job)}/{build.number}/"},
            "url": f"queue/item/{live.placeholder_id}/",
            "why": why or None,
            "buildableStartMilliseconds": live.placeholder_since_ms,
            "pending": False,
        }


def _path(job: str) -> str:
    """``A/J`` → ``job/A/job/J``."""
    return "job/" + job.replace("/", "/job/")


_RUN_STATUS = {
    "SUCCESS": "SUCCESS",
    "UNSTABLE": "UNSTABLE",
    "FAILURE": "FAILED",
    "ABORTED": "ABORTED",
    "NOT_BUILT": "NOT_EXECUTED",
}


def _stage(base: str, stage: Stage, now: int) -> Bean:
    bean: Bean = {
        "_links": {"self": {"href": f"{base}/execution/node/{stage.id}/wfapi/describe"}},
        "id": stage.id,
        "name": stage.name,
        "execNode": "",
        "status": stage.status,
        "startTimeMillis": stage.started_ms,
        "durationMillis": (stage.ended_ms or now) - stage.started_ms,
        "pauseDurationMillis": 0,
    }
    if stage.status == "FAILED" and stage.message:
        bean["error"] = {"message": stage.message, "type": "hudson.AbortException"}
    return bean


def _cause(user: str) -> Bean:
    cause = {
        "_class": "hudson.model.Cause$UserIdCause",
        "shortDescription": f"Started by user {user}",
        "userId": user,
        "userName": user,
    }
    return {"_class": "hudson.model.CauseAction", "causes": [cause]}


def _color(job: Job) -> str:
    if job.config.is_disabled:
        return "disabled"
    newest = job.newest()
    running = bool(newest) and newest[0].build.is_building
    completed = next((live.build.result for live in newest if not live.build.is_building), None)
    shades = {"SUCCESS": "blue", "FAILURE": "red", "ABORTED": "aborted", "UNSTABLE": "yellow"}
    return shades.get(completed or "", "notbuilt") + ("_anime" if running else "")


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} sec" if milliseconds >= 1000 else f"{milliseconds} ms"
