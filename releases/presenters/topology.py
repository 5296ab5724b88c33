"""The picture of a place: Ingress, Service, Deployment, ReplicaSets, pods and nodes, and what leads to what.

Boxes stand in columns of rows of one height, so that lines are drawn by row numbers alone. The new ReplicaSet has as
many rows as pods are wanted from it, whether they are there yet or not: nothing under it moves while they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.urls import reverse

from deployer.interfaces import Manifest
from deployer.manifests import find_workload, ref_of
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases import live_reads
from releases.models import Placement
from releases.presenters.runtime import MOST_UNBORN, Tile, serving_state, short_name, tail_of, tile_of
from releases.presenters.states import Shown, entry_state, place_state

ENTRY_KINDS = ("Ingress", "Service")
MOST_PODS = 24
"""Of each ReplicaSet; the rest is a number."""
ROW, BOX = 64, 54
"""Pixels of a row, and of the box in it."""
COLUMN, SIDE = 100, 78
"""The same across, in hundredths of a column."""


@dataclass(frozen=True)
class Box:
    """``kind`` and ``name`` of an object, how it stands, and where it leads; ``row`` from 0 on."""

    kind: MessageLike
    name: str
    row: int
    shown: Shown | None = None
    more: MessageLike = ""
    url: str = ""
    full_name: str = ""
    key: str = ""


@dataclass(frozen=True)
class Column:
    """``boxes`` by row; None where a row is empty."""

    title: MessageLike
    boxes: list[Box | None]


@dataclass(frozen=True)
class Line:
    """From the right side of one box to the left side of another; ``is_broken``: no request takes this way."""

    path: str
    is_broken: bool


@dataclass
class Topology:
    """Six columns and the lines between them; ``trouble`` where the entry is as applied, for nobody could look."""

    columns: list[Column] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    trouble: MessageLike = ""
    wanted: int = 0

    @property
    def height(self) -> int:
        """Pixels of all rows."""
        return ROW * max((len(column.boxes) for column in self.columns), default=1)

    @property
    def rows(self) -> int:
        """Rows that the picture shows without scrolling: the pods that are wanted and one more, 2 to 6."""
        return min(6, max(2, self.wanted + 1))

    @property
    def width(self) -> int:
        return COLUMN * len(self.columns)


def topology_of(place: Placement, live: Mapping[str, Manifest | None] | None, trouble: MessageLike = "") -> Topology:
    """From the observed rows, and the Service and Ingress as they were read: by ``Kind/name``, None for one that is
    gone; ``live`` None: as they were applied."""
    applied = place.last_applied
    if applied is None or applied.snapshot is None or not applied.snapshot.manifests:
        return Topology()
    manifests = applied.snapshot.manifests
    workload = find_workload(manifests)
    entry = [
        (manifest, manifest if live is None else live.get(_key(manifest)))
        for kind in ENTRY_KINDS for manifest in manifests if manifest["kind"] == kind
    ]  # fmt: skip
    return _Drawing(place, workload, entry).drawn(trouble)


def entry_refs(place: Placement) -> list[Any]:
    """Of the Services and Ingresses that were applied."""
    applied = place.last_applied
    manifests = applied.snapshot.manifests if applied is not None and applied.snapshot is not None else []
    return [ref_of(manifest) for manifest in manifests if manifest["kind"] in ENTRY_KINDS]


def read_topology(place: Placement) -> Topology:
    """With Service and Ingress asked of the cluster now, within 5 s; without an answer as they were applied."""
    live, trouble = live_reads.objects_of(place.space, entry_refs(place))
    return topology_of(place, live, trouble)


def _key(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


class _Drawing:
    """One picture while it is made."""

    def __init__(self, place: Placement, workload: Manifest, entry: Sequence[tuple[Manifest, Manifest | None]]) -> None:
        self._place, self._workload, self._entry = place, workload, entry
        self._lines: list[Line] = []
        self._names = [place.space.project.slug, place.component.slug, place.space.environment.slug]

    def drawn(self, trouble: MessageLike) -> Topology:
        """All columns, from the entry to the nodes."""
        ingresses = [self._ingress(row, *one) for row, one in enumerate(self._of("Ingress"))]
        services = [self._service(row, *one) for row, one in enumerate(self._of("Service"))]
        for box in ingresses:
            self._connect(0, box.row, 0, is_broken=not services)
        for box in services:
            self._connect(1, box.row, 0, is_broken=box.shown is not None and box.shown.state != "serving")
        sets, pods, nodes = self._below()
        columns = [
            Column(_("Ingress"), [*ingresses] or [self._none(_("no Ingress"))]),
            Column(_("Service"), [*services] or [self._none(_("no Service"))]),
            Column(_("Deployment"), [self._deployment()]),
            Column(_("ReplicaSets"), sets),
            Column(_("Pods"), pods),
            Column(_("Nodes"), nodes),
        ]
        return Topology(columns, self._lines, trouble, self._place.wanted)

    def _of(self, kind: str) -> list[tuple[Manifest, Manifest | None]]:
        return [one for one in self._entry if one[0]["kind"] == kind]

    @staticmethod
    def _none(word: MessageLike) -> Box:
        return Box(word, "", 0, key="none")

    # ------------------------------------------------------------ the entry
    def _ingress(self, row: int, applied: Manifest, live: Manifest | None) -> Box:
        hosts = [str(rule.get("host") or "*") for rule in ((live or applied).get("spec") or {}).get("rules") or ()]
        return self._entry_box(row, applied, entry_state(is_there=live is not None), ", ".join(hosts))

    def _service(self, row: int, applied: Manifest, live: Manifest | None) -> Box:
        behind = self._behind(live) if live is not None else 0
        shown = entry_state(is_there=live is not None, behind=behind)
        ports = ", ".join(str(one.get("port")) for one in ((live or applied).get("spec") or {}).get("ports") or ())
        return self._entry_box(row, applied, shown, _("%(n)s ready behind port %(ports)s", n=behind, ports=ports))

    def _behind(self, service: Manifest) -> int:
        """Ready pods that the Service's selector takes: all of a Deployment bear the labels of its template."""
        wanted = (service.get("spec") or {}).get("selector") or {}
        labels = self._workload["spec"]["template"].get("metadata", {}).get("labels") or {}
        is_ours = bool(wanted) and wanted.items() <= labels.items()
        return sum(bool(pod.get("is_ready")) for pod in self._place.pods) if is_ours else 0

    def _entry_box(self, row: int, manifest: Manifest, shown: Shown, more: MessageLike) -> Box:
        name, applied = str(manifest["metadata"]["name"]), self._place.last_applied
        assert applied is not None
        url = reverse("releases:review", args=[applied.order.number, self._names[2]])
        return Box(manifest["kind"], name, row, shown, more, url, name, _key(manifest))

    # ------------------------------------------------------------ what runs
    def _deployment(self) -> Box:
        name, applied = str(self._workload["metadata"]["name"]), self._place.last_applied
        assert applied is not None
        more = _("%(ready)s of %(wanted)s ready", ready=self._place.ready, wanted=self._place.wanted)
        url = reverse("releases:rollout", args=[applied.pk])
        return Box("Deployment", name, 0, place_state(self._place), more, url, name, "Deployment")

    def _below(self) -> tuple[list[Box | None], list[Box | None], list[Box | None]]:
        sets: list[Box | None] = []
        pods: list[Box | None] = []
        standing: list[tuple[Tile, int]] = []
        for found in self._place.replica_sets:
            tiles = sorted(
                (tile_of(pod) for pod in self._place.pods if pod.get("replica_set") == found["name"]),
                key=lambda tile: (str(tile.started_at or ""), tile.name),
            )
            row = len(pods)
            sets += [None] * (row - len(sets))
            sets.append(self._set(row, found, tiles))
            self._connect(2, 0, row, is_broken=not any(tile.is_ready for tile in tiles))
            for tile in tiles[:MOST_PODS]:
                standing.append((tile, len(pods)))
                self._connect(3, row, len(pods), is_broken=not tile.is_ready)
                pods.append(self._pod(len(pods), tile))
            pods += self._missing(len(pods), found, tiles) or ([] if len(pods) > row else [None])
        return sets, pods, self._nodes(standing)

    def _set(self, row: int, found: Mapping[str, Any], tiles: Sequence[Tile]) -> Box:
        name, number = str(found["name"]), str(found.get("order") or "")
        age = _("new version") if found["is_new"] else _("old version")
        more = _("%(age)s, %(ready)s of %(wanted)s ready", age=age, ready=found["ready"], wanted=found["wanted"])
        url = reverse("releases:order", args=[number]) if number else ""
        shown = serving_state(tiles) if tiles else Shown("waiting", _("no pods"))
        return Box("ReplicaSet", short_name(f"{name}-x")[:-2], row, shown, more, url, name, f"set-{name}")

    def _pod(self, row: int, tile: Tile) -> Box:
        url = f"{reverse('releases:runtime', args=self._names)}?pod={quote(tile.name)}#pod"
        more: MessageLike = _("restarts: %(n)s", n=tile.restarts) if tile.restarts else tile.ip
        shown = Shown(tile.state, tile.word)
        return Box(_("pod"), tail_of(tile.name), row, shown, more, url, tile.name, f"pod-{tile.name}")

    def _missing(self, row: int, found: Mapping[str, Any], tiles: Sequence[Tile]) -> list[Box | None]:
        """Rows for pods that are to come, and one for those that have no row of their own."""
        if len(tiles) > MOST_PODS:
            more = _("%(n)s more pods", n=len(tiles) - MOST_PODS)
            return [Box(_("pods"), "", row, None, more, key=f"more-{found['name']}")]
        # What is wanted at the end, not what its controller asks for now: rows under it stay where they are.
        standing = sum(not tile.is_leaving for tile in tiles)
        missing = self._place.wanted - standing if found["is_new"] else 0
        shown = Shown("waiting", _("not created yet"))
        return [
            Box(_("pod"), "", row + place, shown, key=f"unborn-{found['name']}-{place}")
            for place in range(min(max(0, missing), MOST_UNBORN))
        ]

    def _nodes(self, standing: Sequence[tuple[Tile, int]]) -> list[Box | None]:
        names = sorted({tile.node for tile, _row in standing if tile.node})
        for tile, row in standing:
            if tile.node:
                self._connect(4, row, names.index(tile.node), is_broken=not tile.is_ready)
        return [
            Box(_("node"), name, row, None, self._on(name, standing), "", name, f"node-{name}")
            for row, name in enumerate(names)
        ]

    @staticmethod
    def _on(name: str, standing: Sequence[tuple[Tile, int]]) -> MessageLike:
        there = [tile for tile, _row in standing if tile.node == name]
        ready = sum(tile.is_ready for tile in there)
        return _("%(ready)s of %(n)s pods ready", ready=ready, n=len(there))

    def _connect(self, column: int, row: int, to: int, *, is_broken: bool) -> None:
        left, right = column * COLUMN + SIDE, (column + 1) * COLUMN
        top, bottom, middle = row * ROW + BOX // 2, to * ROW + BOX // 2, (left + right) // 2
        self._lines.append(Line(f"M{left} {top}C{middle} {top} {middle} {bottom} {right} {bottom}", is_broken))
