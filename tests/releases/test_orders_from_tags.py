"""Orders from a Git tag or a commit, against a real repository: created, built, refused, repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit.models import AuditEvent
from components import origins
from components.models import Component, ComponentSettings, GitServer
from components.values import PARAMETERS
from deployer.interfaces import JobFacts
from foundation.problems import Invalid, Refused
from releases.choices import OrderState
from releases.models import Build, ReleaseOrder
from releases.services import builds, orders
from tests.cast import World
from tests.components.stand_ins import git, make_repository, serving
from tests.releases.answers import Jenkins
from tests.releases.rows import make_component
from tests.releases.test_api import Caller
from tests.releases.test_build_remotes import WELL, put, put_image, step


@dataclass
class Remote:
    """``feature/ABC-1`` stands at the second of the commits, ``master`` at the third."""

    served: Path
    commits: list[str]

    def tag(self, name: str, commit: str, *, is_annotated: bool = False) -> None:
        who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        git(self.served, *who, "tag", "--force", *(["-a", "-m", "words"] if is_annotated else []), name, commit)


@pytest.fixture(autouse=True)
def nothing_kept(settings: Any, tmp_path: Path) -> None:
    """Each repository has an address of its own, but a port may come again."""
    settings.DATA_DIR = tmp_path / "data"
    origins._kept.clear()


@pytest.fixture
def component(world: World) -> Component:
    return make_component(world)


@pytest.fixture
def remote(component: Component, tmp_path: Path) -> Iterator[Remote]:
    _work, commits = make_repository(tmp_path)
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        GitServer.objects.create(host=host, name="Stand-in", allow_http=True)
        ComponentSettings.objects.filter(component=component).update(git_url=f"http://{host}/proxy-gw.git")
        yield Remote(tmp_path / "served" / "proxy-gw.git", commits)


def create(world: World, component: Component, **named: str) -> ReleaseOrder:
    origin = orders.choose_origin(actor=world.dana, component=component, **named)
    return orders.create_order(actor=world.dana, component=component, origin=origin)


# ---------------------------------------------------------------- creating
@pytest.mark.parametrize("is_annotated", [False, True])
def test_a_tag_is_its_commit_from_the_start(
    world: World, component: Component, remote: Remote, is_annotated: bool
) -> None:
    remote.tag("v1.0", remote.commits[1], is_annotated=is_annotated)
    order = create(world, component, git_tag="v1.0")
    assert (order.source, order.git_tag, order.branch) == ("git_tag", "v1.0", "master")
    assert order.commit == remote.commits[1] and order.component_settings is None
    event = order.events.get(kind="order.created")
    assert (event.data["git_tag"], event.data["commit"]) == ("v1.0", remote.commits[1])
    assert AuditEvent.objects.get(verb="order.created").after["git_tag"] == "v1.0"


def test_a_commit_is_named_by_its_first_digits_and_may_name_its_branch(
    world: World, component: Component, remote: Remote
) -> None:
    first, second, third = remote.commits
    order = create(world, component, commit=f" {first[:7].upper()} ")
    assert (order.source, order.commit, order.branch, order.git_tag) == ("commit", first, "master", "")
    assert create(world, component, commit=second, branch="feature/ABC-1").branch == "feature/ABC-1"
    with pytest.raises(Invalid) as refused:
        create(world, component, commit=third, branch="feature/ABC-1")
    assert "is not on branch feature/ABC-1" in str(refused.value.fields["branch"][0])


def test_a_branch_is_as_before(world: World, component: Component, remote: Remote) -> None:
    order = create(world, component, branch="master")
    assert (order.source, order.branch, order.commit, order.git_tag) == ("branch", "master", "", "")
    assert set(order.events.get(kind="order.created").data) == {"id", "branch", "component"}


def test_a_commit_beside_a_tag_is_what_the_tag_must_be(world: World, component: Component, remote: Remote) -> None:
    remote.tag("v1.0", remote.commits[1])
    assert create(world, component, git_tag="v1.0", commit=remote.commits[1][:8]).source == "git_tag"
    with pytest.raises(Invalid) as refused:
        create(world, component, git_tag="v1.0", commit=remote.commits[2])
    assert f"v1.0 is at commit {remote.commits[1][:12]}" in str(refused.value.fields["commit"][0])


@pytest.mark.parametrize(
    ("field", "name", "said"),
    [
        ("git_tag", "v9", "has no Git tag v9"),
        ("git_tag", "-x", "cannot be a Git tag"),
        ("git_tag", "a..b", "cannot be a Git tag"),
        ("git_tag", "refs/tags/v1", "cannot be a Git tag"),
        ("git_tag", "v 1", "cannot be a Git tag"),
        ("commit", "abc123", "at least 7"),
        ("commit", "--all", "at least 7"),
        ("commit", "refs/heads/master", "at least 7"),
        ("commit", "0000000", "no commit 0000000 on a branch"),
        ("branch", "", "Choose a branch"),
    ],
)
def test_what_is_not_there_is_refused_by_a_message(
    world: World, component: Component, remote: Remote, field: str, name: str, said: str
) -> None:
    dana = Caller(world, "dana")
    answer = dana.post("orders/", {"component": f"{component.project.slug}/{component.slug}", field: name})
    assert answer.status_code == 400 and said in str(answer.json()["fields"][field]), answer.content
    assert not ReleaseOrder.objects.exists()


def test_a_tag_on_no_branch_is_refused(world: World, component: Component, remote: Remote) -> None:
    tree = git(remote.served, "rev-parse", "master^{tree}")
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    alone = git(remote.served, *who, "commit-tree", tree, "-m", "never merged")
    remote.tag("alone", alone)
    remote.tag("no-commit", tree)
    for name in ("alone", "no-commit"):
        with pytest.raises(Invalid) as refused:
            create(world, component, git_tag=name)
        assert "on a branch that can be built" in str(refused.value.fields["git_tag"][0])


def test_while_git_is_away_only_a_known_branch_will_do(world: World, component: Component, remote: Remote) -> None:
    remote.tag("v1.0", remote.commits[1])
    create(world, component, branch="master")
    ComponentSettings.objects.update(git_url="http://127.0.0.1:9/app.git")
    for named in ({"git_tag": "v1.0"}, {"commit": remote.commits[1]}):
        with pytest.raises(Refused):
            create(world, component, **named)
    assert origins.git_tags(component).reason


# ---------------------------------------------------------------- building
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    put_image(monkeypatch, None)
    put(
        monkeypatch, Jenkins(**WELL, job=JobFacts(True, PARAMETERS, next_number=3, session="one"), find=None, trigger=9)
    )


def test_jenkins_is_given_the_commit_and_the_branch_that_has_it(
    world: World, component: Component, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.tag("v1.0", remote.commits[0], is_annotated=True)
    order = create(world, component, git_tag="v1.0")
    build = builds.start_build(actor=world.dana, order=order)
    ready(monkeypatch)
    assert step(build).phase == "queued", build.message
    assert build.parameters["GIT_COMMIT"] == remote.commits[0]
    assert build.parameters["BRANCH_TO_BUILD"] == "master"
    assert set(build.parameters) == PARAMETERS
    order.refresh_from_db()
    assert order.component_settings is not None and order.commit == remote.commits[0]


def test_another_commit_is_never_built(world: World, component: Component, remote: Remote) -> None:
    order = create(world, component, commit=remote.commits[0])
    with pytest.raises(Refused, match="for commit"):
        builds.start_build(actor=world.dana, order=order, commit=remote.commits[2])
    assert not Build.objects.exists()
    assert builds.start_build(actor=world.dana, order=order).order.commit == remote.commits[0]


def test_a_tag_that_moved_builds_nothing_and_is_repeated_as_it_is_now(
    world: World, component: Component, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _middle, new = remote.commits
    remote.tag("v1.0", old)
    order, late = create(world, component, git_tag="v1.0"), create(world, component, git_tag="v1.0")
    build = builds.start_build(actor=world.dana, order=late)
    remote.tag("v1.0", new, is_annotated=True)
    moved = f"has moved from commit {old[:7]} to {new[:7]}"
    with pytest.raises(Refused, match=moved):
        builds.start_build(actor=world.dana, order=order)
    assert not Build.objects.filter(order=order).exists()
    # Between the click and Jenkins.
    ready(monkeypatch)
    step(build)
    assert (build.state, build.reason) == ("failed", "refused") and moved in str(build.message)
    assert create(world, component, git_tag="v1.0").commit == new


def test_a_tag_that_is_gone_builds_nothing(world: World, component: Component, remote: Remote) -> None:
    remote.tag("v1.0", remote.commits[0])
    order = create(world, component, git_tag="v1.0")
    git(remote.served, "tag", "-d", "v1.0")
    with pytest.raises(Invalid) as refused:
        builds.start_build(actor=world.dana, order=order)
    assert "has no Git tag v1.0" in str(refused.value.fields["git_tag"][0])


def test_a_build_waits_for_git_and_is_not_refused_while_it_is_away(
    world: World, component: Component, remote: Remote
) -> None:
    remote.tag("v1.0", remote.commits[0])
    order = create(world, component, git_tag="v1.0")
    ComponentSettings.objects.update(git_url="http://127.0.0.1:9/app.git")
    assert builds.start_build(actor=world.dana, order=order).is_active


# ---------------------------------------------------------------- over the API
def test_the_api_creates_lists_and_tells(world: World, component: Component, remote: Remote) -> None:
    for name, at in (("v1.9", 0), ("v1.10", 1), ("other", 2)):
        remote.tag(name, remote.commits[at], is_annotated=name == "v1.10")
    dana = Caller(world, "dana")
    key = f"{component.project.slug}/{component.slug}"
    listed = dana.client.get(f"/api/v1/components/{key}/git-tags/?search=V1").json()
    assert [(one["name"], one["commit"]) for one in listed["items"]] == [
        ("v1.10", remote.commits[1]),
        ("v1.9", remote.commits[0]),
    ]
    looked = dana.client.get(f"/api/v1/components/{key}/checkout/?git_tag=v1.10").json()
    assert (looked["branch"], looked["commit"]) == ("master", remote.commits[1])
    assert looked["branches"] == ["feature/ABC-1", "master"]
    made = dana.post("orders/", {"component": key, "git_tag": "v1.10"}).json()
    assert (made["source"], made["git_tag"], made["commit"]) == ("git_tag", "v1.10", remote.commits[1])
    plain = dana.post("orders/", {"component": key, "branch": "master"}).json()
    assert (plain["source"], plain["git_tag"], plain["commit"]) == ("branch", "", "")
    whole = dana.client.get(f"/api/v1/orders/{made['number']}/").json()
    assert whole["git_tag"] == "v1.10"
    found = dana.client.get("/api/v1/orders/?search=v1.1").json()["items"]
    assert [one["number"] for one in found] == [made["number"]]
    answer = dana.post(f"orders/{made['number']}/builds/", {"commit": remote.commits[2]})
    assert answer.status_code == 409 and answer.json()["code"] == "other-commit"
    assert dana.post(f"orders/{made['number']}/builds/", {}).status_code == 202


def test_a_later_attempt_builds_no_other_commit(world: World, component: Component, remote: Remote) -> None:
    dana = Caller(world, "dana")
    key = f"{component.project.slug}/{component.slug}"
    made = dana.post("orders/", {"component": key, "branch": "master"}).json()
    order = ReleaseOrder.objects.get(number=made["number"])
    assert dana.post(f"orders/{order.number}/builds/", {"commit": remote.commits[1]}).status_code == 202
    ReleaseOrder.objects.filter(pk=order.pk).update(state=OrderState.BUILD_FAILED)
    Build.objects.filter(order=order).update(state="failed")
    answer = dana.post(f"orders/{order.number}/builds/", {"commit": remote.commits[2]})
    assert answer.status_code == 409 and answer.json()["code"] == "other-commit"
    assert dana.post(f"orders/{order.number}/builds/", {"commit": remote.commits[1]}).status_code == 202


@pytest.mark.parametrize("path", ["git-tags/", "checkout/?git_tag=v1"])
def test_only_who_may_create_asks_git(world: World, component: Component, path: str) -> None:
    key = f"{component.project.slug}/{component.slug}"
    assert Caller(world, "tess").client.get(f"/api/v1/components/{key}/{path}").status_code == 403
    assert Caller(world, "otto").client.get(f"/api/v1/components/{key}/{path}").status_code == 404
