"""What is still missing before a first order can go through: told from rows and from the last connection tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.urls import reverse

from accounts.models import Project
from components.choices import ServerKind
from components.models import GitServer, ImageRegistry, JenkinsServer, ServerTest
from environments.access import Rights
from environments.models import Cluster, ClusterTest
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.models import Run

MOST_NAMED = 3


@dataclass(frozen=True)
class Step:
    """One thing to set up; ``missing`` says what is missing, empty when it is done; ``url`` leads to where one acts."""

    icon: str
    title: MessageLike
    missing: MessageLike
    url: str

    @property
    def is_done(self) -> bool:
        return not self.missing


def first_run(rights: Rights) -> list[Step]:
    """The steps, for people who may take them, while one is left; otherwise none. Ten queries, for administrators."""
    if not (rights.can("manage_servers") and rights.can("manage_places")):
        return []
    steps = [
        _server("hammer", "Jenkins", ServerKind.JENKINS, JenkinsServer, "slug"),
        _server("git-branch", "Git", ServerKind.GIT, GitServer, "host"),
        _server("stack", _("Image registry"), ServerKind.REGISTRY, ImageRegistry, "slug"),
        _cluster(),
        _project(),
    ]
    return [] if all(step.is_done for step in steps) else steps


def _server(icon: str, title: MessageLike, kind: str, model: Any, key: str) -> Step:
    keys = dict(model._default_manager.filter(is_archived=False).order_by("pk").values_list("pk", key))
    if not keys:
        return Step(icon, title, _("None is known yet."), reverse("components:server-new", args=[kind]))
    column = f"{kind}_id"
    newest = ServerTest.objects.filter(kind=kind, **{f"{column}__in": list(keys)})
    top = newest.order_by().values(column).annotate(top=Max("pk")).values("top")
    tests = {getattr(test, column): test for test in ServerTest.objects.filter(pk__in=top)}
    pk, missing = _what_tests_say(list(keys), tests)
    return Step(icon, title, missing, reverse("components:server", args=[kind, keys[pk]]))


def _cluster() -> Step:
    keys = dict(Cluster.objects.filter(is_archived=False).order_by("pk").values_list("pk", "slug"))
    title = _("Cluster")
    if not keys:
        return Step("cloud", title, _("None is known yet."), reverse("environments:cluster-new"))
    top = ClusterTest.objects.filter(cluster__in=list(keys)).order_by().values("cluster_id").annotate(top=Max("pk"))
    tests = {test.cluster_id: test for test in ClusterTest.objects.filter(pk__in=top.values("top"))}
    pk, missing = _what_tests_say(list(keys), tests)
    return Step("cloud", title, missing, reverse("environments:cluster", args=[keys[pk]]))


def _what_tests_say(ids: list[int], tests: dict[int, Any]) -> tuple[int, MessageLike]:
    """Which row to look at, and what is missing there: one that answered is enough."""
    for pk in ids:
        if pk in tests and tests[pk].state == RunState.SUCCEEDED:
            return pk, ""
    for pk in ids:
        if pk in tests:
            return pk, _said(tests[pk])
    return ids[0], _("Its connection was never tested.")


def _said(test: Run) -> MessageLike:
    if test.state in ACTIVE:
        return _("Its connection is being tested.")
    message = str(getattr(test, "message", ""))
    return _("The last test failed: %(message)s", message=message or RunState(test.state).label)


def _project() -> Step:
    """A project that has an environment, and a Jenkins and a registry to build with."""
    title = _("Project")
    rows = Project.objects.filter(is_archived=False).order_by("slug")
    if not rows.exists():
        return Step("list", title, _("None is known yet."), reverse("environments:project-new"))
    bare = list(rows.filter(spaces=None).values_list("slug", flat=True)[: MOST_NAMED + 1])
    if bare:
        said = _("No environment in %(names)s.", names=_names(bare))
        return Step("list", title, said, reverse("environments:project", args=[bare[0]]))
    loose = list(rows.filter(toolchain=None).values_list("slug", flat=True)[: MOST_NAMED + 1])
    if loose:
        said = _("No Jenkins and registry chosen for %(names)s.", names=_names(loose))
        return Step("list", title, said, reverse("components:toolchain", args=[loose[0]]))
    return Step("list", title, "", reverse("environments:projects"))


def _names(slugs: list[str]) -> str:
    return localized_list(slug.upper() for slug in slugs[:MOST_NAMED]) + (" …" if len(slugs) > MOST_NAMED else "")
