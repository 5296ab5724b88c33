"""A set of manifests with a value of another shape in each place, in turn."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from typing import Any

from deployer.interfaces import Manifest

GONE = object()
SHAPES: list[Any] = [
    *(GONE, 1, 0, -1, 1.5, 99_999, True, "", "x", "A b", "X_y", "100%", "1Gi", "/x", "x:y", "a" * 70, "a" * 300),
    *([], {}, [{}], ["x"], [1], {"x": "y"}, {"x": 1}),
]
Path = tuple[Any, ...]
Case = tuple[Path, Any]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place below the objects' own heads."""
    if len(path) > 2:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def changed(manifests: list[Manifest], path: Path, value: Any) -> list[Manifest] | None:
    """A copy with the value there; None where nothing can be taken away."""
    found: Any = copy.deepcopy(manifests)
    target = found
    for part in path[:-1]:
        target = target[part]
    if value is not GONE:
        target[path[-1]] = copy.deepcopy(value)
    elif isinstance(target, dict):
        del target[path[-1]]
    else:
        return None
    return list(found)


def cases_of(manifests: list[Manifest], count: int) -> list[Case]:
    """So many of all places and shapes, by chance; all with ``FULL=1``."""
    cases: list[Case] = [(path, shape) for path in paths(manifests) for shape in SHAPES]
    return cases if os.environ.get("FULL") else random.Random(8).sample(cases, count)
