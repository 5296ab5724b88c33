"""The objects, the counter of resource versions, the changes that watches read, and the saved state on disk.

The saved state is one file, replaced as a whole, so that a kill at any moment leaves a readable one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sandbox.kubernetes.kinds import BY_PLURAL, KINDS, Kind

Obj = dict[str, Any]

_RESTART_GAP = 10_000
"""Versions skipped at a restart, so that none that was handed out after the last save is handed out again."""


@dataclass(frozen=True)
class Change:
    """One write. ``previous`` is the object before it, None when it was created."""

    version: int
    type: str
    kind: Kind
    object: Obj
    previous: Obj | None


class Objects(Protocol):
    """What a node needs of the cluster's objects: of this store, or of a real API server."""

    is_closing: bool

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` after each change."""

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """The live object, or None."""

    def all(self, kind: Kind, namespace: str | None = None) -> list[Obj]:
        """The objects of one namespace, or of all."""

    def each(self, kind: Kind, namespace: str) -> Iterable[Obj]:
        """The objects of one namespace in no order."""

    def put(self, kind: Kind, obj: Obj) -> Obj:
        """Store a new or changed object."""

    def drop(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """Remove an object."""


@dataclass
class _History:
    changes: deque[Change]
    forgotten: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Store:
    """All state of the cluster, in memory, used by one event loop.

    A stored object is never changed in place: readers may keep it, writers copy it. ``history`` is the number of
    changes kept for each kind.
    """

    def __init__(self, history: int = 1000) -> None:
        self._objects: dict[str, dict[str, dict[str, Obj]]] = {kind.plural: {} for kind in KINDS}
        self._history = {kind.plural: _History(deque(maxlen=history)) for kind in KINDS}
        self._listeners: list[Callable[[Change], None]] = []
        self.version = 1
        self.is_dirty = False
        self.is_closing = False

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` after each write, in the same turn of the loop."""
        self._listeners.append(listener)

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """The live object, or None."""
        return self._objects[kind.plural].get(namespace, {}).get(name)

    def all(self, kind: Kind, namespace: str | None = None) -> list[Obj]:
        """The objects of one namespace (or of all), sorted by namespace and name."""
        by_namespace = self._objects[kind.plural]
        chosen = sorted(by_namespace) if namespace is None else [namespace]
        return [obj for name in chosen for _, obj in sorted(by_namespace.get(name, {}).items())]

    def each(self, kind: Kind, namespace: str) -> Iterable[Obj]:
        """The objects of one namespace in no order, without a copy: write nothing while you go through them."""
        return self._objects[kind.plural].get(namespace, {}).values()

    def count(self, kind: Kind) -> int:
        """How many objects there are in all namespaces."""
        return sum(len(found) for found in self._objects[kind.plural].values())

    def put(self, kind: Kind, obj: Obj) -> Obj:
        """Store a new or changed object under the next version; returns it as stored."""
        meta = obj["metadata"]
        found = self._objects[kind.plural].setdefault(meta.get("namespace", ""), {})
        self.version += 1
        stored = {**obj, "metadata": {**meta, "resourceVersion": str(self.version)}}
        previous = found.get(meta["name"])
        found[meta["name"]] = stored
        self._record(Change(self.version, "MODIFIED" if previous else "ADDED", kind, stored, previous))
        return stored

    def drop(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """Remove an object; returns its last state with the version of the removal, or None."""
        gone = self._objects[kind.plural].get(namespace, {}).pop(name, None)
        if gone is None:
            return None
        self.version += 1
        last = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}
        self._record(Change(self.version, "DELETED", kind, last, gone))
        return last

    def _record(self, change: Change) -> None:
        history = self._history[change.kind.plural]
        if len(history.changes) == history.changes.maxlen:
            history.forgotten = history.changes[0].version
        history.changes.append(change)
        self.is_dirty = True
        for listener in self._listeners:
            listener(change)
        self._wake(history)

    def _wake(self, history: _History) -> None:
        moved, history.moved = history.moved, asyncio.Event()
        moved.set()

    def close(self) -> None:
        """End all watches."""
        self.is_closing = True
        for history in self._history.values():
            self._wake(history)

    def oldest_known(self, kind: Kind) -> int:
        """Changes of this version or an older one are forgotten."""
        return self._history[kind.plural].forgotten

    def since(self, kind: Kind, version: int) -> list[Change]:
        """Changes newer than ``version``, oldest first."""
        found: list[Change] = []
        for change in reversed(self._history[kind.plural].changes):
            if change.version <= version:
                break
            found.append(change)
        return found[::-1]

    def next_move(self, kind: Kind) -> asyncio.Event:
        """Set at the next write of that kind, or when the server closes. Take it before reading the changes."""
        return self._history[kind.plural].moved

    def dump(self) -> Obj:
        """Everything worth saving, as JSON data."""
        return {"version": self.version, "objects": {kind.plural: self.all(kind) for kind in KINDS}}

    def restore(self, saved: Obj) -> None:
        """Take saved state; every earlier watch position is forgotten from here on, as after a real restart."""
        self.version = int(saved["version"]) + _RESTART_GAP
        for plural, objects in saved["objects"].items():
            self._restore_kind(BY_PLURAL[plural], objects)

    def _restore_kind(self, kind: Kind, objects: Iterable[Obj]) -> None:
        for obj in objects:
            meta = obj["metadata"]
            self._objects[kind.plural].setdefault(meta.get("namespace", ""), {})[meta["name"]] = obj
        self._history[kind.plural].forgotten = self.version - 1


SAVE_EVERY = 0.3
"""Seconds between saves while something moves."""


class Snapshot:
    """Loads and saves a store in ``folder``."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._is_over = asyncio.Event()
        self._file = folder / "cluster.json"
        folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> None:
        """Fill the store from the last save, if there is one; raises SystemExit naming a file that cannot be read."""
        if not self._file.exists():
            return
        try:
            self._store.restore(json.loads(self._file.read_text(encoding="utf-8")))
        except (ValueError, KeyError) as error:
            message = f"{self._file} is not a saved cluster ({error}). Remove it to start with an empty one."
            raise SystemExit(message) from error

    def _write(self, text: str) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, self._file)

    async def keep_saving(self) -> None:
        """Save every ``SAVE_EVERY`` seconds while something moves, the slow part off the event loop; after ``stop``
        once more, then return."""
        while not self._is_over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_over.wait(), SAVE_EVERY)
            if self._store.is_dirty:
                self._store.is_dirty = False
                text = json.dumps(self._store.dump(), separators=(",", ":"))
                await asyncio.to_thread(self._write, text)

    def stop(self) -> None:
        """Make ``keep_saving`` save what is left and end."""
        self._is_over.set()
