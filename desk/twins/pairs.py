"""Which spaces are twins: the one of an environment that names its sibling, and the sibling's of the same project."""

from __future__ import annotations

from desk.comparison import Pair
from environments.access import Rights
from foundation.messages import message as _
from foundation.problems import Missing


def twin_pairs(rights: Rights) -> list[Pair]:
    """Of all projects that this person sees: the sibling on the left, its twin on the right; no query of its own."""
    by_place = {(space.project_id, space.environment_id): space for space in rights.spaces}
    found = []
    for space in rights.spaces:
        sibling = by_place.get((space.project_id, space.environment.twin_id or 0))
        if sibling is not None:
            found.append(Pair(space.project, [sibling, space], sibling, space))
    return sorted(found, key=lambda pair: (_slug(pair), pair.right.environment.slug if pair.right else ""))


def pair_in(rights: Rights, project: str, environment: str) -> Pair:
    """The pair whose twin is that environment of the project; raises Missing."""
    for pair in twin_pairs(rights):
        assert pair.right is not None
        if _slug(pair) == project and pair.right.environment.slug == environment:
            return pair
    raise Missing(_("There is no such pair of environments, or it is not yours to see."))


def _slug(pair: Pair) -> str:
    return pair.project.slug if pair.project else ""
