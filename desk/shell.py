"""What the shell shows: the rail and the chosen project. The count of approvals is fetched by the page itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import pgettext_lazy

from accounts.models import User
from accounts.selectors import demo_people
from desk.selectors import chosen_projects
from desk.selectors.audit import may_read_audit
from environments.access import Rights
from foundation.installation import is_demo
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.views.pages import rights_of

CHOSEN = "chosen_project"
"""The session's key of the project that somebody works on; every page's address names it where it narrows a list."""
NARROWED = (
    "desk:home", "releases:list", "desk:approvals", "components:list", "desk:figures", "releases:feed",
    "desk:compare-environments", "desk:calendar",
)  # fmt: skip
"""Pages whose lists one project narrows: the switcher stays there, from elsewhere it leads home."""


@dataclass(frozen=True)
class RailLink:
    """One place of the rail. ``name`` is its icon and what a page calls itself; ``letter`` follows ``g``."""

    name: str
    label: MessageLike
    url: str
    letter: str = ""
    is_first: bool = False


class Shell:
    """Values of ``base.html``, read only by pages that draw it."""

    def __init__(self, request: HttpRequest, user: User) -> None:
        self.request, self.user = request, user

    @cached_property
    def rights(self) -> Rights:
        """The viewer's."""
        return rights_of(self.request)

    @cached_property
    def own_projects(self) -> list[tuple[str, str]]:
        """(slug, name) of the projects that this person sees."""
        return [(slug, name) for _pk, slug, name in chosen_projects(self.rights)]

    @cached_property
    def chosen_project(self) -> str:
        """The slug that the address names, else the one chosen last; empty for all."""
        request = self.request
        seen = {slug for slug, _name in self.own_projects}
        if "project" in request.GET and self.page_name in NARROWED:
            given = request.GET["project"]
            chosen = given if given in seen else ""
            if request.session.get(CHOSEN, "") != chosen:
                request.session[CHOSEN] = chosen
            return chosen
        kept = str(request.session.get(CHOSEN, ""))
        return kept if kept in seen else ""

    @property
    def page_name(self) -> str:
        """The view's name, empty for pages without one."""
        match = self.request.resolver_match
        return match.view_name if match else ""

    @property
    def project_page(self) -> str:
        """Where the project switcher leads."""
        return reverse(self.page_name if self.page_name in NARROWED else "desk:home")

    @property
    def in_project(self) -> str:
        """``?project=sis-omm``, or nothing."""
        return f"?{urlencode({'project': self.chosen_project})}" if self.chosen_project else ""

    @cached_property
    def rail(self) -> list[RailLink]:
        """The places of the left rail; the first three stay at the bottom of a small screen."""
        here = self.in_project
        audit = [RailLink("audit", _("Audit"), reverse("desk:audit"), "u")] if may_read_audit(self.rights) else []
        return [
            RailLink("home", _("Home"), reverse("desk:home") + here, "h", True),
            RailLink("orders", _("Orders"), reverse("releases:list") + here, "o", True),
            RailLink("approvals", _("Approvals"), reverse("desk:approvals") + here, "a", True),
            RailLink("deployments", pgettext_lazy("feed", "Deployments"), reverse("releases:feed") + here),
            RailLink("components", _("Components"), reverse("components:list") + here, "c"),
            RailLink("environments", _("Environments"), reverse("environments:list"), "e"),
            RailLink("calendar", _("Calendar"), reverse("desk:calendar") + here),
            RailLink("figures", _("Figures"), reverse("desk:figures") + here),
            *audit,
            RailLink("admin", _("Admin"), reverse("desk:admin"), "s"),
        ]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Values for ``base.html``; each is read only where a page asks for it."""
    values: dict[str, Any] = {"is_demo": is_demo, "product_version": settings.VERSION, "demo_people": _people}
    user = getattr(request, "user", None)
    if isinstance(user, User):
        values |= _lazily(Shell(request, user))
    return values


def _lazily(frame: Shell) -> dict[str, Callable[[], Any]]:
    return {
        "rail": lambda: frame.rail,
        "in_project": lambda: frame.in_project,
        "own_projects": lambda: frame.own_projects,
        "chosen_project": lambda: frame.chosen_project,
        "project_page": lambda: frame.project_page,
    }


def _people() -> list[User]:
    return [someone.person for someone in demo_people()]
