"""docker, buildah and buildctl of the nodes: they take exactly what the job gives, and the packer does the work."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import sys
from pathlib import Path

from sandbox.packer import pack, push
from tests.jenkinsfile.groovy import ROOT

TOOLS = ("buildctl", "buildah", "docker")


def install(folder: Path, *names: str) -> Path:
    """Commands of these names in a folder for PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m tests.jenkinsfile.tools {name} "$@"\n'
        )
        path.chmod(0o755)
    return folder


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _kept(image: str) -> Path:
    return Path(os.environ["HOME"]) / f"image-{hashlib.sha256(image.encode()).hexdigest()}"


def _labels(texts: list[str]) -> dict[str, str]:
    return dict(text.split("=", 1) for text in texts)


def _make(dockerfile: str, context: str, labels: dict[str, str], image: str) -> None:
    blobs = Path(os.environ["HOME"]) / "blobs"
    blobs.mkdir(exist_ok=True)
    made = pack(
        context=Path(context).resolve(),
        dockerfile=Path(dockerfile).read_text(encoding="utf-8"),
        labels=labels,
        scratch=blobs,
        log=_say,
    )
    _kept(image).write_bytes(pickle.dumps(made))


def _push(image: str) -> str:
    login = os.environ.get("DOCKER_CONFIG")
    if login:  # as the tools read it; the stand-in registry asks for none
        known = json.loads((Path(login) / "config.json").read_text())["auths"]
        _say(f"signed in at {', '.join(known)} as {next(iter(known.values()))['auth']}")
    return push(pickle.loads(_kept(image).read_bytes()), image, log=_say)


def _parser(tool: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=tool, allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True)
    build = verbs.add_parser("bud" if tool == "buildah" else "build", allow_abbrev=False)
    build.add_argument("--pull-always" if tool == "buildah" else "--pull", action="store_true", required=True)
    if tool == "buildah":
        build.add_argument("--format", choices=["oci"], required=True)
    build.add_argument("--label", action="append", required=True)
    build.add_argument("--tag", required=True)
    build.add_argument("--file", required=True)
    build.add_argument("context")
    pushing = verbs.add_parser("push", allow_abbrev=False)
    if tool == "buildah":
        pushing.add_argument("--digestfile", type=Path, required=True)
    pushing.add_argument("image")
    return parser


def _engine(tool: str, arguments: list[str]) -> None:
    """docker and buildah."""
    given = _parser(tool).parse_args(arguments)
    if given.verb != "push":
        _make(given.file, given.context, _labels(given.label), given.tag)
        return
    digest = _push(given.image)
    if tool == "buildah":
        given.digestfile.write_text(digest)
    else:
        _say(f"{given.image.rpartition(':')[2]}: digest: {digest} size: 528")


def _buildkit(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="buildctl", allow_abbrev=False)
    parser.add_argument("verb", choices=["build"])
    parser.add_argument("--progress", choices=["plain"])
    parser.add_argument("--frontend", choices=["dockerfile.v0"], required=True)
    parser.add_argument("--opt", action="append", required=True)
    parser.add_argument("--local", action="append", required=True)
    parser.add_argument("--output")
    parser.add_argument("--metadata-file", type=Path)
    given = parser.parse_args(arguments)
    folders = _labels(given.local)
    labels = _labels([text.removeprefix("label:") for text in given.opt if text.startswith("label:")])
    output = dict(part.split("=", 1) for part in given.output.split(",")) if given.output else {}
    image = output.get("name", "cache")
    _make(f"{folders['dockerfile']}/Dockerfile", folders["context"], labels, image)
    if output.get("push") == "true":
        facts = {"containerimage.config.digest": "sha256:" + "0" * 64, "containerimage.digest": _push(image)}
        given.metadata_file.write_text(json.dumps({**facts, "image.name": image}, indent=2))


if __name__ == "__main__":
    if sys.argv[1] == "buildctl":
        _buildkit(sys.argv[2:])
    else:
        _engine(sys.argv[1], sys.argv[2:])
