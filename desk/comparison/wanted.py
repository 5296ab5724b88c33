"""What the address asks for: a project, two of its environments, which differences, and where the page begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from accounts.models import Project
from desk.comparison.differing import KINDS, SAME
from environments.access import Rights
from environments.models import Environment, Space
from foundation.messages import message as _
from foundation.pages import query_of
from foundation.problems import Missing

LONGEST = 130


@dataclass(frozen=True)
class Wanted:
    """``before`` and ``after`` are short names of environments, empty where nobody chose.

    ``kind`` is one of :data:`KINDS` or :data:`SAME`; ``start`` is where the page before ended; ``opened`` the slug of
    the component whose differences are shown.
    """

    project: str = ""
    before: str = ""
    after: str = ""
    kind: str = ""
    start: str = ""
    opened: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Wanted:
        """From the query: ``from`` and ``to`` as people read them; a kind that does not exist narrows nothing."""
        names = {"project": "project", "before": "from", "after": "to", "kind": "differs", "start": "start",
                 "opened": "open"}  # fmt: skip
        found = {field: str(given.get(name, "")).strip()[:LONGEST] for field, name in names.items()}
        kind = found["kind"] if found["kind"] in (*KINDS, SAME) else ""
        environments = {name: found[name].lower() for name in ("before", "after")}
        return cls(**{**found, **environments, "kind": kind})

    def query(self, **changes: str) -> str:
        """The same page but for the ``changes``, ready for an address."""
        row = replace(self, **changes)
        return query_of(
            {"project": row.project, "from": row.before, "to": row.after, "differs": row.kind, "start": row.start,
             "open": row.opened}
        )  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """The two spaces, and all of the project in flow order; None where the project has not two."""

    project: Project | None
    spaces: list[Space]
    left: Space | None = None
    right: Space | None = None

    @property
    def is_whole(self) -> bool:
        """There are two different ones to compare."""
        return self.left is not None and self.right is not None and self.left.pk != self.right.pk


def chosen_pair(rights: Rights, wanted: Wanted) -> Pair:
    """What was asked for, else what is asked most: production and the environment that it follows.

    Raises Missing for a project or an environment that is not there, or not theirs to see.
    """
    by_project: dict[str, list[Space]] = {}
    for space in rights.spaces:
        by_project.setdefault(space.project.slug, []).append(space)
    if wanted.project and wanted.project not in by_project:
        _ensure_seen(rights, wanted.project)
        return Pair(Project.objects.get(slug=wanted.project), [])
    slug = wanted.project or next(iter(sorted(by_project)), "")
    spaces = by_project.get(slug, [])
    if not spaces:
        return Pair(None, [])
    right = _named(spaces, wanted.after) or _last(spaces, but=wanted.before)
    left = _named(spaces, wanted.before) or _before(spaces, right)
    return Pair(spaces[0].project, spaces, left, right)


def _ensure_seen(rights: Rights, slug: str) -> None:
    """A project without a live space may still be theirs."""
    pk = Project.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if pk is None or not rights.sees(pk):
        raise Missing(_("There is no such project, or it is not yours to see."))


def _named(spaces: Sequence[Space], slug: str) -> Space | None:
    if not slug:
        return None
    for space in spaces:
        if space.environment.slug == slug:
            return space
    raise Missing(_("This project has no such environment."))


def _last(spaces: Sequence[Space], *, but: str) -> Space | None:
    """Production itself rather than its twin, else the last one in the flow."""
    others = [space for space in spaces if space.environment.slug != but]
    production = [one for one in others if one.environment.is_production and one.environment.twin_id is None]
    return next(iter(production), None) or next(reversed(others), None)


def _before(spaces: Sequence[Space], right: Space | None) -> Space | None:
    """Of those that it follows the nearest, of a twin its sibling; else the one before it in the flow."""
    if right is None:
        return None
    others = [space for space in spaces if space.pk != right.pk]
    if twin := next((one for one in others if one.environment_id == right.environment.twin_id), None):
        return twin
    follows = set(Environment.objects.filter(followed_by=right.environment_id).values_list("pk", flat=True))
    near = [one for one in others if one.environment_id in follows]
    earlier = others[: spaces.index(right)]
    return next(reversed(near or earlier or others), None)
