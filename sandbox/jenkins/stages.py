"""What each of the five stages does in the workspace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .environment import build_environment
from .hooks import Platform
from .images import BuildahBuilder, Builder, PackerBuilder
from .parameters import check
from .processes import CommandFailed
from .records import LiveBuild
from .settings import Settings

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
            attempts=self._settings.claim_attempts,
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
