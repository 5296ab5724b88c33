"""@name in a comment: who is meant, of those who may see the project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from django.db.models import QuerySet

from accounts.models import Project, User
from environments.access import Rights, read_rights, require, visible_to
from environments.selectors.people import people_of_project
from releases.models import Mention

MOST = 20
MOST_OFFERED = 8
_NAME = re.compile(r"(?<![A-Za-z0-9_@./+-])@([A-Za-z0-9_][A-Za-z0-9_.+-]{0,149})")
"""A user name in Latin letters, as most are; not within an address of mail, a path or a package. Chinese is written
without spaces: a name may stand between two of its signs."""
_WHOLE_NAME = r"^[A-Za-z0-9_]([A-Za-z0-9_.+-]*[A-Za-z0-9_])?$"
"""One that is read out of a text as a whole, also before a stop."""
_AFTER = ".+-"
"""What may end a name and mostly ends what is said."""


def people_in(text: str, project_id: int) -> list[User]:
    """The people whom the text names and who may see the project, in the order of the text, at most ``MOST``."""
    said = [_readings(match[1]) for match in _NAME.finditer(text)]
    by_name = _known({name for names in said for name in names})
    meant = [by_name[name] for names in said if (name := _known_of(names, by_name))]
    people = {person.pk: person for person in meant}
    seen = {one.user.pk for one, _ends in read_rights(people.values()) if one.sees(project_id)}
    return [person for pk, person in people.items() if pk in seen][:MOST]


def people_to_name(reader: User, project: Project, text: str) -> list[User]:
    """Those of the project whom a comment of the reader may name, by a part of their names; the first ``MOST_OFFERED``.

    Raises Denied for who may not comment there.
    """
    require(reader, "comment", project_id=project.pk)
    found = people_of_project(project, text=text).exclude(pk=reader.pk).filter(username__regex=_WHOLE_NAME)
    return list(found[:MOST_OFFERED])


def own_mentions(rights: Rights, *, only_unread: bool = False) -> QuerySet[Mention]:
    """Where the person is named, of orders that they see today, the last one first."""
    person = rights.user
    rows = Mention.objects.filter(visible_to(person, field="order__project_id", rights=rights), person=person)
    rows = rows.filter(read_at=None) if only_unread else rows
    return rows.select_related("comment__author", "order__component", "order__project").order_by("-pk")


def pieces(text: str, people: Collection[User]) -> Iterator[tuple[str, User | None]]:
    """The text in pieces: as it is, or a name of one of these people with who that is."""
    by_name = {person.username: person for person in people}
    done = 0
    for match in _NAME.finditer(text):
        name = _known_of(_readings(match[1]), by_name)
        if name:
            yield text[done : match.start()], None
            done = match.start() + 1 + len(name)
            yield text[match.start() : done], by_name[name]
    yield text[done:], None


def _readings(name: str) -> list[str]:
    """The names that may be meant, the longest first."""
    return list(dict.fromkeys([name, name.rstrip(_AFTER)]))


def _known(names: Collection[str]) -> dict[str, User]:
    rows = User.objects.filter(username__in=sorted(names)[: 4 * MOST], is_active=True) if names else ()
    return {person.username: person for person in rows}


def _known_of(names: Collection[str], by_name: Collection[str]) -> str:
    """The first of them that somebody has; empty where nobody has any."""
    return next((name for name in names if name in by_name), "")
