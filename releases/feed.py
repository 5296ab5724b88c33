"""部署动态: deployments of all projects that somebody sees, newest first, and what narrows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import OuterRef, QuerySet, Subquery

from components.models import ComponentSettings
from environments.access import Rights
from foundation.days import read_day
from foundation.runs.choices import ACTIVE, RunState
from releases.filtering import day_text, midnight
from releases.models import Deployment

FILTERS = ("project", "environment", "person", "verdict", "since", "until")
"""Short names and a user name; ``since`` and ``until`` are days in the viewer's zone, which both count."""
DAYS = ("since", "until")
UNDER_WAY = RunState.RUNNING
VERDICTS = (UNDER_WAY, RunState.SUCCEEDED, RunState.FAILED, RunState.ERRORED, RunState.CANCELLED)
"""What one may ask for; everything that goes on is one of them."""
_HEAVY = ("policy", "applied", "live_fingerprint", "removals", "entry")


def read_filters(given: Mapping[str, str]) -> dict[str, str]:
    """By name; a day or a verdict that is none counts as not given."""
    found = {name: str(given.get(name, "")).strip()[:200] for name in FILTERS}
    found |= {name: day_text(found[name]) for name in DAYS}
    return found | {"verdict": found["verdict"] if found["verdict"] in VERDICTS else ""}


def feed(rights: Rights, given: Mapping[str, str]) -> QuerySet[Deployment]:
    """What :func:`read_filters` gave, of the spaces that this person sees."""
    spaces = [one.pk for one in rights.spaces if _fits(given["project"], one.project.slug)
              and _fits(given["environment"], one.environment.slug)]  # fmt: skip
    rows = Deployment.objects.filter(space__in=spaces)
    if given["person"]:
        rows = rows.filter(deployed_by__username=given["person"])
    if given["verdict"]:
        rows = rows.filter(state__in=ACTIVE if given["verdict"] == UNDER_WAY else [given["verdict"]])
    if since := read_day(given["since"]):
        rows = rows.filter(created_at__gte=midnight(since))
    if until := read_day(given["until"]):
        rows = rows.filter(created_at__lt=midnight(until + timedelta(days=1)))
    return rows


def with_names(rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """The same with all that a line shows, and the component's Chinese name in ``name_zh``."""
    newest = ComponentSettings.objects.filter(component=OuterRef("component")).order_by("-number")
    rows = rows.select_related("order", "component__project", "space__environment", "deployed_by").defer(*_HEAVY)
    return rows.annotate(name_zh=Subquery(newest.values("name_zh")[:1]))


def _fits(wanted: str, slug: str) -> bool:
    return wanted.lower() in ("", slug)
