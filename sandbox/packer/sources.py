"""Where COPY and ADD take files from: the build context, or an earlier stage."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sandbox.packer.errors import PackError
from sandbox.packer.ignore import Ignore
from sandbox.packer.layers import Item
from sandbox.packer.tree import Tree


class Source(Protocol):
    """A tree of files to copy from; paths are relative to it, without a leading slash, "" is the top."""

    def names(self, path: str) -> list[str]:
        """Sorted names in a directory; [] for anything else."""

    def is_directory(self, path: str) -> bool:
        """True for a directory, links followed."""

    def exists(self, path: str) -> bool:
        """True when something is there."""

    def item(self, path: str, *, follow: bool) -> Item:
        """The thing at the path; a link itself unless ``follow``."""


class ContextSource:
    """The build context on disk; nothing outside it is reachable, through links neither."""

    def __init__(self, context: Path) -> None:
        self._top = context.resolve()
        self._ignore = Ignore.read(self._top)

    def _real(self, path: str) -> Path:
        real = (self._top / path).resolve()
        if not real.is_relative_to(self._top):
            raise PackError(f"{path} leads outside the build context")
        return real

    def names(self, path: str) -> list[str]:
        real = self._real(path)
        if not real.is_dir():
            return []
        return [name for name in sorted(os.listdir(real)) if not self._ignore.hides(posixpath.join(path, name))]

    def is_directory(self, path: str) -> bool:
        return self._real(path).is_dir()

    def exists(self, path: str) -> bool:
        return self._real(path).exists() and not self._ignore.hides(path)

    def item(self, path: str, *, follow: bool) -> Item:
        place = self._real(path) if follow else self._top / path
        status = place.stat() if follow else place.lstat()
        info = tarfile.TarInfo()
        info.mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.readlink(place), 0o777
            return Item(info)
        if stat.S_ISDIR(status.st_mode):
            info.type = tarfile.DIRTYPE
            return Item(info)
        if stat.S_ISREG(status.st_mode):
            return Item(info, lambda: place.open("rb"))
        raise PackError(f"{path} is neither a file, a directory nor a link")

    def local_file(self, path: str) -> Path:
        """Where a file of the context lies on disk."""
        return self._real(path)


class StageSource:
    """The file system of an earlier stage."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def names(self, path: str) -> list[str]:
        return self._tree.names(path) if self._tree.is_directory(path) else []

    def is_directory(self, path: str) -> bool:
        return self._tree.is_directory(path)

    def exists(self, path: str) -> bool:
        return self._tree.resolve(path) in self._tree.nodes or self._tree.is_directory(path)

    def item(self, path: str, *, follow: bool) -> Item:
        place = self._tree.resolve(path) if follow else self._parent_resolved(path)
        info = self._tree.nodes[place].info
        if info.issym() or info.isdir():
            return Item(info)
        if not (info.isreg() or info.islnk()):
            raise PackError(f"/{path} is neither a file, a directory nor a link")
        plain = tarfile.TarInfo()
        plain.mode = info.mode
        return Item(plain, lambda: self._tree.open(place))

    def _parent_resolved(self, path: str) -> str:
        folder, name = posixpath.split(path)
        return posixpath.join(self._tree.resolve(folder), name) if name else "/"


def find(source: Source, pattern: str) -> list[str]:
    """Paths that a COPY source names, wildcards per path part as Go's ``filepath.Match``; [] for none."""
    parts = [part for part in posixpath.normpath(pattern.lstrip("/") or ".").split("/") if part != "."]
    if ".." in parts:
        raise PackError(f"{pattern} leads outside the build context")
    found = [""]
    for part in parts:
        if re.search(r"[*?\[]", part):
            found = [
                posixpath.join(folder, name)
                for folder in found
                for name in source.names(folder)
                if fnmatch.fnmatchcase(name, part.replace("[^", "[!"))
            ]
        else:
            found = [posixpath.join(folder, part) for folder in found]
    return [path for path in found if source.exists(path)]


def walk(source: Source, top: str) -> Iterator[tuple[str, Item]]:
    """Everything below a directory with its path relative to it, parents first."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for name in source.names(posixpath.join(top, folder) if folder else top):
            relative = posixpath.join(folder, name)
            item = source.item(posixpath.join(top, relative), follow=False)
            yield relative, item
            if item.info.isdir():
                waiting.append(relative)
