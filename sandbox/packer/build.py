"""Carries a Dockerfile out, instruction by instruction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sandbox.packer.copying import ContextSource, Source, StageSource, copy
from sandbox.packer.dockerfile import Dockerfile, Instruction, expand, parse, split_words
from sandbox.packer.errors import PackError
from sandbox.packer.image import PackedImage, assemble
from sandbox.packer.registry import HttpPuller, Puller
from sandbox.packer.stage import CONFIG_INSTRUCTIONS, Stage, empty_stage, stage_from_image, stage_from_stage

_NEEDS_ENGINE = frozenset({"RUN", "ONBUILD"})


def pack(
    *,
    context: Path,
    dockerfile: str,
    labels: Mapping[str, str],
    scratch: Path,
    log: Callable[[str], None],
    pull: Puller | None = None,
    created: str = "",
) -> PackedImage:
    """Make the image that ``dockerfile`` (its text) describes from the files under ``context``.

    ``labels`` are put on top of the Dockerfile's own; blobs are kept under ``scratch``; ``log`` gets one line at a
    time; ``pull`` fetches base images (over HTTP by default); ``created`` is RFC 3339, now when "". Equal input
    gives equal bytes, ``created`` apart. Raises PackError, with ``line N:`` where an instruction is to blame.
    """
    if not context.is_dir():
        raise PackError(f"the build context {context} is not a directory")
    stamp = created or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    build = _Build(parse(dockerfile), ContextSource(context), scratch, log, pull or HttpPuller(), stamp)
    stage = build.run()
    if labels:
        stage.settings["Labels"] = {**(stage.settings.get("Labels") or {}), **labels}
        stage.note("LABEL " + " ".join(f"{name}={value}" for name, value in sorted(labels.items())), is_empty=True)
    stage.document["created"] = stamp
    image = assemble(stage.document, tuple(stage.layers))
    log(f"Successfully built {image.config_digest.removeprefix('sha256:')[:12]}")
    return image


class _Build:
    """The state of one build: finished stages by number and name, and the ARGs before the first FROM."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        context: ContextSource,
        scratch: Path,
        log: Callable[[str], None],
        puller: Puller,
        created: str,
    ) -> None:
        self.dockerfile = dockerfile
        self.context = context
        self.scratch = scratch
        self.log = log
        self.puller = puller
        self.created = created
        self.stages: list[Stage] = []
        self.global_arguments: dict[str, str] = {}

    def run(self) -> Stage:
        before, groups = _group(self.dockerfile.instructions)
        for instruction in self.dockerfile.instructions:
            # Refused before anything is pulled: nobody waits for a build that cannot end well.
            if instruction.name in _NEEDS_ENGINE:
                raise PackError(
                    f"line {instruction.line}: {instruction.name} needs buildah: start with BUILDER=buildah"
                )
        for instruction in before:
            self._at(instruction, self._global_arg)
        for group in groups:
            for step, instruction in enumerate(group, 1):
                prefix = f"[{len(self.stages) + (step == 1)}/{len(groups)}] " if len(groups) > 1 else ""
                self.log(f"{prefix}STEP {step}/{len(group)}: {instruction.source}")
                self._at(instruction, self._from if step == 1 else self._instruction)
        return self.stages[-1]

    def _at(self, instruction: Instruction, act: Callable[[Instruction], None]) -> None:
        try:
            act(instruction)
        except PackError as exc:
            raise PackError(f"line {instruction.line}: {exc.message}") from exc

    def _global_arg(self, instruction: Instruction) -> None:
        if instruction.name != "ARG":
            raise PackError(f"{instruction.name} stands before the first FROM; only ARG may")
        for word in split_words(instruction.rest, self.global_arguments, self.dockerfile.escape):
            name, sign, value = word.partition("=")
            self.global_arguments[name] = value if sign else ""

    def _from(self, instruction: Instruction) -> None:
        platform = instruction.flags.pop("platform", "")
        if expand(platform, self.global_arguments) not in {"", "linux/amd64", "linux"}:
            raise PackError(f"FROM --platform={platform}: this machine makes linux/amd64 images")
        words = split_words(instruction.rest, self.global_arguments, self.dockerfile.escape)
        if instruction.flags or len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):
            raise PackError("FROM is written FROM image, or FROM image AS name")
        name = words[2].lower() if len(words) == 3 else ""
        stage = self._begin(name, words[0])
        stage.escape = self.dockerfile.escape
        self.stages.append(stage)

    def _begin(self, name: str, base: str) -> Stage:
        if base == "scratch":
            return empty_stage(name, self.created)
        parent = next((stage for stage in self.stages if stage.name and stage.name == base.lower()), None)
        if parent is not None:
            return stage_from_stage(name, parent)
        image = self.puller.pull(base, scratch=self.scratch, log=self.log)
        return stage_from_image(name, image, self.created)

    def _instruction(self, instruction: Instruction) -> None:
        stage = self.stages[-1]
        if instruction.name in {"COPY", "ADD"}:
            copy(stage, instruction, self._source(instruction), self.scratch)
            return
        if instruction.name == "ARG":
            for word in instruction.rest.split():
                # An ARG without a default takes the value that stands before the first FROM.
                if word in self.global_arguments:
                    stage.arguments[word] = self.global_arguments[word]
        CONFIG_INSTRUCTIONS[instruction.name](stage, instruction)
        stage.note(instruction.source, is_empty=True)

    def _source(self, instruction: Instruction) -> Source:
        wanted = instruction.flags.get("from", "").lower()
        if not wanted:
            return self.context
        for number, stage in enumerate(self.stages[:-1]):
            if wanted in {stage.name, str(number)}:
                return StageSource(stage.tree)
        raise PackError(f"COPY --from={wanted} names no earlier stage")


def _group(instructions: tuple[Instruction, ...]) -> tuple[list[Instruction], list[list[Instruction]]]:
    """What stands before the first FROM, then one list per stage."""
    before: list[Instruction] = []
    groups: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.name == "FROM":
            groups.append([instruction])
        elif groups:
            groups[-1].append(instruction)
        else:
            before.append(instruction)
    return before, groups
