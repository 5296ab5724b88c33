"""What Jenkins' plain checkout leaves out is said before an order is created, with what to do."""

from __future__ import annotations

import pytest

from components.checkout import notes_of
from deployer.interfaces import LeftOut

SUBMODULES = LeftOut(("lib", "deep/other"))
LFS = LeftOut(has_lfs=True)


@pytest.mark.parametrize(
    ("left_out", "command", "said"),
    [
        (LeftOut(), "make", []),
        (SUBMODULES, "make", ["lib, deep/other"]),
        (SUBMODULES, "git submodule update --init --recursive && make", []),
        (SUBMODULES, "git submodule status; make update", ["git submodule update"]),
        (LFS, "make", ["git lfs pull"]),
        (LFS, "git lfs install && git lfs pull\nmake", []),
        (LFS, "make -C wolfs pull", ["git lfs pull"]),
        (LeftOut(("lib",), True), "", ["lib", "git lfs pull"]),
    ],
)
def test_a_message_for_what_the_command_does_not_fetch(left_out: LeftOut, command: str, said: list[str]) -> None:
    notes = [str(note) for note in notes_of(left_out, command)]
    assert len(notes) == len(said)
    assert all(words in note for words, note in zip(said, notes, strict=True))


def test_many_folders_are_cut() -> None:
    (note,) = notes_of(LeftOut(tuple(f"lib{number}" for number in range(30))), "make")
    assert "lib4" in str(note) and "lib5" not in str(note) and "…" in str(note)
