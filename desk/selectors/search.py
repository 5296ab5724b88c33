"""What somebody typed, found: orders, components, pods, people. Only what this viewer sees, in a bounded time.

An order is found by its number, by any beginning of its short name (``1120-1412·CK``), and, among the newest
``NEWEST`` of those that the viewer sees, by the last characters of its number (production asks for four), a part of its
branch or Git tag, or the beginning of its commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, F, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.models import User
from components.favourites import with_stars
from components.models import Component
from components.selectors import list_components
from environments.access import Rights, visible_to
from environments.selectors.people import known_people
from releases.filtering import LAST_CHARACTER
from releases.models import Placement, ReleaseOrder
from releases.presenters.states import Shown, pod_state
from releases.selectors import orders_visible_to

NEWEST = 2000
"""So many of the viewer's newest orders are looked through for branches and tags; no index finds a part of a name."""
YEARS = 3
"""A short name has no year: it is tried in this one and the two before."""
MOST_PLACEMENTS = 40
"""Pods are kept with their placement: so many whose workload's name fits are opened."""
SHORTEST_PART = 5
"""So many characters end the name of a pod: the least that is looked for inside names."""
LONGEST_TEXT = 200
MOST_FOUND = 20

_NUMBER = re.compile(r"(?P<word>K8S)?(?P<digits>\d*)(?P<end>[A-Z]{0,2})")


@dataclass(frozen=True)
class FoundPod:
    """A pod as it was last seen, and where."""

    name: str
    project: str
    component: str
    environment: str
    shown: Shown


@dataclass(frozen=True)
class Found:
    """What a search found; ``exact`` is the one order whose whole number was typed."""

    orders: list[ReleaseOrder]
    components: list[Component]
    pods: list[FoundPod]
    people: list[User]
    exact: ReleaseOrder | None

    @property
    def is_empty(self) -> bool:
        """True when nothing at all was found."""
        return not (self.orders or self.components or self.pods or self.people)


def search(user: User, text: str, *, rights: Rights | None = None, most: int = MOST_FOUND) -> Found:
    """Everything that the text may mean, at most ``most`` of each."""
    text = text.strip()[:LONGEST_TEXT]
    if not text:
        return Found([], [], [], [], None)
    rights = rights or Rights(user)
    orders = find_orders(rights, text, most)
    return Found(
        orders=orders,
        components=find_components(user, text, most),
        pods=find_pods(rights, text, most),
        people=list(known_people(user, text=text, rights=rights)[:most]),
        exact=next((order for order in orders if order.number == text.upper()), None),
    )


# ---------------------------------------------------------------- orders
def find_orders(rights: Rights, text: str, most: int) -> list[ReleaseOrder]:
    """Newest first: by number or short name, then by branch or commit among the newest."""
    seen = orders_visible_to(rights.user, rights=rights)
    sought = _read_number(text)
    found: dict[int, ReleaseOrder] = {}
    if sought and sought.is_precise:
        for prefix in sought.prefixes:
            rows = seen.filter(_begins("number", prefix), number__endswith=sought.end).order_by("-number")
            found |= {order.pk: order for order in rows[: most - len(found)]}
            if len(found) >= most:
                return list(found.values())
    rows = _newest(seen).filter(_loosely(text, sought)).order_by("-id")
    found |= {order.pk: order for order in rows[:most]}
    return list(found.values())[:most]


@dataclass(frozen=True)
class _Number:
    """Beginnings that a whole number may have, and its last two letters where they were typed."""

    prefixes: list[str]
    end: str
    is_precise: bool
    """One day or less: the index alone answers, however old it is."""


def _read_number(text: str) -> _Number | None:
    """What the text says of an order's number; None when it cannot be one."""
    typed = re.sub(r"[-·.\s]", "", text.upper())
    if typed in ("K8", "K8S"):
        return _Number(["K8S"], "", False)
    match = _NUMBER.fullmatch(typed)
    if match is None or not 2 <= len(match["digits"]) <= 14:
        return None
    word, digits, end = match["word"], match["digits"], match["end"]
    end = end if len(end) == 2 else ""
    # No month is the 20th: such a text begins a year.
    if word or digits.startswith("20"):
        return _Number([f"K8S{digits}"], end, len(digits) >= 8)
    if len(digits) > 10:
        return None
    return _Number([f"K8S{year}{digits}" for year in _years()], end, len(digits) >= 4)


def _years() -> Iterator[int]:
    """Numbers are written in the site's zone, not the viewer's."""
    this = timezone.localdate(timezone=timezone.get_default_timezone()).year
    return iter(range(this, this - YEARS, -1))


def _begins(field: str, prefix: str) -> Q:
    # A prefix written as a range: LIKE would skip the index on SQLite.
    return Q(**{f"{field}__gte": prefix, f"{field}__lt": prefix + LAST_CHARACTER})


def _newest(seen: QuerySet[ReleaseOrder]) -> QuerySet[ReleaseOrder]:
    last = seen.order_by("-id").values_list("pk", flat=True)[NEWEST : NEWEST + 1].first()
    return seen if last is None else seen.filter(pk__gt=last)


def _loosely(text: str, sought: _Number | None) -> Q:
    how = "icontains" if len(text) > 1 else "istartswith"
    choices = [Q(**{f"{field}__{how}": text}) for field in ("branch", "git_tag")]
    if sought and not sought.is_precise:
        choices += [_begins("number", prefix) & Q(number__endswith=sought.end) for prefix in sought.prefixes]
    if re.fullmatch(r"[0-9]{1,12}[A-Z]{2}", text.upper()):
        choices.append(Q(number__endswith=text.upper()))
    if re.fullmatch(r"[0-9a-f]{6,40}", text.lower()):
        choices.append(Q(commit__startswith=text.lower()))
    return reduce(or_, choices)


# ---------------------------------------------------------------- components and pods
def find_components(user: User, text: str, most: int) -> list[Component]:
    """By a part of the code, of the Chinese name or of its initials; those whose code begins so come first, and
    among them the person's favourites."""
    first = Case(When(name__istartswith=text, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = with_stars(list_components(user, text=text), user)
    return list(rows.order_by(first, F("is_favourite").desc(), "name")[:most])


def find_pods(rights: Rights, text: str, most: int) -> list[FoundPod]:
    """Pods whose name begins so, as last seen: the workload's part of the name leads to few placements.

    Screens shorten a pod to its end (``…7c55-8mznp``): a text that begins no name may be a part of one.
    """
    text = text.lower().lstrip("…")
    if len(text) < 3 or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", text):
        return []
    return _pods_begin(rights, text, most) or _pods_hold(rights, text, most)


def _pods_begin(rights: Rights, text: str, most: int) -> list[FoundPod]:
    parts = text.split("-")
    stems = ["-".join(parts[:count]) for count in range(1, len(parts) + 1)]
    rows = _placements(rights).filter(Q(component__slug__in=stems) | _begins("component__slug", text))
    return [pod for pod in _pods_in(rows) if pod.name.startswith(text)][:most]


def _pods_hold(rights: Rights, text: str, most: int) -> list[FoundPod]:
    """No index helps: only for what is as long as the end of a pod's name, and only when nothing else was meant."""
    if len(text) < SHORTEST_PART:
        return []
    rows = _placements(rights).annotate(said=Cast("pods", TextField())).filter(said__contains=text)
    return [pod for pod in _pods_in(rows) if text in pod.name][:most]


def _placements(rights: Rights) -> QuerySet[Placement]:
    return Placement.objects.filter(visible_to(rights.user, rights=rights, field="space__project_id"))


def _pods_in(rows: QuerySet[Placement]) -> list[FoundPod]:
    places = rows.order_by("component__slug", "space__environment__position").values(
        "pods", "component__slug", "space__project__slug", "space__environment__slug"
    )
    return [_pod(place, pod) for place in places[:MOST_PLACEMENTS] for pod in place["pods"]]


def _pod(place: Mapping[str, Any], pod: dict[str, Any]) -> FoundPod:
    return FoundPod(
        name=str(pod.get("name", "")),
        project=place["space__project__slug"],
        component=place["component__slug"],
        environment=place["space__environment__slug"],
        shown=pod_state(pod),
    )
