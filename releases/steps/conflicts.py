"""Fields that somebody else set: which, whose, since when, and whether a person has taken them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.additions import additions
from deployer.errors import Conflict
from deployer.interfaces import Manifest
from foundation.messages import Message, MessageLike
from foundation.messages import message as _
from releases.services.reviews import field_key

SHOWN = 5
"""So many fields are named in one message; the review lists all."""

Field = dict[str, Any]


def conflict_fields(conflict: Conflict, manifest: Manifest, live: Manifest | None) -> list[Field]:
    """One row for each field: ``{"object", "path", "manager", "at"}``; ``manager`` is empty where nobody is named."""
    where = f"{manifest['kind']}/{manifest['metadata']['name']}"
    return [
        {"object": where, "path": cause.path, "manager": cause.manager, "at": _since(live, cause.manager)}
        for cause in conflict.causes
    ]


def addition_fields(manifest: Manifest) -> list[Field]:
    """One row for each field that others added beside ours, as of a conflict, with ``is_added``.

    ``manifest``: the server's answer to a (dry) apply, or a live object with its ``managedFields``.
    """
    where = f"{manifest['kind']}/{manifest['metadata']['name']}"
    return [
        {"object": where, "path": one.path, "manager": one.manager, "at": one.at, "is_added": True}
        for one in additions(manifest)
    ]


def taken_additions(manifest: Manifest, take_over: Mapping[str, Any]) -> set[tuple[str, str]]:
    """``(path, manager)`` of what a person decided to remove from this object: only what they saw."""
    where = f"{manifest['kind']}/{manifest['metadata']['name']}"
    rows = [row for row in take_over.get("fields") or () if row.get("is_added") and row["object"] == where]
    return {(row["path"], row["manager"]) for row in rows}


def _since(live: Manifest | None, manager: str) -> str:
    """When that manager last wrote the object, as the API server noted it."""
    name, _space, part = manager.partition(" (")
    entries = ((live or {}).get("metadata") or {}).get("managedFields") or []
    times = [
        str(entry.get("time") or "")
        for entry in entries
        if entry.get("manager") == name and (entry.get("subresource") or "") == part.rstrip(")")
    ]
    return max(times, default="")


def conflict_message(fields: Sequence[Field]) -> Message:
    """Which fields, whose and since when."""
    named: list[MessageLike] = [_named(field) for field in fields[:SHOWN]]
    if len(fields) > SHOWN:
        named.append(_("%(count)s more", count=len(fields) - SHOWN))
    return _("Set outside the platform: %(fields)s.", fields=named)


def _named(field: Field) -> Message:
    values = {"object": field["object"], "path": field["path"], "manager": field["manager"] or _("somebody else")}
    if not field["at"]:
        return _("%(object)s %(path)s by %(manager)s", **values)
    at = str(field["at"]).replace("T", " ").removesuffix("Z")
    return _("%(object)s %(path)s by %(manager)s at %(at)s UTC", **values, at=at)


def is_taken_over(fields: Sequence[Field], take_over: Mapping[str, Any]) -> bool:
    """Every one of the fields is among those that a person took over, of the same manager."""
    taken = {field_key(field) for field in take_over.get("fields") or ()}
    return bool(fields) and all(field_key(field) in taken for field in fields)
