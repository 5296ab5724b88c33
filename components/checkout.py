"""What Jenkins' plain checkout leaves out, in words for a person."""

from __future__ import annotations

import re

from deployer.interfaces import LeftOut
from foundation.messages import MessageLike
from foundation.messages import message as _

MOST_PATHS = 5
_SUBMODULES = re.compile(r"\bsubmodule\b[^\n;&|]*\bupdate\b|--recurse-submodules")
_LFS = re.compile(r"\blfs\b[^\n;&|]*\b(?:pull|fetch|checkout)\b")


def notes_of(left_out: LeftOut, build_command: str) -> list[MessageLike]:
    """A note for each thing that the build command does not fetch itself, with what to do."""
    notes: list[MessageLike] = []
    if left_out.submodules and not _SUBMODULES.search(build_command):
        notes.append(
            _(
                "Jenkins checks out no submodules, so these folders stay empty: %(paths)s. Begin the build command "
                "with “git submodule update --init --recursive”.",
                paths=_some(left_out.submodules),
            )
        )
    if left_out.has_lfs and not _LFS.search(build_command):
        notes.append(
            _(
                "Git LFS keeps files of this repository, and Jenkins checks out their pointers only. Begin the build "
                "command with “git lfs pull”, on a node that has it."
            )
        )
    return notes


def _some(paths: tuple[str, ...]) -> list[str]:
    return [*paths[:MOST_PATHS], *(["…"] if len(paths) > MOST_PATHS else [])]
