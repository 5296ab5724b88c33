"""COPY and ADD: from the context or an earlier stage into one new layer, by the rules of the Dockerfile reference."""

from __future__ import annotations

import posixpath
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.packer.dockerfile import Instruction
from sandbox.packer.errors import PackError
from sandbox.packer.layers import Item, LayerWriter
from sandbox.packer.sources import ContextSource, Source, StageSource, find, walk
from sandbox.packer.stage import Stage
from sandbox.packer.tree import absolute

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
        for relative, item in walk(source, path):
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
    for line in stage.tree.read_text(file).splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[0] == name and fields[2].isdigit():
            return int(fields[2])
    raise PackError(f"--chown names {name}, which {file} of the image does not know")
