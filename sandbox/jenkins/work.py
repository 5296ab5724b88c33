"""The work of one build, stage by stage, as ``jenkins_job/Jenkinsfile`` does it with ``sh`` on a node."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .hooks import Platform
from .images import BuildahBuilder, Builder, PackerBuilder
from .parameters import PATTERNS, build_environment, check, image_name
from .processes import CommandFailed
from .settings import Settings
from .store import LiveBuild, write_text

_GIT_CONFIG = {"protocol.ext.allow": "never", "core.hooksPath": "/dev/null", "advice.detachedHead": "false"}
_FORWARDED = ("HOME", "LANG", "PATH", "TMPDIR")


class StageFailed(Exception):
    """A stage cannot do its work; ``str()`` is the line that people read in the log."""


class Work:
    """One build's work. The stages are called in order, each at most once."""

    def __init__(self, settings: Settings, live: LiveBuild, archive: Path, save: Callable[[], None]) -> None:
        assert live.processes is not None
        self._settings = settings
        self._live = live
        self._processes = live.processes
        self._parameters = live.build.parameters
        self._archive = archive
        self._save = save
        self._platform = Platform(live.build, live.log.line)
        self._builder: Builder | None = None
        self._is_moved = False
        self._scratches: list[Path] = []

    def enter(self, node: str, workspace: Path) -> None:
        """Work on this node, in this folder; the temporary one lies beside it."""
        self.workspace = workspace
        self.scratch = workspace.with_name(f"{workspace.name}@tmp")
        self._scratches.append(self.scratch)
        home = self._settings.state / "home"
        home.mkdir(parents=True, exist_ok=True)
        self._environment = build_environment(
            self._live.build, url=self._settings.url, node=node, workspace=workspace, scratch=self.scratch, home=home
        )

    def clear(self) -> None:
        """Temporary folders go with the build."""
        for folder in self._scratches:
            shutil.rmtree(folder, ignore_errors=True)

    def _empty(self) -> None:
        for folder in (self.workspace, self.scratch):
            _remove(folder)  # the build before may have left a link in its place
            folder.mkdir(parents=True)

    def _shell(self, command: list[str], *, cwd: Path, env: dict[str, str]) -> None:
        self._live.log.line("[Pipeline] sh")
        self._live.log.line("+ " + " ".join(command))
        self._processes.run(command, cwd=cwd, env=env)

    def _below(self, base: Path, relative: str, what: str) -> Path:
        """A folder or file under the workspace; a parameter cannot lead out of it, not by a link either."""
        parts = PurePosixPath(relative.strip().strip("/") or ".")
        try:
            found = (base / parts).resolve()
        except (OSError, RuntimeError) as exc:  # links in a circle
            raise StageFailed(f"{what} leads nowhere: {relative}") from exc
        # The command may have put a link in the workspace's own place.
        if self.workspace.resolve() != self._root or not found.is_relative_to(self._root):
            raise StageFailed(f"{what} leads out of the workspace: {relative}")
        return found

    def _context(self) -> Path:
        if self._is_moved:
            return self.workspace
        name = self._parameters["DIR_BUILD_FILE"]
        folder = self._below(self.workspace, name, "DIR_BUILD_FILE")
        if not folder.is_dir():
            raise StageFailed(f"the build directory does not exist in the repository: {name}")
        return folder

    # ------------------------------------------------------------ stages
    def prepare_git_code(self) -> None:
        """Claim, then an empty workspace with exactly the commit that was asked for."""
        check(self._parameters, PATTERNS)
        self._platform.claim(
            seconds=int(self._parameters["CLAIM_SECONDS"]),
            wait=lambda: self._processes.wait(self._settings.claim_pause_seconds),
        )
        self._empty()
        self._root = self.workspace.resolve()
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
        """Dockerfile and bootstart.sh from the parameters, the package beside them; both go to the image's node."""
        self._write_files()
        self._take_package()
        if self._parameters.get("IMAGE_NODE"):
            # Modes stay and links stay links.
            archive = str(self.scratch / "context.tar")
            self._shell(["tar", "-cf", archive, "."], cwd=self._context(), env=self._environment)

    def move(self, node: str, workspace: Path) -> None:
        """What the first node sends is taken as files only: the reviewed two are written anew."""
        sent = self.scratch / "context.tar"
        self.enter(node, workspace)
        self._empty()
        self._root, self._is_moved = self.workspace.resolve(), True
        self._shell(["tar", "-x", "-o", "-f", str(sent)], cwd=self.workspace, env=self._environment)
        self._write_files()
        package = self.workspace / self._parameters["PACKAGE_NAME"]
        if package.is_symlink() or not package.is_file():
            raise StageFailed(f"the package did not arrive as a file: {package.name}")

    def _write_files(self) -> None:
        context = self._context()
        for name, parameter in (("Dockerfile", "DOCKERFILE_TEMPLATE"), ("bootstart.sh", "BOOTSTART_TEMPLATE")):
            target = context / name
            _remove(target)  # a link of that name in the repository must not be written through
            self._live.log.line("[Pipeline] writeFile")
            target.write_text(self._parameters[parameter], encoding="utf-8", newline="")

    def _take_package(self) -> None:
        """The file itself, or the one at the end of links that stay inside the workspace."""
        context = self._context()
        package, folder = self._parameters["PACKAGE_NAME"], self._parameters["BUILD_TARGET"]
        source = self._below(self._below(context, folder, "BUILD_TARGET"), package, "PACKAGE_NAME")
        if not source.is_file():
            shown = PurePosixPath(folder.strip("/") or ".") / package
            raise StageFailed(f"the package was not built: there is no file {shown} in the build directory")
        target = context / package
        if source != target:
            if target.is_dir() and not target.is_symlink():
                raise StageFailed(f"the build directory has a folder named as the package: {package}")
            copied = self.scratch / "package"
            shutil.copy2(source, copied)
            target.unlink(missing_ok=True)
            shutil.move(copied, target)
        self._live.log.line(f"{package}: {target.stat().st_size} bytes, beside the Dockerfile")

    def docker_build(self) -> None:
        """The image, labelled with order, trigger and source."""
        values, destination = self._parameters, image_name(self._parameters)
        labels = {
            "io.prism4k.order": values["ORDER_NO"],
            "io.prism4k.trigger": values["TRIGGER_ID"],
            "org.opencontainers.image.revision": values["GIT_COMMIT"],
            "org.opencontainers.image.source": values["GIT_URL"],
            "org.opencontainers.image.version": values["DEPLOY_VERSION"],
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
        self._archive_facts(digest)
        self._save()
        self._platform.report(digest)

    def _archive_facts(self, digest: str) -> None:
        """``image.json``, for people and other tools; the platform asks the registry."""
        build, values = self._live.build, self._parameters
        facts = {
            "trigger_id": values["TRIGGER_ID"],
            "order_no": values["ORDER_NO"],
            "build_number": build.number,
            "git_url": values["GIT_URL"],
            "git_commit": values["GIT_COMMIT"],
            "image": image_name(values),
            "digest": digest,
            "builder": self._settings.builder,
        }
        write_text(self._archive / "image.json", json.dumps(facts, separators=(",", ":")) + "\n")
        build.artifacts.append("image.json")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
