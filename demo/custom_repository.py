"""Whose component the order is of: the demo's own, or anybody's repository (GIT_URL and what belongs to it)."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from demo import world
from demo.client import Api, Cast, Refusal
from demo.repository import commits_of, git
from demo.running import DATA
from demo.screen import Screen

GIT_ROOT = DATA / "sandbox" / "git"
PROJECT = "sis-omm"
LS_REMOTE_SECONDS = 30
JAVA = frozenset({".war", ".jar", ".ear"})


class BadRepository(Exception):
    """GIT_URL and its companions do not fit together; ``str()`` says what to give."""


@dataclass(frozen=True)
class Target:
    """The demo's own component on a branch."""

    branch: str
    note: str = ""

    def prepare(self, people: Cast, screen: Screen) -> str:
        """``project/component``, ready for orders."""
        project, app = world.CARRIED
        return f"{project}/{app.slug}"


@dataclass(frozen=True)
class OwnTarget(Target):
    """Somebody's repository as a component of its own, registered through the API by whose job that is."""

    git_url: str = ""
    command: str = ""
    directory: str = ""
    package: str = ""

    def prepare(self, people: Cast, screen: Screen) -> str:
        """Git server, component, settings and allocations; a second run brings them up to date."""
        name = component_name(self.git_url)
        screen.title("Component")
        url = self._reachable_url(people[world.PLATFORM_ADMIN])
        administrator = people[world.PROJECT_ADMIN]
        path = f"components/{PROJECT}/{name.lower()}/"
        settings = self._settings(name, url)
        try:
            administrator.post("components/", {"project": PROJECT, "name": name, "settings": settings})
        except Refusal as refusal:
            if refusal.status != 400 or "name" not in str(refusal):
                raise
            administrator.put(f"{path}settings/", settings)
        for place in world.PLACES:
            administrator.put(f"{path}allocations/{place.slug}/", {**_amounts(place), "note": "of your own repository"})
        screen.line(f"{name}: {url}, branch {self.branch}")
        return f"{PROJECT}/{name.lower()}"

    def _reachable_url(self, administrator: Api) -> str:
        """A folder of this machine is mirrored behind the stand-in Git server; any other host is made known."""
        if is_folder(self.git_url):
            own = administrator.get(f"components/{world.CARRIED[0]}/{world.CARRIED[1].slug}/")["settings"]["git_url"]
            return f"{own.partition(world.CARRIED[0])[0]}{mirror(self.git_url)}"
        parts = urlsplit(self.git_url)
        host = parts.netloc.rpartition("@")[2]
        body: dict[str, Any] = {"host": host, "name": host, "allow_http": parts.scheme == "http"}
        try:
            administrator.post("git-servers/", body)
        except Refusal as refusal:
            if refusal.status != 400 or "host" not in str(refusal):
                raise
        return self.git_url

    def _settings(self, name: str, url: str) -> dict[str, str]:
        family = world.JDK8 if PurePosixPath(self.package).suffix in JAVA else world.PYTHON
        return {
            "name_zh": name,
            "git_url": url,
            "description": "make demo GIT_URL=…",
            "node_label": os.environ.get("NODE", "").strip() or family.node_label,
            "build_directory": "/",
            "build_command": self.command,
            "artifact_directory": self.directory,
            "package_name": self.package,
            "base_image": " ".join(family.base_image),
            "dockerfile": family.dockerfile,
            "bootstart": family.bootstart,
            "deployment_template": family.deployment,
            "service_template": family.service,
        }


def choose_target() -> Target:
    """From GIT_URL, BRANCH, BUILD_CMD, BUILD_TARGET and PACKAGE; raises BadRepository before anything is started."""
    names = ("GIT_URL", "BRANCH", "BUILD_CMD", "BUILD_TARGET", "PACKAGE")
    given = {name: os.environ.get(name, "").strip() for name in names}
    if not given["GIT_URL"]:
        alone = [name for name in ("BUILD_CMD", "BUILD_TARGET", "PACKAGE") if given[name]]
        if alone:
            raise BadRepository(f"{', '.join(alone)} belong to a repository: give GIT_URL too.")
        return Target(given["BRANCH"] or "master")
    missing = [name for name in ("BUILD_CMD", "PACKAGE") if not given[name]]
    if missing:
        example = "make demo GIT_URL=https://… BUILD_CMD='make package' BUILD_TARGET=dist PACKAGE=app.pyz"
        raise BadRepository(f"GIT_URL needs {' and '.join(missing)} too, e.g. {example}")
    branch = given["BRANCH"] or default_branch(given["GIT_URL"])
    return OwnTarget(
        branch,
        f"The component is {component_name(given['GIT_URL'])} of project {PROJECT}.",
        given["GIT_URL"],
        given["BUILD_CMD"],
        given["BUILD_TARGET"] or "/",
        given["PACKAGE"],
    )


def default_branch(url: str) -> str:
    """What the remote's HEAD points to; raises BadRepository when it cannot be asked."""
    try:
        done = subprocess.run(
            ["git", "ls-remote", "--symref", "--", url, "HEAD"],
            capture_output=True, text=True, timeout=LS_REMOTE_SECONDS, check=True,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadRepository(f"GIT_URL did not answer within {LS_REMOTE_SECONDS} s. Is the address right?") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["git gave no reason"]
        # What follows the first "fatal:" is advice on rights, for any cause.
        said = next((line for line in lines if line.startswith("fatal: ")), lines[-1]).removeprefix("fatal: ")
        raise BadRepository(f"GIT_URL cannot be read: {said}") from None
    found = re.search(r"^ref: refs/heads/(\S+)\s+HEAD$", done.stdout, re.MULTILINE)
    if found is None:
        raise BadRepository("GIT_URL names no default branch (is it empty?): give BRANCH.")
    return found[1]


def component_name(url: str) -> str:
    """``SIS-OMM-OWN-MY-REPO`` for ``https://host/team/my_repo.git``."""
    last = url.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git")
    stem = re.sub(r"[^A-Za-z0-9]+", "-", last).strip("-").upper()[:40].strip("-") or "REPOSITORY"
    return f"SIS-OMM-OWN-{stem}"


def is_folder(url: str) -> bool:
    """A path, or file://."""
    return url.startswith(("/", "./", "../", "~", "file://"))


def mirror(url: str) -> str:
    """Copy the folder's branches behind the stand-in Git server; the path there, one for each full path here."""
    source = os.path.abspath(os.path.expanduser(url.removeprefix("file://")))
    name = f"own/{component_name(source).lower()}-{hashlib.sha256(source.encode()).hexdigest()[:12]}.git"
    target = GIT_ROOT / name
    try:
        if not (target / "HEAD").is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            git(["clone", "--quiet", "--mirror", source, str(target)])
        git(["--git-dir", str(target), "fetch", "--quiet", "--prune", source, "+refs/heads/*:refs/heads/*"])
        commits_of(target, "HEAD")
    except subprocess.CalledProcessError as error:
        raise BadRepository(f"GIT_URL={url} cannot be read: {error.stderr.decode(errors='replace').strip()}") from None
    return name


def _amounts(place: world.Place) -> dict[str, str]:
    """Cores and GiB, as people type them."""
    return {
        "replicas": str(place.replicas),
        "cpu_request": f"{place.cpu[0] / 1000:g}",
        "cpu_limit": f"{place.cpu[1] / 1000:g}",
        "memory_request": f"{place.memory[0] / 1024:g}",
        "memory_limit": f"{place.memory[1] / 1024:g}",
    }
