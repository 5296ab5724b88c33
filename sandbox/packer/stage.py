"""One build stage: its config, layers, variables, and the instructions that only change the config."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.packer.dockerfile import Instruction, expand, split_words
from sandbox.packer.errors import PackError
from sandbox.packer.image import Config, Layer, PackedImage
from sandbox.packer.tree import Tree

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(ms|s|m|h))")
_NANOSECONDS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


@dataclass
class Stage:
    """``document`` is the OCI config so far, ``arguments`` the ARG values in force, ``escape`` the Dockerfile's."""

    name: str
    document: Config
    created: str
    escape: str = "\\"
    layers: list[Layer] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    arguments: dict[str, str] = field(default_factory=dict)
    has_command: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """The ``config`` part of the document: Env, Cmd, User and the like."""
        settings: dict[str, Any] = self.document.setdefault("config", {})
        return settings

    @property
    def variables(self) -> Mapping[str, str]:
        """What ``$NAME`` means now: ENV wins over ARG."""
        return {**self.arguments, **dict(entry.partition("=")[::2] for entry in self.settings.get("Env") or ())}

    @property
    def working_directory(self) -> str:
        """Absolute, "/" where none is set."""
        return str(self.settings.get("WorkingDir") or "/")

    def expand(self, text: str) -> str:
        """One word with variables filled in."""
        return expand(text, self.variables, self.escape)

    def words(self, text: str) -> list[str]:
        """Words with variables filled in."""
        return split_words(text, self.variables, self.escape)

    def set_env(self, name: str, value: str) -> None:
        """Set or replace an environment variable, keeping its place."""
        entries: list[str] = list(self.settings.get("Env") or ())
        kept = [entry for entry in entries if entry.partition("=")[0] != name]
        place = next((at for at, entry in enumerate(entries) if entry.partition("=")[0] == name), len(kept))
        kept.insert(place, f"{name}={value}")
        self.settings["Env"] = kept

    def note(self, source: str, *, is_empty: bool) -> None:
        """Add a line of history."""
        entry: dict[str, Any] = {"created": self.created, "created_by": source, "comment": "prism4k packer"}
        if is_empty:
            entry["empty_layer"] = True
        self.document.setdefault("history", []).append(entry)

    def add_layer(self, layer: Layer, source: str) -> None:
        self.layers.append(layer)
        self.tree.add_layer(layer)
        self.note(source, is_empty=False)


def empty_stage(name: str, created: str) -> Stage:
    """``FROM scratch``."""
    return Stage(name, {"architecture": "amd64", "os": "linux", "config": {}, "history": []}, created)


def stage_from_image(name: str, image: PackedImage, created: str) -> Stage:
    """``FROM`` a pulled image; raises PackError for one that is not for Linux or has triggers."""
    document = image.document
    if document.get("os", "linux") != "linux":
        raise PackError(f"the base image is for {document.get('os')}, not for linux")
    if (document.get("config") or {}).get("OnBuild"):
        raise PackError("the base image has ONBUILD triggers: start with BUILDER=buildah")
    document = {key: value for key, value in document.items() if key in {"architecture", "os", "variant", "config"}}
    document["history"] = list(image.document.get("history") or ())
    document["config"] = dict(document.get("config") or {})
    stage = Stage(name, document, created, layers=list(image.layers))
    for layer in image.layers:
        stage.tree.add_layer(layer)
    return stage


def stage_from_stage(name: str, parent: Stage) -> Stage:
    """``FROM`` an earlier stage."""
    document = json.loads(json.dumps(parent.document))
    return Stage(name, document, parent.created, layers=list(parent.layers), tree=parent.tree.copy())


def _pairs(stage: Stage, text: str) -> list[tuple[str, str]]:
    """``k=v k2=v2``, or the old form ``k rest of the line``."""
    first = re.match(r"\S+", text)
    if first is not None and "=" not in first[0]:
        name, value = first[0], text[first.end() :].strip()
        if not value:
            raise PackError(f"{name} has no value: write {name}=value")
        return [(stage.expand(name), stage.expand(value))]
    pairs = []
    for word in stage.words(text):
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise PackError(f"{word!r} is not name=value")
        pairs.append((name, value))
    return pairs


def _env(stage: Stage, instruction: Instruction) -> None:
    for name, value in _pairs(stage, instruction.rest):
        stage.set_env(name, value)


def _label(stage: Stage, instruction: Instruction) -> None:
    stage.settings["Labels"] = {**(stage.settings.get("Labels") or {}), **dict(_pairs(stage, instruction.rest))}


def _workdir(stage: Stage, instruction: Instruction) -> None:
    path = posixpath.normpath(posixpath.join(stage.working_directory, stage.expand(instruction.rest)))
    stage.settings["WorkingDir"] = path
    # No layer of its own: the container runtime makes a missing working directory when it starts.
    stage.tree.assume_directory(path)


def _user(stage: Stage, instruction: Instruction) -> None:
    stage.settings["User"] = stage.expand(instruction.rest)


def _expose(stage: Stage, instruction: Instruction) -> None:
    ports = dict(stage.settings.get("ExposedPorts") or {})
    for word in stage.words(instruction.rest):
        match = _PORT.fullmatch(word)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if match is None or not 0 < first <= last < 65536:
            raise PackError(f"EXPOSE {word}: a port is 1 to 65535, with /tcp or /udp")
        ports.update({f"{port}/{match[3] or 'tcp'}": {} for port in range(first, last + 1)})
    stage.settings["ExposedPorts"] = ports


def _arg(stage: Stage, instruction: Instruction) -> None:
    for word in stage.words(instruction.rest):
        name, sign, value = word.partition("=")
        if not _NAME.fullmatch(name):
            raise PackError(f"ARG {name[:40]}: not a name")
        if sign:
            stage.arguments[name] = value


def _command_words(stage: Stage, instruction: Instruction) -> list[str]:
    exec_form = instruction.json_list()
    if exec_form is not None:
        return exec_form
    return [*(stage.settings.get("Shell") or ["/bin/sh", "-c"]), instruction.rest]


def _cmd(stage: Stage, instruction: Instruction) -> None:
    stage.settings["Cmd"] = _command_words(stage, instruction)
    stage.has_command = True


def _entrypoint(stage: Stage, instruction: Instruction) -> None:
    stage.settings["Entrypoint"] = _command_words(stage, instruction)
    if not stage.has_command:
        # A new entry point voids the base image's CMD, which was meant for the base's own entry point.
        stage.settings.pop("Cmd", None)


def _maintainer(stage: Stage, instruction: Instruction) -> None:
    stage.document["author"] = instruction.rest


def _volume(stage: Stage, instruction: Instruction) -> None:
    exec_form = instruction.json_list()
    paths = exec_form if exec_form is not None else stage.words(instruction.rest)
    stage.settings["Volumes"] = {**(stage.settings.get("Volumes") or {}), **{path: {} for path in paths}}


def _stopsignal(stage: Stage, instruction: Instruction) -> None:
    stage.settings["StopSignal"] = stage.expand(instruction.rest)


def _shell(stage: Stage, instruction: Instruction) -> None:
    words = instruction.json_list()
    if not words:
        raise PackError('SHELL is written as ["program", "argument"]')
    stage.settings["Shell"] = words


def _duration(text: str) -> int:
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise PackError(f"{text!r} is no duration: write 30s or 1m30s")
    return sum(int(float(number) * _NANOSECONDS[unit]) for number, unit in parts)


def _healthcheck(stage: Stage, instruction: Instruction) -> None:
    if instruction.rest.upper() == "NONE":
        stage.settings["Healthcheck"] = {"Test": ["NONE"]}
        return
    kind, _, command = instruction.rest.partition(" ")
    if kind.upper() != "CMD" or not command.strip():
        raise PackError("HEALTHCHECK is followed by CMD and a command, or by NONE")
    inner = Instruction(instruction.line, "CMD", {}, command.strip(), instruction.source)
    words = inner.json_list()
    check: dict[str, Any] = {"Test": ["CMD", *words] if words is not None else ["CMD-SHELL", inner.rest]}
    for flag, value in instruction.flags.items():
        if flag == "retries" and value.isdigit():
            check["Retries"] = int(value)
        elif flag in {"interval", "timeout", "start-period", "start-interval"}:
            check["".join(part.title() for part in flag.split("-"))] = _duration(value)
        else:
            raise PackError(f"HEALTHCHECK does not know --{flag}={value}")
    stage.settings["Healthcheck"] = check


CONFIG_INSTRUCTIONS: Mapping[str, Callable[[Stage, Instruction], None]] = {
    "ENV": _env,
    "LABEL": _label,
    "WORKDIR": _workdir,
    "USER": _user,
    "EXPOSE": _expose,
    "ARG": _arg,
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "MAINTAINER": _maintainer,
    "VOLUME": _volume,
    "STOPSIGNAL": _stopsignal,
    "SHELL": _shell,
    "HEALTHCHECK": _healthcheck,
}
