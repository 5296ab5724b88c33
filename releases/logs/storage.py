"""Storing a build's log: pieces of text become chunks, with what is known of them without reading."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from foundation.log_mask import LogMask
from releases.logs.index import LogIndex, parts_of, pieces_of
from releases.logs.truth import LogReader
from releases.models import Build, LogChunk


def append_log(build: Build, text: str, *, is_doubtful: bool = False) -> dict[str, Any]:
    """Store a piece of the build's log behind what is there, in chunks; returns the build's columns that it changes.

    The caller saves them on the build in the same transaction, and with them where to read on. ``is_doubtful``: the
    piece is not all that Jenkins has; the log is replaced at its end.
    """
    chunks, fields = next_chunks(build, text, is_doubtful=is_doubtful)
    LogChunk.objects.bulk_create(chunks)
    return fields


def next_chunks(build: Build, text: str, *, is_doubtful: bool = False) -> tuple[list[LogChunk], dict[str, Any]]:
    """What :func:`append_log` stores and returns, stored by the caller: with that of other builds, or not at all."""
    reader, index = LogReader.read(build.log_reader), LogIndex.read(build.log_index)
    mask = LogMask.read(reader.mask)
    reader.sum.add(text)
    reader.is_doubtful |= is_doubtful
    chunks, offset, line = [], build.log_size, build.log_lines + 1
    for piece in (piece for part in parts_of(text) for piece in pieces_of(mask.apply(part))):
        found = index.take(piece, line)
        chunks.append(
            LogChunk(
                build=build, offset=offset, first_line=line, text=piece, errors=found.errors, warnings=found.warnings,
                at=Now(),
            )
        )  # fmt: skip
        offset, line = offset + len(piece), line + piece.count("\n")
    reader.mask = mask.as_stored()
    fields = {
        "log_size": offset,
        "log_lines": line - 1,
        "log_index": index.as_stored(),
        "log_reader": reader.as_stored(),
    }
    return chunks, fields


def clear_log(build: Build) -> dict[str, Any]:
    """Take out what is stored, to store it anew; returns the columns as ``append_log`` does.

    The version tells open viewers that no line that they have is known to be right.
    """
    LogChunk.objects.filter(build=build).delete()
    fields = {"log_size": 0, "log_lines": 0, "log_index": {}, "log_reader": {}, "log_version": build.log_version + 1}
    for name, value in fields.items():
        setattr(build, name, value)
    return fields
