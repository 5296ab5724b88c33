"""What was typed into a form, and the makers of JSON bodies from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import User

Body = dict[str, Any]
SECRET = "<{name}>"  # noqa: S105 - what stands in its place
"""What stands for a secret: it is never copied, and an empty one keeps what is stored."""


@dataclass(frozen=True)
class Typed:
    """A form as it stands: the names in its address, its query, its fields, and who looks at it."""

    kwargs: Mapping[str, Any]
    query: QueryDict
    data: QueryDict
    user: User

    def text(self, name: str) -> str:
        """A field as text; lines end as in JSON people write."""
        return str(self.data.get(name, "")).replace("\r\n", "\n")


def _always(_typed: Typed) -> bool:
    return True


@dataclass(frozen=True)
class Way:
    """One way over the API. ``path`` is as in the schema; ``names`` are its parameters where the page calls them
    otherwise; ``when`` says for which form; ``takes_key`` is False where an Idempotency-Key is not honoured.
    """

    method: str
    path: str
    body: Callable[[Typed], Body] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    when: Callable[[Typed], bool] = _always
    query: tuple[str, ...] = ()
    takes_key: bool = True


@dataclass(frozen=True)
class Fields:
    """A body from fields that have the same name in the form and in the API.

    ``needed`` texts are always said; ``given`` ones only where something was typed; ``place`` takes values from the
    page's address.
    """

    needed: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    place: tuple[str, ...] = ()

    def __call__(self, typed: Typed) -> Body:
        body: Body = {name: typed.kwargs[name] for name in self.place}
        body |= {name: typed.text(name) for name in self.needed}
        body |= {name: typed.text(name) for name in self.given if typed.text(name)}
        body |= {name: number(typed.text(name)) for name in self.numbers if typed.text(name).strip()}
        body |= {name: name in typed.data for name in self.flags}
        body |= {name: typed.data.getlist(name) for name in self.lists}
        body |= {name: moment(typed.text(name)) for name in self.moments if typed.text(name)}
        return body | {name: SECRET.format(name=name) for name in self.secrets if typed.text(name)}


def number(text: str) -> int | str:
    """A whole number; what is none stays as typed, for the API to refuse."""
    return int(text) if text.strip().lstrip("-").isdecimal() else text


def moment(text: str) -> str:
    """A local moment of a form in the reader's zone, as ISO 8601 with its offset."""
    try:
        found: datetime | None = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        return text
    return (timezone.make_aware(found) if timezone.is_naive(found) else found).isoformat()


def words(text: str) -> list[str]:
    """Words with spaces, commas or lines between."""
    return text.replace(",", " ").split()


def without_blanks(values: Mapping[str, str], names: Iterable[str]) -> Body:
    """Those of the names that have a value."""
    return {name: values[name] for name in names if values.get(name)}
