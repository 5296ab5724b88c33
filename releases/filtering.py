"""The order list's filters: of the page and of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from accounts.models import User
from components.models import Component
from foundation.days import read_day
from releases.models import ReleaseOrder, Watch

LAST_CHARACTER = "\U0010ffff"
_SHORT_NAME = re.compile(r"(?P<day>[0-9]{4})(?P<minute>[0-9]{0,4})(?P<end>[A-Z]{0,2})")
YEARS = 2
"""A short name (``1120-1412·CK``) has no year: it is tried in this one and in the one before."""


DAYS = ("since", "until")
"""The first and the last day that an order was created on, in the viewer's zone; both count."""
TEXTS = ("project", "component", "state", "author", "text", *DAYS)
FILTERS = (*TEXTS, "watching")
"""What the address of the list says; ``watching``: only those that the viewer watches."""


def read_filters(query: Mapping[str, str]) -> dict[str, str]:
    """What the address says, by field; a day that is none counts as not given."""
    given = {name: query.get(name, "").strip()[:200] for name in FILTERS}
    given["watching"] = "1" if given["watching"] else ""
    return given | {name: day_text(given[name]) for name in DAYS}


def query_of_filters(given: Mapping[str, str]) -> str:
    """The same as an address has it, always in one order; empty where nothing is filtered."""
    return urlencode({name: given[name] for name in FILTERS if given[name]})


def normal_query(address: QueryDict) -> str:
    """What the list's address says, as :func:`query_of_filters` has it: what the list does not know is left out."""
    return query_of_filters(read_filters({name: str(value) for name, value in address.items()}))


def filter_orders(
    orders: QuerySet[ReleaseOrder],
    *,
    project: str = "",
    component: str = "",
    state: str = "",
    text: str = "",
    author: str = "",
    since: str = "",
    until: str = "",
) -> QuerySet[ReleaseOrder]:
    """``text``: beginning of number, short name, branch or Git tag, part of a component's name.

    ``since``, ``until``: days (``2026-11-20``, both included) of the active time zone; what is no day filters nothing.
    """
    if project:
        orders = orders.filter(project__slug=project)
    if component:
        orders = orders.filter(component__slug=component)
    if state:
        orders = orders.filter(state=state)
    if author:
        orders = orders.filter(author__username=author)
    if text:
        orders = orders.filter(_means(text))
    return _created_between(orders, read_day(since), read_day(until))


def only_watched(orders: QuerySet[ReleaseOrder], person: User) -> QuerySet[ReleaseOrder]:
    """Those among them that the person watches."""
    return orders.filter(pk__in=Watch.objects.filter(person=person).order_by().values("order"))


def day_text(text: str) -> str:
    """The day as an address has it; empty for anything else."""
    day = read_day(text)
    return day.isoformat() if day else ""


def _means(text: str) -> Q:
    choice = _begins("number", text.upper()) | _begins("branch", text) | _begins("git_tag", text)
    if short := _SHORT_NAME.fullmatch(re.sub(r"[-·.\s]", "", text.upper())):
        this = timezone.localdate(timezone=timezone.get_default_timezone()).year
        for year in range(this, this - YEARS, -1):
            beginning = f"K8S{year}{short['day']}{short['minute']}"
            choice |= _begins("number", beginning) & Q(number__endswith=short["end"])
    names = Q(name__icontains=text) | Q(settings__name_zh__icontains=text)
    names |= Q(settings__initials__contains=text.lower().replace(" ", ""))
    return choice | Q(component__in=Component.objects.filter(names).values("pk"))


def _begins(field: str, prefix: str) -> Q:
    # A prefix written as a range: LIKE would skip the index on SQLite.
    return Q(**{f"{field}__gte": prefix, f"{field}__lt": prefix + LAST_CHARACTER})


def _created_between(orders: QuerySet[ReleaseOrder], first: date | None, last: date | None) -> QuerySet[ReleaseOrder]:
    """``created_at`` decides; the number, which begins with the moment in the site's zone, leads there by its index.

    A day more on either side covers every zone that the site may have, or have had.
    """
    if first:
        orders = orders.filter(created_at__gte=midnight(first), number__gte=f"K8S{first - timedelta(days=1):%Y%m%d}")
    if last:
        after = last + timedelta(days=1)
        orders = orders.filter(created_at__lt=midnight(after), number__lt=f"K8S{after + timedelta(days=1):%Y%m%d}")
    return orders


def midnight(day: date) -> datetime:
    """When the day begins in the active time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))
