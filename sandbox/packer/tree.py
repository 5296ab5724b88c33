"""What an image's file system holds after some layers: needed for COPY's rules, ``--chown`` names and ``--from``."""

from __future__ import annotations

import posixpath
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox.packer.errors import PackError
from sandbox.packer.image import Layer

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 40


@dataclass(frozen=True)
class Node:
    """One path: its tar header and the layer file that holds it (None for a directory that is only assumed)."""

    info: tarfile.TarInfo
    layer: Path | None


class Tree:
    """Paths of a file system, absolute and normalised; layers are read, never unpacked to disk."""

    def __init__(self) -> None:
        root = tarfile.TarInfo("/")
        root.type = tarfile.DIRTYPE
        self.nodes: dict[str, Node] = {"/": Node(root, None)}

    def copy(self) -> Tree:
        """An independent tree with the same content."""
        other = Tree()
        other.nodes = dict(self.nodes)
        return other

    def add_layer(self, layer: Layer) -> None:
        """Put a layer on top, with its whiteouts; raises PackError for one that cannot be read."""
        if layer.media_type.endswith("zstd"):
            raise PackError("a base image has a layer packed with zstd: start with BUILDER=buildah")
        added: dict[str, Node] = {}
        try:
            with tarfile.open(layer.path, "r:*") as archive:
                for info in archive:
                    self._take(info, layer.path, added)
        except (tarfile.TarError, EOFError, OSError) as exc:
            raise PackError(f"layer {layer.digest[:19]} is no readable tar archive") from exc
        self.nodes.update(added)

    def _take(self, info: tarfile.TarInfo, layer: Path, added: dict[str, Node]) -> None:
        path = absolute(info.name)
        folder, name = posixpath.split(path)
        if name == _OPAQUE:
            self._drop(folder, keep_top=True)
        elif name.startswith(_WHITEOUT):
            self._drop(posixpath.join(folder, name.removeprefix(_WHITEOUT)), keep_top=False)
        else:
            if not info.isdir():
                self._drop(path, keep_top=False)
            added[path] = Node(info, layer)
            self._imply(folder, added)

    def _imply(self, folder: str, added: dict[str, Node]) -> None:
        """Archives may leave out the directories above a file; they exist all the same."""
        while folder not in self.nodes and folder not in added:
            added[folder] = _assumed(folder)
            folder = posixpath.dirname(folder)

    def _drop(self, path: str, *, keep_top: bool) -> None:
        inside = path.rstrip("/") + "/"
        gone = [known for known in self.nodes if known.startswith(inside) or (known == path and not keep_top)]
        for known in gone:
            del self.nodes[known]

    def assume_directory(self, path: str) -> None:
        """Treat the path as an existing directory (WORKDIR), without any layer for it."""
        real = self.resolve(path)
        if real not in self.nodes:
            self.nodes[real] = _assumed(real)

    def is_directory(self, path: str) -> bool:
        """True for a directory that exists, links followed."""
        node = self.nodes.get(self.resolve(path))
        return node is not None and node.info.isdir()

    def has_own(self, path: str) -> bool:
        """True when some layer really holds the path."""
        node = self.nodes.get(path)
        return node is not None and node.layer is not None

    def resolve(self, path: str) -> str:
        """The path with every symbolic link on its way followed, inside the image; raises PackError for a loop."""
        links = 0
        done, todo = "/", [part for part in absolute(path).split("/") if part]
        while todo:
            part = todo.pop(0)
            if part == "..":
                done = posixpath.dirname(done)
                continue
            here = posixpath.join(done, part)
            node = self.nodes.get(here)
            if node is None or not node.info.issym():
                done = here
                continue
            links += 1
            if links > _MOST_LINKS:
                raise PackError(f"{path} runs in circles of symbolic links")
            target = node.info.linkname
            done = "/" if target.startswith("/") else done
            todo = [step for step in target.split("/") if step not in {"", "."}] + todo
        return done

    def names(self, path: str) -> list[str]:
        """Names in a directory, sorted."""
        inside = self.resolve(path).rstrip("/") + "/"
        found = {known[len(inside) :].split("/")[0] for known in self.nodes if known.startswith(inside)}
        return sorted(found - {""})

    def open(self, path: str) -> IO[bytes]:
        """The content of a regular file; raises PackError when there is none."""
        node = self.nodes.get(self.resolve(path))
        if node is None or node.layer is None or not (node.info.isreg() or node.info.islnk()):
            raise PackError(f"{path} is not a file of the image")
        return _open_member(node.layer, node.info)

    def read_text(self, path: str) -> str:
        """A small text file, or "" when the image has none."""
        node = self.nodes.get(self.resolve(path))
        if node is None or not node.info.isreg() or node.info.size > 1024 * 1024:
            return ""
        with self.open(path) as content:
            return content.read().decode(errors="replace")


def _assumed(path: str) -> Node:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return Node(info, None)


class _Member:
    """Keeps the archive open exactly as long as one of its files is read."""

    def __init__(self, archive: tarfile.TarFile, content: IO[bytes]) -> None:
        self._archive = archive
        self._content = content

    def __getattr__(self, name: str) -> object:
        return getattr(self._content, name)

    def __enter__(self) -> _Member:
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()
        self._archive.close()


def _open_member(layer: Path, info: tarfile.TarInfo) -> IO[bytes]:
    archive = tarfile.open(layer, "r:*")  # noqa: SIM115 - closed by _Member
    content = archive.extractfile(archive.getmember(info.name))
    if content is None:
        archive.close()
        raise PackError(f"{info.name} is not a file of the image")
    return _Member(archive, content)  # type: ignore[return-value]


def absolute(path: str) -> str:
    """``./a//b/`` and ``a/b`` as ``/a/b``; never above the root."""
    return posixpath.normpath("/" + path.lstrip("/")).replace("//", "/")
