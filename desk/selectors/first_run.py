"""What is still missing before a first order can go through: told from rows and from the last connection tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Exists, Max, OuterRef, Q, Value, When
from django.urls import reverse

from accounts.models import Project
from components.choices import ServerKind
from components.models import GitServer, ImageRegistry, JenkinsServer, ServerTest, Toolchain
from environments.access import Rights
from environments.models import Cluster, ClusterTest, Space
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
    """The steps, for people who may take them, while one is left; otherwise none. Four queries, for administrators."""
    if not (rights.can("manage_servers") and rights.can("manage_places")):
        return []
    keys = _keys()
    tests = _newest_tests(keys)
    steps = [_other_side(kind, keys[kind], tests[kind]) for kind in _KINDS]
    steps.append(_project())
    return [] if all(step.is_done for step in steps) else steps


_CLUSTER = "cluster"
_KINDS: dict[str, tuple[str, MessageLike, Any, str]] = {
    ServerKind.JENKINS: ("hammer", "Jenkins", JenkinsServer, "slug"),
    ServerKind.GIT: ("git-branch", "Git", GitServer, "host"),
    ServerKind.REGISTRY: ("stack", _("Image registry"), ImageRegistry, "slug"),
    _CLUSTER: ("cloud", _("Cluster"), Cluster, "slug"),
}
"""Icon, title, model, and what names a row in an address."""


def _keys() -> dict[str, dict[int, str]]:
    """Of each kind what is in use, by id."""
    of_kinds = [
        model._default_manager.filter(is_archived=False).order_by().values_list(Value(kind), "pk", key)
        for kind, (_icon, _title, model, key) in _KINDS.items()
    ]
    found: dict[str, dict[int, str]] = {kind: {} for kind in _KINDS}
    for kind, pk, key in sorted(of_kinds[0].union(*of_kinds[1:], all=True)):
        found[kind][pk] = key
    return found


def _newest_tests(keys: dict[str, dict[int, str]]) -> dict[str, dict[int, Any]]:
    """The last connection test of each row."""
    found: dict[str, dict[int, Any]] = {kind: {} for kind in _KINDS}
    servers = [kind for kind in _KINDS if kind != _CLUSTER and keys[kind]]
    if servers:
        columns = [f"{kind}_id" for kind in servers]
        wanted = Q(*((f"{kind}__in", list(keys[kind])) for kind in servers), _connector=Q.OR)
        top = ServerTest.objects.filter(wanted).order_by().values(*columns).annotate(top=Max("pk")).values("top")
        for test in ServerTest.objects.filter(pk__in=top):
            found[test.kind][getattr(test, f"{test.kind}_id")] = test
    if keys[_CLUSTER]:
        rows = ClusterTest.objects.filter(cluster__in=list(keys[_CLUSTER])).order_by()
        top = rows.values("cluster_id").annotate(top=Max("pk")).values("top")
        found[_CLUSTER] = {test.cluster_id: test for test in ClusterTest.objects.filter(pk__in=top)}
    return found


def _other_side(kind: str, keys: dict[int, str], tests: dict[int, Any]) -> Step:
    icon, title, _model, _key = _KINDS[kind]
    is_cluster = kind == _CLUSTER
    if not keys:
        new = reverse("environments:cluster-new") if is_cluster else reverse("components:server-new", args=[kind])
        return Step(icon, title, _("None is known yet."), new)
    pk, missing = _what_tests_say(list(keys), tests)
    args = [keys[pk]] if is_cluster else [kind, keys[pk]]
    return Step(icon, title, missing, reverse("environments:cluster" if is_cluster else "components:server", args=args))


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
    no_space = ~Exists(Space.objects.filter(project=OuterRef("pk")))
    no_servers = ~Exists(Toolchain.objects.filter(project=OuterRef("pk")))
    lacks = Case(When(no_space, then=Value(0)), When(no_servers, then=Value(1)), default=Value(2))
    rows = Project.objects.filter(is_archived=False).annotate(lacks=lacks).order_by("lacks", "slug")
    found = list(rows.values_list("lacks", "slug")[: MOST_NAMED + 1])
    if not found:
        return Step("list", title, _("None is known yet."), reverse("environments:project-new"))
    bare, loose = ([slug for lack, slug in found if lack == wanted] for wanted in (0, 1))
    if bare:
        said = _("No environment in %(names)s.", names=_names(bare))
        return Step("list", title, said, reverse("environments:project", args=[bare[0]]))
    if loose:
        said = _("No Jenkins and registry chosen for %(names)s.", names=_names(loose))
        return Step("list", title, said, reverse("components:toolchain", args=[loose[0]]))
    return Step("list", title, "", reverse("environments:projects"))


def _names(slugs: list[str]) -> str:
    return localized_list(slug.upper() for slug in slugs[:MOST_NAMED]) + (" …" if len(slugs) > MOST_NAMED else "")
