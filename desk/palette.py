"""The palette's answer: groups of things to go to or to do, each as plain data for the browser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import User
from components.favourites import only_favourites, with_stars
from components.models import Component
from components.selectors import list_components
from desk.selectors.places import Place, actions_of, pages_of
from desk.selectors.search import FoundPod, search
from environments.access import Rights
from foundation.messages import message as _
from foundation.templatetags.ui import tone
from releases.models import ReleaseOrder
from releases.presenters.standings import order_states
from releases.presenters.states import Shown
from releases.selectors import orders_visible_to

MOST = 6
"""Lines of one group: the palette is for the next thing, the search page for all."""


@dataclass(frozen=True)
class Line:
    """One line. ``is_code`` sets the title in monospace; ``values`` (with the page's token) are posted to ``url``."""

    title: str
    url: str
    icon: str
    detail: str = ""
    keys: str = ""
    state: str = ""
    tone: str = ""
    is_code: bool = False
    values: dict[str, str] = field(default_factory=dict)


def palette(user: User, text: str) -> list[dict[str, Any]]:
    """``[{"name", "label", "lines": [Line…]}]`` without empty groups; what one may begin, where nothing was typed."""
    rights = Rights(user)
    text = text.strip()
    found = search(user, text, rights=rights, most=MOST)
    orders = found.orders if text else _own_newest(user, rights)
    states = order_states(orders)
    groups = [
        (
            "orders",
            _("Orders") if text else _("Your last orders"),
            [_order(order, states[order.pk]) for order in orders],
        ),
        (
            "components",
            _("Components") if text else _("Your favourites"),
            [_component(one) for one in (found.components if text else _favourites(user, rights))],
        ),
        ("pods", _("Pods"), [_pod(pod) for pod in found.pods]),
        ("people", _("People"), [_person(person, rights) for person in found.people]),
        ("actions", _("Actions"), _places(actions_of(rights), text)),
        ("pages", _("Go to"), _places(pages_of(rights), text)),
    ]
    return [
        {"name": name, "label": str(label), "lines": [asdict(line) for line in lines]}
        for name, label, lines in groups
        if lines
    ]


def _own_newest(user: User, rights: Rights) -> list[ReleaseOrder]:
    return list(orders_visible_to(user, rights=rights).filter(author=user).order_by("-id")[:3])


def _favourites(user: User, rights: Rights) -> list[Component]:
    rows = with_stars(list_components(user, rights=rights), user)
    return list(only_favourites(rows, user).order_by("name", "pk")[:MOST])


def _order(order: ReleaseOrder, shown: Shown) -> Line:
    return Line(
        title=order.short_name,
        url=reverse("releases:order", args=[order.number]),
        icon="orders",
        detail=f"{order.component.name} · {order.made_from} · {order.author.shown_name}",
        state=str(shown.word),
        tone=tone(shown.state),
        is_code=True,
    )


def _component(component: Component) -> Line:
    name_zh = getattr(component, "name_zh", "") or ""
    return Line(
        title=component.name,
        url=reverse("components:detail", args=[component.project.slug, component.slug]),
        icon="star-filled" if getattr(component, "is_favourite", False) else "components",
        detail=" · ".join(filter(None, [name_zh, component.project.slug.upper()])),
    )


def _pod(pod: FoundPod) -> Line:
    address = reverse("releases:runtime", args=[pod.project, pod.component, pod.environment])
    return Line(
        title=pod.name,
        url=f"{address}?{urlencode({'pod': pod.name})}",
        icon="terminal",
        detail=pod.environment.upper(),
        state=str(pod.shown.word),
        tone=tone(pod.shown.state),
        is_code=True,
    )


def _person(person: User, rights: Rights) -> Line:
    """To the person's page for who reads the site, else to what they released."""
    if rights.can("see_site"):
        url = reverse("environments:person", args=[person.username])
    else:
        url = f"{reverse('releases:list')}?{urlencode({'author': person.username})}"
    return Line(title=person.shown_name, url=url, icon="user", detail=person.username)


def _places(places: Iterable[Place], text: str) -> list[Line]:
    return [
        Line(str(place.title), place.url, place.icon, keys=place.keys, values=dict(place.values))
        for place in places
        # Switches are for who looks for them: without a text only what leads on is listed.
        if place.fits(text) and (text or not place.values)
    ]
