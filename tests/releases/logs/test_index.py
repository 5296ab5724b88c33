"""What an append learns of a log: bytes, errors, stages; the same however the text is cut."""

from __future__ import annotations

import random

import pytest

from releases.logs.index import MOST_SECTIONS, PIECE, LogIndex, pieces_of

LOG = """Started by user bot
[Pipeline] Start of Pipeline
[Pipeline] node
[Pipeline] {
[Pipeline] stage
[Pipeline] { (Prepare Git Code)
+ git fetch
warning: redirecting
[Pipeline] }
[Pipeline] // stage
[Pipeline] withEnv
error: between two stages
[Pipeline] stage
[Pipeline] { (Build)
[Pipeline] parallel
[Pipeline] { (Branch: linux)
编译 error: 甲
error: two
[Pipeline] }
[Pipeline] // stage
[Pipeline] }
[Pipeline] End of Pipeline
ERROR: script returned exit code 1
Finished: FAILURE
"""


def taken(*texts: str) -> LogIndex:
    """The index after these pieces; it goes through the row between any two."""
    index, line = LogIndex(), 1
    for text in texts:
        index = LogIndex.read(index.as_stored())
        index.take(text, line)
        line += text.count("\n")
    return index


def test_stages_and_counts() -> None:
    index = taken(LOG)
    seen = [(found.name, found.first, found.last, found.errors, found.warnings) for found in index.sections]
    # A stage reaches to the one behind it, and what lies between counts with it; the end of the log is nobody's.
    assert seen == [("Prepare Git Code", 5, 12, 1, 1), ("Build", 13, 20, 2, 0)]
    assert (index.errors, index.warnings, index.first_error) == (5, 1, 12)
    assert index.bytes == len(LOG.encode()) > len(LOG)
    assert not index.is_mid_line


def test_a_stage_goes_on_until_something_ends_it() -> None:
    index = taken(LOG[: LOG.index("error: two") + len("error: two\n")])
    assert (index.sections[-1].name, index.sections[-1].last, index.sections[-1].errors) == ("Build", None, 2)


def test_cutting_at_lines_changes_nothing() -> None:
    lines, dice = LOG.splitlines(keepends=True), random.Random(7)
    for _round in range(50):
        cuts = sorted(dice.sample(range(1, len(lines)), 5))
        texts = ["".join(lines[start:end]) for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
        assert taken(*texts) == taken(LOG)


def test_a_line_counts_once_however_it_is_cut() -> None:
    index = taken("fine\nerror: it beg", "ins here, error: again\nerror: next", "\n")
    assert (index.errors, index.first_error, index.is_mid_line) == (2, 2, False)


@pytest.mark.security("hostile-logs")
def test_a_hostile_log_has_a_bounded_index() -> None:
    index = taken("".join(f"[Pipeline] {{ ({'x' * 500}{number})\n" for number in range(1000)))
    assert len(index.sections) == MOST_SECTIONS
    assert len(str(index.as_stored())) < 60_000


def test_pieces_are_bounded_cut_at_lines_and_lose_nothing() -> None:
    text = "".join(f"line {number}\n" for number in range(20_000)) + "y" * 200_000 + "\nend"
    pieces = list(pieces_of(text))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= PIECE
    assert [piece for piece in pieces if not piece.endswith("\n") and "y" not in piece] == ["end"] or pieces[
        -1
    ].endswith("end")
    assert all(piece.endswith("\n") for piece in pieces if "line" in piece and "y" not in piece)
    assert list(pieces_of("")) == []
