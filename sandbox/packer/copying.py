"""COPY and ADD: from the context or an earlier stage into one new layer, by the rules of the Dockerfile reference."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox.packer.dockerfile import Instruction
from sandbox.packer.errors import PackError
from sandbox.packer.image import Item, LayerWriter
from sandbox.packer.stage import Stage
from sandbox.packer.tree import Tree, absolute


@dataclass(frozen=True)
class Ignore:
    """Rules in order, the last that matches wins; a rule for a directory holds for all below it."""

    rules: tuple[tuple[re.Pattern[str], bool], ...]

    @classmethod
    def read(cls, context: Path) -> Ignore:
        """The context's rules; none when it has no ``.dockerignore``."""
        try:
            lines = (context / ".dockerignore").read_text(errors="replace").split("\n")
        except OSError:
            return cls(())
        rules: list[tuple[re.Pattern[str], bool]] = []
        for line in (line.strip() for line in lines):
            if not line or line.startswith("#"):
                continue
            is_hidden = not line.startswith("!")
            pattern = posixpath.normpath(line.removeprefix("!").strip().lstrip("/") or ".")
            rules.append((re.compile(_to_regex(pattern)), is_hidden))
        return cls(tuple(rules))

    def hides(self, path: str) -> bool:
        """True when the path (relative to the context) is left out."""
        is_hidden = False
        for pattern, hides in self.rules:
            if pattern.fullmatch(path):
                is_hidden = hides
        return is_hidden


def _to_regex(pattern: str) -> str:
    found: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            found.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            found.append(".*")
            at += 2
        else:
            found.append({"*": "[^/]*", "?": "[^/]"}.get(pattern[at], re.escape(pattern[at])))
            at += 1
    return "".join(found) + "(?:/.*)?"


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


def files_of(source: Source, top: str) -> Iterator[tuple[str, Item]]:
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


_REMOTE = re.compile(r"(?:https?|git|ssh)://|git@", re.IGNORECASE)


@dataclass
class Copying:
    """One COPY or ADD under way: owner and mode to give (None keeps the source's mode), and the layer so far."""

    stage: Stage
    writer: LayerWriter
    uid: int
    gid: int
    mode: int | None

    def parents(self, path: str) -> None:
        """Directories above the path that no layer holds yet; owned like the copy, as BuildKit does."""
        folder = posixpath.dirname(path)
        while folder != "/" and not self.stage.tree.has_own(folder) and not self.writer.has(folder):
            self.writer.put_directory(folder, uid=self.uid, gid=self.gid)
            folder = posixpath.dirname(folder)

    def place(self, path: str, item: Item) -> None:
        """Put one thing at an absolute path with the owner and mode of this copy."""
        node = self.stage.tree.nodes.get(path)
        if node is not None and node.info.isdir() and not item.info.isdir():
            raise PackError(f"{path} is a directory already and cannot become a file")
        self.parents(path)
        info = tarfile.TarInfo()
        info.type, info.linkname, info.mode = item.info.type, item.info.linkname, item.info.mode
        if self.mode is not None and not item.info.issym():
            info.mode = self.mode
        info.uid, info.gid = self.uid, self.gid
        self.writer.put(path, Item(info, item.open))

    def place_directory(self, path: str) -> None:
        """Make sure that a directory is there, changing nothing about one that is."""
        if not self.stage.tree.has_own(path) and path != "/":
            self.parents(path)
            self.writer.put_directory(path, uid=self.uid, gid=self.gid)


def copy(stage: Stage, instruction: Instruction, source: Source, scratch: Path) -> None:
    """Carry out COPY or ADD on the stage; raises PackError."""
    words = _arguments(stage, instruction)
    if len(words) < 2:
        raise PackError(f"{instruction.name} needs a source and a destination")
    *patterns, target = words
    uid, gid = _owner(stage, instruction.flags.get("chown", ""))
    copying = Copying(stage, LayerWriter(), uid, gid, _mode(instruction.flags.get("chmod", "")))
    paths = [path for pattern in patterns for path in _find(instruction, source, pattern)]
    destination = stage.tree.resolve(posixpath.join(stage.working_directory, target))
    is_folder = target.endswith(("/", "/.")) or target in {".", ""} or stage.tree.is_directory(destination)
    if len(paths) > 1 and not is_folder:
        raise PackError(f"several sources need a directory as destination: write {target}/")
    for path in paths:
        _copy_one(copying, instruction, source, path, destination, is_folder=is_folder)
    stage.add_layer(copying.writer.write(scratch), instruction.source)


def _arguments(stage: Stage, instruction: Instruction) -> list[str]:
    for flag in instruction.flags:
        if flag not in {"chown", "chmod", "from", "link"} or (flag == "from" and instruction.name == "ADD"):
            raise PackError(f"{instruction.name} --{flag} needs buildah: start with BUILDER=buildah")
    exec_form = instruction.json_list()
    return [stage.expand(word) for word in exec_form] if exec_form is not None else stage.words(instruction.rest)


def _find(instruction: Instruction, source: Source, pattern: str) -> list[str]:
    if instruction.name == "ADD" and _REMOTE.match(pattern):
        raise PackError("ADD of a remote address needs buildah: start with BUILDER=buildah")
    found = find(source, pattern)
    if not found:
        where = "an earlier stage" if isinstance(source, StageSource) else "the build context"
        raise PackError(f"{instruction.name} {pattern}: no such file in {where}")
    return found


def _copy_one(
    copying: Copying, instruction: Instruction, source: Source, path: str, destination: str, *, is_folder: bool
) -> None:
    if source.is_directory(path):
        copying.place_directory(destination)
        for relative, item in files_of(source, path):
            place = copying.stage.tree.resolve(posixpath.join(destination, relative))
            if item.info.isdir() and copying.mode is None and copying.stage.tree.has_own(place):
                continue
            copying.place(place, item)
        return
    if instruction.name == "ADD" and isinstance(source, ContextSource) and _is_archive(source.local_file(path)):
        copying.place_directory(destination)
        for name, item in _unpack(source.local_file(path)):
            copying.place(copying.stage.tree.resolve(posixpath.join(destination, name)), item)
        return
    place = posixpath.join(destination, posixpath.basename(path)) if is_folder else destination
    copying.place(place, source.item(path, follow=True))


def _is_archive(path: Path) -> bool:
    return path.stat().st_size > 0 and tarfile.is_tarfile(path)


def _unpack(path: Path) -> Iterator[tuple[str, Item]]:
    """Members of a tar archive; raises PackError for a name that climbs out or a device."""
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    for member in members:
        if ".." in member.name.split("/"):
            raise PackError(f"{path.name} holds {member.name}, which leads outside")
        name = absolute(member.name).lstrip("/")
        if not name:
            continue
        info = tarfile.TarInfo()
        info.mode, info.linkname = member.mode, member.linkname
        if member.isdir() or member.issym():
            info.type = member.type
            yield name, Item(info)
        elif member.isreg() or member.islnk():
            yield name, Item(info, _Extract(path, member))
        else:
            raise PackError(f"{path.name} holds {member.name}, which is neither a file, a directory nor a link")


class _Extract:
    """Opens one file of an archive when the layer is written."""

    def __init__(self, path: Path, member: tarfile.TarInfo) -> None:
        self._path = path
        self._name = member.name

    def __call__(self) -> tarfile.ExFileObject:
        archive = tarfile.open(self._path)  # noqa: SIM115 - lives as long as the file read from it
        content = archive.extractfile(self._name)
        if content is None:
            raise PackError(f"{self._name} cannot be read from {self._path.name}")
        return content  # type: ignore[return-value]


def _mode(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-7]{3,4}", text):
        raise PackError(f"--chmod={text} is not an octal mode such as 0755")
    return int(text, 8)


def _owner(stage: Stage, text: str) -> tuple[int, int]:
    """``user[:group]`` by number or by the names in the image; a user without a group gets its own number as group."""
    user, _, group = stage.expand(text).partition(":")
    if not user:
        return 0, 0
    uid = _number(stage, user, "/etc/passwd")
    return uid, _number(stage, group, "/etc/group") if group else uid


def _number(stage: Stage, name: str, file: str) -> int:
    if name.isdigit():
        return int(name)
    for line in stage.tree.read_text(file).split("\n"):
        fields = line.split(":")
        if len(fields) > 2 and fields[0] == name and fields[2].isdigit():
            return int(fields[2])
    raise PackError(f"--chown names {name}, which {file} of the image does not know")
