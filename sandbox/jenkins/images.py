"""Making and pushing the image: with the built-in packer, or with buildah where it is installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from sandbox.packer import PackedImage, PackError, pack, push

from .processes import Processes

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ImageFailed(Exception):
    """The image could not be made or pushed; ``str()`` is the reason."""


class Builder(Protocol):
    """One build's image: ``make`` in the stage DockerBuild, ``push`` in DockerPush."""

    def make(self, *, context: Path, destination: str, labels: Mapping[str, str]) -> None:
        """From ``context/Dockerfile``. Raises ImageFailed, CommandFailed, Interrupted."""

    def push(self) -> str:
        """The manifest's digest. Raises ImageFailed, CommandFailed, Interrupted."""


class PackerBuilder:
    """The packer that needs no container engine; a Dockerfile with RUN gets its clear refusal."""

    def __init__(self, *, scratch: Path, log: Callable[[str], None], processes: Processes) -> None:
        self._scratch = scratch
        self._log = log
        self._processes = processes
        self._image: PackedImage | None = None
        self._destination = ""

    def _say(self, line: str) -> None:
        self._processes.check()  # a packer's line is the place where a stop can end the work
        self._log(line)

    def make(self, *, context: Path, destination: str, labels: Mapping[str, str]) -> None:
        dockerfile = (context / "Dockerfile").read_text(encoding="utf-8")
        folder = self._scratch / "image"
        folder.mkdir(parents=True, exist_ok=True)
        self._destination = destination
        try:
            self._image = pack(context=context, dockerfile=dockerfile, labels=labels, scratch=folder, log=self._say)
        except PackError as exc:
            raise ImageFailed(str(exc)) from exc

    def push(self) -> str:
        if self._image is None:
            raise ImageFailed("there is no image to push")
        try:
            return push(self._image, self._destination, log=self._say)
        except PackError as exc:
            raise ImageFailed(str(exc)) from exc


class BuildahBuilder:
    """``buildah bud`` and ``buildah push`` with a storage of its own per build, thrown away with the scratch folder."""

    def __init__(self, *, scratch: Path, environment: Mapping[str, str], processes: Processes) -> None:
        self._scratch = scratch
        # Parameters stay out: a Dockerfile's ARG would otherwise be fed from them by buildah.
        self._environment = {name: environment[name] for name in ("HOME", "LANG", "PATH", "TMPDIR")}
        self._processes = processes
        self._destination = ""

    def _command(self, verb: str, *arguments: str) -> list[str]:
        storage = self._scratch / "buildah"
        roots = ["--root", str(storage / "root"), "--runroot", str(storage / "run"), "--storage-driver", "vfs"]
        return ["buildah", *roots, verb, *arguments]

    def make(self, *, context: Path, destination: str, labels: Mapping[str, str]) -> None:
        self._destination = destination
        marks = [part for name, value in labels.items() for part in ("--label", f"{name}={value}")]
        options = ["--isolation", "chroot", "--tls-verify=false", "--format", "oci", *marks]
        files = ["--file", str(context / "Dockerfile"), "--tag", destination, str(context)]
        self._processes.run(self._command("bud", *options, *files), cwd=context, env=self._environment)

    def push(self) -> str:
        written = self._scratch / "digest"
        options = ["--tls-verify=false", "--digestfile", str(written), self._destination]
        self._processes.run(self._command("push", *options), cwd=self._scratch, env=self._environment)
        match = _DIGEST.search(written.read_text(encoding="utf-8")) if written.is_file() else None
        if match is None:
            raise ImageFailed("buildah wrote no digest")
        return match.group(0)
