"""A new order: presets, branches of a real repository, and what one should know before creating."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from components.models import BranchTip, Component, ComponentSettings, GitServer
from environments.models import Space
from releases.models import ReleaseOrder
from tests.cast import World
from tests.components.stand_ins import git, make_repository, serving
from tests.releases.rows import make_built, make_component, make_order, make_success

SignIn = Callable[[str], Client]
HTMX = {"HX-Request": "true"}
KEY = "sis-omm/sis-omm-proxy-gw"


@dataclass
class Remote:
    """``feature/ABC-1`` stands at the second of the commits, ``master`` at the third."""

    work: Path
    served: Path
    commits: list[str]


@pytest.fixture
def remote(component: Component, tmp_path: Path) -> Iterator[Remote]:
    work, commits = make_repository(tmp_path)
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        GitServer.objects.create(host=host, name="Stand-in", allow_http=True)
        ComponentSettings.objects.filter(component=component).update(git_url=f"http://{host}/proxy-gw.git")
        yield Remote(work, tmp_path / "served" / "proxy-gw.git", commits)


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def listed(response: Any) -> list[str]:
    return re.findall(r'data-branch="([^"]*)"', response.content.decode())


def test_component_and_branch_are_those_of_the_last_order(
    world: World, component: Component, signed_in: SignIn
) -> None:
    other = make_component(world, "SIS-OMM-MOP")
    make_order(component, world.dana, branch="release/1")
    make_order(other, world.dana, branch="release/2")
    make_order(component, world.dave, branch="hotfix")
    form = signed_in("dana").get("/orders/new/").context["form"]
    assert (form.initial["component"], form.initial["branch"]) == ("sis-omm/sis-omm-mop", "release/2")
    label, options = form.fields["component"].choices[0]
    assert [value for value, _text in options] == ["sis-omm/sis-omm-mop", KEY], f"{label}: the last first"
    values = [value for _label, options in form.fields["component"].choices for value, _text in options]
    assert len(values) == len(set(values)), "each of them once"
    fresh = signed_in("olli").get("/orders/new/").context["form"]
    assert (fresh.initial["component"], fresh.initial["branch"]) == ("sis-omm/sis-omm-mop", "release/2")


def test_an_address_presets_them(world: World, component: Component, signed_in: SignIn) -> None:
    make_order(make_component(world, "SIS-OMM-MOP"), world.dana)
    form = signed_in("dana").get(f"/orders/new/?component={KEY}&branch=fail-compile").context["form"]
    assert (form.initial["component"], form.initial["branch"]) == (KEY, "fail-compile")
    unknown = signed_in("dana").get("/orders/new/?component=other/thing").context["form"]
    assert unknown.initial["component"] == "sis-omm/sis-omm-mop"


def test_creating_as_it_stands_repeats_the_last(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    make_order(component, world.dana, branch="feature/ABC-1")
    client = signed_in("dana")
    initial = client.get("/orders/new/").context["form"].initial
    answer = client.post("/orders/new/", {"project": "", **initial})
    order = ReleaseOrder.objects.first()
    assert order and answer["Location"] == f"/orders/{order.number}/build/"
    assert (order.component, order.branch, order.author) == (component, "feature/ABC-1", world.dana)


def test_branches_used_before_come_first_and_unfit_ones_are_named(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    for name in ("aaa", "功能/限额"):
        git(remote.served, "branch", name, "master")
    make_order(component, world.dave, branch="feature/ABC-1")
    client = signed_in("dana")
    path = f"/orders/new/branches/?component={KEY}"
    everything = client.get(path, headers=HTMX)
    assert listed(everything) == ["feature/ABC-1", "master", "aaa"], "used before, then the usual one"
    assert remote.commits[2][:7] in words(everything) and "used before" in words(everything)
    assert "功能/限额 cannot be built: Its name has signs" in words(everything)
    api = client.get(f"/api/v1/components/{KEY}/branches/?search=功").json()
    assert api["items"] == [] and [one["name"] for one in api["unfit"]] == ["功能/限额"]
    assert "功能限额" in api["unfit"][0]["reason"]
    assert listed(client.get(f"{path}&branch=aB", headers=HTMX)) == ["feature/ABC-1"]
    whole = client.get(f"{path}&branch=aaa", headers=HTMX)
    assert listed(whole) == ["aaa", "feature/ABC-1", "master"], "a whole name leaves the others to choose from"
    assert 'data-preset="feature/ABC-1"' in whole.content.decode()
    assert "No branch has this in its name." in words(client.get(f"{path}&branch=zzz", headers=HTMX))
    # The page itself has the list as it was last seen, before anything is asked.
    assert set(listed(client.get("/orders/new/"))) == {"feature/ABC-1", "master", "aaa"}


def test_submodules_are_told_before_creating(component: Component, remote: Remote, signed_in: SignIn) -> None:
    client = signed_in("dana")
    path = f"/orders/new/before/?component={KEY}&branch=master"
    assert "submodule" not in words(client.get(path, headers=HTMX))
    git(remote.work, "update-index", "--add", "--cacheinfo", f"160000,{remote.commits[0]},vendor/lib")
    git(remote.work, "commit", "-q", "-m", "a submodule")
    git(remote.work, "push", "-q", str(remote.served), "HEAD:refs/heads/with-lib")
    path = f"/orders/new/before/?component={KEY}&branch=with-lib"
    BranchTip.objects.all().delete()
    said = words(client.get(path, headers=HTMX))
    assert "these folders stay empty: vendor/lib" in said and "git submodule update --init" in said
    found = client.get(f"/api/v1/components/{KEY}/checkout/?branch=with-lib").json()
    assert found["commit"] == git(remote.work, "rev-parse", "HEAD") and "vendor/lib" in found["notes"][0]
    assert client.get(f"/api/v1/components/{KEY}/checkout/?branch=nowhere").status_code == 400


def test_before_creating_one_sees_the_commits_since_and_an_order_of_the_same_commit(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    old, new = make_built(component, world.dana), make_built(component, world.dave)
    ReleaseOrder.objects.filter(pk=old.pk).update(commit=remote.commits[0])
    ReleaseOrder.objects.filter(pk=new.pk).update(commit=remote.commits[2])
    old.refresh_from_db()
    new.refresh_from_db()
    make_success(old, world.spaces["fat"], world.olli)
    make_success(new, world.spaces["uat"], world.olli)
    answer = signed_in("dana").get(f"/orders/new/before/?component={KEY}&branch=master", headers=HTMX)
    said = words(answer)
    since = {one.space.environment.slug: one for one in answer.context["since"]}
    assert [commit.subject for commit in since["fat"].commit_list.commits] == ["change 2", "change 1"]
    assert since["uat"].is_same and since["prd"].serves is None
    assert f"An order for this commit exists already {new.number}" in said
    assert "2 commits" in said and "the same commit" in said and "nothing runs there yet" in said
    nowhere = signed_in("dana").get(f"/orders/new/before/?component={KEY}&branch=nowhere", headers=HTMX)
    assert "There is no branch nowhere" in words(nowhere)


def test_a_remote_that_is_away_is_asked_once(
    world: World, component: Component, remote: Remote, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_built(component, world.dana), make_built(component, world.dana)
    ReleaseOrder.objects.filter(pk=second.pk).update(commit="d" * 40)
    second.refresh_from_db()
    make_success(first, world.spaces["fat"], world.olli)
    make_success(second, world.spaces["uat"], world.olli)
    client = signed_in("dana")
    client.get(f"/orders/new/branches/?component={KEY}", headers=HTMX)
    remote.served.rename(remote.served.with_suffix(".gone"))
    answer = client.get(f"/orders/new/before/?component={KEY}&branch=master", headers=HTMX)
    found = [one.commit_list for one in answer.context["since"] if one.commit_list]
    assert len(found) == 2 and found[0] is found[1] and found[0].reason
    assert "unknown" in words(answer)


def test_a_change_ticket_is_named_where_it_is_asked_for(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    path = f"/orders/new/before/?component={KEY}&branch=master"
    assert "asked for there" not in words(signed_in("dana").get(path, headers=HTMX))
    Space.objects.filter(pk=world.spaces["prd"].pk).update(change_ticket_required=True)
    world.project.change_ticket_pattern = "CHG[0-9]{6}"
    world.project.save()
    said = words(signed_in("dana").get(path, headers=HTMX))
    assert "PRD: asked for there" in said and "CHG[0-9]{6}" in said


def test_what_is_missing_of_the_component_is_told_before(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    ComponentSettings.objects.filter(component=component).update(package_name="")
    said = words(signed_in("dana").get(f"/orders/new/before/?component={KEY}&branch=master", headers=HTMX))
    assert "it cannot be built yet" in said and "Give the file name of the package." in said


@pytest.mark.parametrize("part", ["branches", "before"])
def test_only_who_may_create_asks_git(world: World, component: Component, signed_in: SignIn, part: str) -> None:
    path = f"/orders/new/{part}/?component={KEY}&branch=master"
    assert signed_in("otto").get(path).status_code == 404
    assert signed_in("tess").get(path).status_code == 403
    assert signed_in("dana").get(f"/orders/new/{part}/").status_code == 200
