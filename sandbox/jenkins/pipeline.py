"""One build of the shipped job: the form of its parameters, an executor, then the stages of ``jenkins_job``.

The parameters have the form that ``checkParameters`` of ``jenkins_job/Jenkinsfile`` asks for (a test compares them).
The environment of commands has the variables of Jenkins, the parameters, and of this process only PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from .controller import Controller
from .hooks import ClaimFailed, ClaimRefused, Platform
from .images import BuildahBuilder, Builder, ImageFailed, PackerBuilder
from .processes import CommandFailed, Interrupted
from .settings import Settings
from .store import Build, LiveBuild, Stage, now_ms

_MACRO = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_.]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def resolve(values: Mapping[str, str]) -> dict[str, str]:
    """``$NAME`` and ``${NAME}`` of known variables filled in, ``$$`` made ``$``: so does ``EnvVars.resolve``.

    That is why no file is ever written from the environment: a template's ``$APP`` would not survive it.
    """

    def fill(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if name is None:
            return "$"
        return values.get(name, match.group(0))

    return {name: _MACRO.sub(fill, value) for name, value in values.items()}


def build_environment(build: Build, *, url: str, workspace: Path, scratch: Path, home: Path) -> dict[str, str]:
    """Variables of ``sh`` in this build. ``scratch`` is its temporary folder, ``home`` the agent's home."""
    job_url = f"{url}job/{build.job}/"
    own = {
        "BUILD_DISPLAY_NAME": f"#{build.number}",
        "BUILD_ID": str(build.number),
        "BUILD_NUMBER": str(build.number),
        "BUILD_TAG": f"jenkins-{build.job}-{build.number}",
        "BUILD_URL": f"{job_url}{build.number}/",
        "HOME": str(home),
        "JENKINS_URL": url,
        "JOB_BASE_NAME": build.job,
        "JOB_NAME": build.job,
        "JOB_URL": job_url,
        "LANG": "C.UTF-8",
        "NODE_NAME": build.parameters.get("BUILD_NODE") or "built-in",
        "PATH": os.environ.get("PATH", _SEARCH_PATH),
        "TMP": str(scratch),
        "TMPDIR": str(scratch),
        "WORKSPACE": str(workspace),
    }
    return resolve({**build.parameters, **own})


_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_FOLDER = r"(?!-)(?!.*\.\.)[A-Za-z0-9._+/-]*"
_TEXT = r"(?s).*\S.*"

NODE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}"
PATTERNS = {
    "TRIGGER_ID": r"[0-9a-fA-F-]{16,64}",
    "PLATFORM_URL": r"(?:https?://[A-Za-z0-9._:\[\]/-]+)?",
    "CLAIM_SECONDS": r"[1-9][0-9]{0,2}",
    "GIT_COMMIT": r"[0-9a-f]{40}",
    "GIT_URL": r"""(https?|ssh)://[^\s'"$`\\-][^\s'"$`\\]*""",
    "BRANCH_TO_BUILD": r"(?!-)[A-Za-z0-9._/+@#=,-]{1,200}",
    "DIR_BUILD_FILE": _FOLDER,
    "BUILD_TARGET": _FOLDER,
    "PACKAGE_NAME": r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}",
    "HARBOR_ADDRESS": r"[A-Za-z0-9][A-Za-z0-9.:-]*",
    "SITE": _NAME,
    "APP": _NAME,
    "DEPLOY_VERSION": _TAG,
    "ORDER_NO": _TAG,
    "BUILD_CMD": _TEXT,
    "DOCKERFILE_TEMPLATE": _TEXT,
    "BOOTSTART_TEMPLATE": _TEXT,
}


class BadParameter(Exception):
    """A parameter is missing or has a form that the job does not accept; ``str()`` is the job's message."""


def require(parameters: Mapping[str, str], name: str, pattern: str) -> None:
    """One parameter; raises BadParameter."""
    if not re.fullmatch(pattern, parameters.get(name, "")):
        raise BadParameter(f"The parameter {name} is missing or has a form that this job does not accept")


def check(parameters: Mapping[str, str]) -> None:
    """All but BUILD_NODE, which is looked at before a node is asked for; raises BadParameter."""
    for name, pattern in PATTERNS.items():
        require(parameters, name, pattern)


_GIT_CONFIG = {"protocol.ext.allow": "never", "core.hooksPath": "/dev/null", "advice.detachedHead": "false"}
_FORWARDED = ("HOME", "LANG", "PATH", "TMPDIR")


class StageFailed(Exception):
    """A stage cannot do its work; ``str()`` is the line that people read in the log."""


class Work:
    """One build's work. The stages are called in order, each at most once."""

    def __init__(self, settings: Settings, live: LiveBuild, workspace: Path, save: Callable[[], None]) -> None:
        assert live.processes is not None
        self._settings = settings
        self._live = live
        self._processes = live.processes
        self._parameters = live.build.parameters
        self._save = save
        self._platform = Platform(live.build, live.log.line)
        self.workspace = workspace
        self.scratch = workspace.with_name(f"{workspace.name}@tmp")
        home = settings.state / "home"
        home.mkdir(parents=True, exist_ok=True)
        self._environment = build_environment(
            live.build, url=settings.url, workspace=workspace, scratch=self.scratch, home=home
        )
        self._builder: Builder | None = None

    def _shell(self, command: list[str], *, cwd: Path, env: dict[str, str]) -> None:
        self._live.log.line("[Pipeline] sh")
        self._live.log.line("+ " + " ".join(command))
        self._processes.run(command, cwd=cwd, env=env)

    def _below(self, base: Path, relative: str, what: str) -> Path:
        """A folder or file under the workspace; a parameter cannot lead out of it, not by a link either."""
        parts = PurePosixPath(relative.strip().strip("/") or ".")
        found = (base / parts).resolve()
        if not found.is_relative_to(self.workspace.resolve()):
            raise StageFailed(f"{what} leads out of the workspace: {relative}")
        return found

    def _context(self) -> Path:
        name = self._parameters["DIR_BUILD_FILE"]
        folder = self._below(self.workspace, name, "DIR_BUILD_FILE")
        if not folder.is_dir():
            raise StageFailed(f"the build directory does not exist in the repository: {name}")
        return folder

    # ------------------------------------------------------------ stages
    def prepare_git_code(self) -> None:
        """Claim, then an empty workspace with exactly the commit that was asked for."""
        check(self._parameters)
        self._platform.claim(
            seconds=int(self._parameters["CLAIM_SECONDS"]),
            wait=lambda: self._processes.wait(self._settings.claim_pause_seconds),
        )
        for folder in (self.workspace, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        branch, commit, url = (self._parameters[name] for name in ("BRANCH_TO_BUILD", "GIT_COMMIT", "GIT_URL"))
        env = self._git_environment()
        refspec = f"+refs/heads/{branch}:refs/remotes/origin/{branch}"
        self._shell(["git", "init", "--quiet", "."], cwd=self.workspace, env=env)
        self._shell(["git", "fetch", "--no-tags", "--force", "--", url, refspec], cwd=self.workspace, env=env)
        tip = f"refs/remotes/origin/{branch}"
        try:
            self._shell(["git", "merge-base", "--is-ancestor", commit, tip], cwd=self.workspace, env=env)
        except CommandFailed as exc:
            raise StageFailed(f"commit {commit} is not on branch {branch}") from exc
        self._shell(["git", "checkout", "--force", commit], cwd=self.workspace, env=env)

    def _git_environment(self) -> dict[str, str]:
        """Nobody is asked for a password, and no configuration of this machine or user takes part."""
        env = {name: self._environment[name] for name in _FORWARDED}
        env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        env["GIT_CONFIG_COUNT"] = str(len(_GIT_CONFIG))
        for index, (name, value) in enumerate(_GIT_CONFIG.items()):
            env |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
        return env

    def build(self) -> None:
        """The component's command, from a file, in the build directory."""
        context = self._context()
        script = self.scratch / "build.sh"
        script.write_text(self._parameters["BUILD_CMD"].replace("\r\n", "\n") + "\n", encoding="utf-8")
        self._shell(["bash", "-eo", "pipefail", str(script)], cwd=context, env=self._environment)

    def get_files(self) -> None:
        """Dockerfile and bootstart.sh from the parameters, the package beside them."""
        context = self._context()
        for name, parameter in (("Dockerfile", "DOCKERFILE_TEMPLATE"), ("bootstart.sh", "BOOTSTART_TEMPLATE")):
            target = context / name
            target.unlink(missing_ok=True)  # a link of that name in the repository must not be written through
            self._live.log.line("[Pipeline] writeFile")
            target.write_text(self._parameters[parameter], encoding="utf-8", newline="")
        package, folder = self._parameters["PACKAGE_NAME"], self._parameters["BUILD_TARGET"]
        source = self._below(self._below(context, folder, "BUILD_TARGET"), package, "PACKAGE_NAME")
        if not source.is_file():
            shown = PurePosixPath(folder.strip("/") or ".") / package
            raise StageFailed(f"the package was not built: there is no file {shown} in the build directory")
        target = context / package
        if source != target.resolve():
            target.unlink(missing_ok=True)
            shutil.copy2(source, target)
        self._live.log.line(f"{package}: {target.stat().st_size} bytes, beside the Dockerfile")

    def docker_build(self) -> None:
        """The image, labelled with order, trigger and commit."""
        values = self._parameters
        destination = f"{values['HARBOR_ADDRESS']}/{values['SITE']}/{values['APP']}:{values['DEPLOY_VERSION']}"
        labels = {
            "io.prism4k.order": values["ORDER_NO"],
            "io.prism4k.trigger": values["TRIGGER_ID"],
            "org.opencontainers.image.revision": values["GIT_COMMIT"],
        }
        builder: Builder
        if self._settings.builder == "buildah":
            builder = BuildahBuilder(scratch=self.scratch, environment=self._environment, processes=self._processes)
        else:
            builder = PackerBuilder(scratch=self.scratch, log=self._live.log.line, processes=self._processes)
        builder.make(context=self._context(), destination=destination, labels=labels)
        self._builder = builder
        self._live.log.line(f"Built {destination}")

    def docker_push(self) -> None:
        """Push; the digest becomes the build's description and goes to the platform."""
        if self._builder is None:
            raise StageFailed("there is no image to push")
        digest = self._builder.push()
        self._live.log.line(f"Pushed {digest}")
        self._processes.check()
        self._live.build.description = digest
        self._save()
        self._platform.report(digest)


_STILL_WAITING_SECONDS = 15  # ExecutorStepExecution prints this after 15 s
_EXPECTED = (BadParameter, StageFailed, CommandFailed, ImageFailed, ClaimFailed)


class Pipeline:
    """Callable that the controller runs in the build's own thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, controller: Controller, live: LiveBuild) -> None:
        """Run the build to its end; every outcome goes through ``controller.finish``."""
        log = live.log.line
        log(f"Started by user {live.build.user}")
        log("[Pipeline] Start of Pipeline")
        try:
            require(live.build.parameters, "BUILD_NODE", NODE_PATTERN)
            log("[Pipeline] node")
            with self._executor(controller, live) as slot:
                self._in_node(controller, live, slot)
            log("[Pipeline] }")
            log("[Pipeline] // node")
        except Interrupted:
            controller.finish(live, "ABORTED")
        except ClaimRefused as exc:
            log(f"ERROR: {exc}")
            controller.finish(live, "NOT_BUILT")
        except _EXPECTED as exc:
            log(f"ERROR: {exc}")
            controller.finish(live, "FAILURE")
        else:
            controller.finish(live, "SUCCESS")

    def _in_node(self, controller: Controller, live: LiveBuild, slot: int) -> None:
        name = live.build.job if slot == 0 else f"{live.build.job}@{slot + 1}"
        workspace = self._settings.state / "workspace" / name
        live.log.line(f"Running on {live.build.parameters.get('BUILD_NODE') or 'built-in'} in {workspace}")
        live.log.line("[Pipeline] {")
        work = Work(self._settings, live, workspace, lambda: controller.save(live))
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Prepare Git Code", work.prepare_git_code),
            ("Build", work.build),
            ("Get Dockerfile & Bootstart.sh", work.get_files),
            ("DockerBuild", work.docker_build),
            ("DockerPush", work.docker_push),
        )
        try:
            for index, (stage, step) in enumerate(steps):
                with self._stage(controller, live, stage, index):
                    step()
        finally:
            shutil.rmtree(work.scratch, ignore_errors=True)

    @contextmanager
    def _stage(self, controller: Controller, live: LiveBuild, name: str, index: int) -> Iterator[None]:
        assert live.processes is not None
        live.processes.check()
        stage = Stage(id=str(6 + index * 11), name=name, status="IN_PROGRESS", started_ms=now_ms())
        live.build.stages.append(stage)
        controller.save(live)
        live.log.line("[Pipeline] stage")
        live.log.line(f"[Pipeline] {{ ({name})")
        status = "SUCCESS"
        try:
            yield
            live.processes.check()
        except Interrupted:
            status = "ABORTED"
            raise
        except ClaimRefused as exc:
            status, stage.message = "NOT_EXECUTED", str(exc)
            raise
        except _EXPECTED as exc:
            status, stage.message = "FAILED", str(exc)
            if live.processes.is_stopping:  # the command died of our signal: a stop, not a failure
                status, stage.message = "ABORTED", ""
                raise Interrupted from exc
            raise
        finally:
            with controller.changed:
                if live.build.is_building:
                    stage.status, stage.ended_ms = status, now_ms()
            controller.save(live)
            live.log.line("[Pipeline] }")
            live.log.line("[Pipeline] // stage")

    @contextmanager
    def _executor(self, controller: Controller, live: LiveBuild) -> Iterator[int]:
        """Hold one of the node's executors; while waiting, the build has a placeholder item in the queue."""
        slot = self._wait_for_executor(controller, live)
        try:
            yield slot
        finally:
            with controller.changed:
                controller.free_executors.append(slot)
                controller.free_executors.sort()
                controller.changed.notify_all()

    def _wait_for_executor(self, controller: Controller, live: LiveBuild) -> int:
        assert live.processes is not None
        label = live.build.parameters.get("BUILD_NODE", "")
        is_known = controller.labels is None or not label or label in controller.labels
        started = time.monotonic()
        has_said = False
        with controller.changed:
            live.waits_for_label = label
            live.placeholder_since_ms = now_ms()
            live.placeholder_id = controller.take_queue_id()
            try:
                while not (is_known and controller.free_executors):
                    live.processes.check()
                    if not has_said and time.monotonic() - started > _STILL_WAITING_SECONDS:
                        has_said = True
                        live.log.line("Still waiting to schedule task")
                    controller.changed.wait(0.5)
                live.processes.check()
                return controller.free_executors.pop(0)
            finally:
                live.waits_for_label = None
