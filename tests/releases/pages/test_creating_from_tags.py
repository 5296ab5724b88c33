"""A new order from a Git tag or a commit, on the pages: chosen, looked at, created, built, listed, repeated."""

from __future__ import annotations

import re
from typing import Any

import pytest

from components import origins
from components.models import Component
from desk.api_calls import calls_of
from releases.models import ReleaseOrder
from tests.cast import World
from tests.components.stand_ins import git
from tests.releases.pages.test_creating import HTMX, KEY, Remote, SignIn, remote, words
from tests.releases.rows import make_order

__all__ = ["remote"]


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    origins._kept.clear()


def tag(remote: Remote, name: str, commit: str) -> None:
    git(remote.served, "-c", "user.name=T", "-c", "user.email=t@x", "tag", "-f", "-a", "-m", "words", name, commit)


def listed(response: Any) -> list[str]:
    return re.findall(r'data-git-tag="([^"]*)"', response.content.decode())


def test_tags_are_listed_by_number_and_narrowed(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    client = signed_in("dana")
    path = f"/orders/new/git-tags/?component={KEY}"
    assert "The repository has no Git tag." in words(client.get(path, headers=HTMX))
    for name in ("v1.9", "v1.10", "nightly"):
        tag(remote, name, remote.commits[0])
    origins._kept.clear()
    assert listed(client.get(path, headers=HTMX)) == ["v1.10", "v1.9", "nightly"]
    assert listed(client.get(f"{path}&git_tag=V1", headers=HTMX)) == ["v1.10", "v1.9"]
    whole = client.get(f"{path}&git_tag=nightly", headers=HTMX)
    assert listed(whole) == ["nightly", "v1.10", "v1.9"] and 'aria-selected="true"' in whole.content.decode()
    assert remote.commits[0][:7] in words(whole)
    assert "No Git tag has this in its name." in words(client.get(f"{path}&git_tag=zzz", headers=HTMX))
    for name in ("发布-1.0", "refs/heads/x", "x" * 201):
        git(remote.served, "update-ref", f"refs/tags/{name}", remote.commits[0])
    origins._kept.clear()
    everything = client.get(path, headers=HTMX)
    assert listed(everything) == ["v1.10", "v1.9", "nightly"]
    assert "发布-1.0 cannot be built: Its name has signs" in words(everything)
    api = client.get(f"/api/v1/components/{KEY}/git-tags/?search=发布").json()
    assert api["items"] == [] and [one["name"] for one in api["unfit"]] == ["发布-1.0"]
    unfit = client.get(f"/api/v1/components/{KEY}/git-tags/").json()["unfit"]
    assert [one["name"][:12] for one in unfit] == ["refs/heads/x", "x" * 12, "发布-1.0"]
    assert "more than a name" in unfit[0]["reason"] and "more than 200" in unfit[1]["reason"]
    only = client.get(f"{path}&git_tag=发布", headers=HTMX)
    assert listed(only) == [] and "cannot be built" in words(only) and "No Git tag" not in words(only)
    remote.served.rename(remote.served.with_suffix(".gone"))
    origins._kept.clear()
    assert "note warning" in client.get(path, headers=HTMX).content.decode()


def test_before_creating_one_sees_the_commit_and_its_branches(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    tag(remote, "v1.0", remote.commits[1])
    client = signed_in("dana")
    path = f"/orders/new/before/?component={KEY}&branch=master"
    for named in ("source=git_tag&git_tag=v1.0", f"source=commit&commit={remote.commits[1][:7]}"):
        answer = client.get(f"{path}&{named}", headers=HTMX)
        said = words(answer)
        assert remote.commits[1][:10] in said and "On branch master 2 branches have it" in said
        assert '<option value="feature/ABC-1">' in answer.content.decode()
        assert "the tip of" not in said
    on_other = client.get(f"{path}&source=git_tag&git_tag=v1.0&on_branch=feature/ABC-1", headers=HTMX)
    assert "On branch feature/ABC-1" in words(on_other)
    for named, said in (
        ("source=git_tag&git_tag=v9", "has no Git tag v9"),
        ("source=git_tag&git_tag=refs/tags/v1.0", "cannot be a Git tag here"),
        ("source=commit&commit=abc", "at least 7"),
        (f"source=commit&commit={remote.commits[2]}&on_branch=feature/ABC-1", "is not on branch feature/ABC-1"),
        ("source=git_tag", "Choose a component, and what the order is made from."),
        ("source=nonsense", "Choose a component, and what the order is made from."),
    ):
        assert said in words(client.get(f"{path}&{named}", headers=HTMX)), named


def create(client: Any, **fields: str) -> Any:
    return client.post("/orders/new/", {"project": "", "component": KEY, "branch": "master", **fields})


def test_only_the_chosen_source_counts(world: World, component: Component, remote: Remote, signed_in: SignIn) -> None:
    tag(remote, "v1.0", remote.commits[1])
    client = signed_in("dana")
    create(client, source="git_tag", git_tag="v1.0", commit="never", on_branch="feature/ABC-1")
    tagged = ReleaseOrder.objects.latest("pk")
    assert (tagged.source, tagged.git_tag, tagged.branch) == ("git_tag", "v1.0", "feature/ABC-1")
    create(client, source="commit", git_tag="v9", commit=remote.commits[0][:9])
    assert ReleaseOrder.objects.latest("pk").commit == remote.commits[0]
    create(client, source="branch", git_tag="v9", commit="never")
    plain = ReleaseOrder.objects.latest("pk")
    assert (plain.source, plain.commit) == ("branch", "")


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"source": "git_tag"}, "git_tag", "Write what the order is made from."),
        ({"source": "git_tag", "git_tag": "-x"}, "git_tag", "cannot be a Git tag here"),
        ({"source": "commit", "commit": "main"}, "commit", "at least 7"),
        ({"source": "branch", "branch": ""}, "branch", "Write what the order is made from."),
        ({"source": "git_tag", "git_tag": "v1.0", "on_branch": "nowhere"}, "on_branch", "is not on branch nowhere"),
        ({"source": "else"}, "source", ""),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    world: World, component: Component, remote: Remote, signed_in: SignIn, fields: dict[str, str], field: str, said: str
) -> None:
    tag(remote, "v1.0", remote.commits[1])
    answer = create(signed_in("dana"), **fields)
    assert answer.status_code == 400 and not ReleaseOrder.objects.exists()
    form = answer.context["form"]
    assert set(form.errors) == {field} and said in str(form.errors[field])
    body = answer.content.decode()
    if field in ("git_tag", "commit", "branch"):
        assert re.search(rf'value="{field}" checked', body)
    for name, value in fields.items():
        assert name == "source" or f'value="{value}"' in body


def test_a_repeat_is_of_the_same_source(world: World, component: Component, remote: Remote, signed_in: SignIn) -> None:
    tag(remote, "v1.0", remote.commits[1])
    client = signed_in("dana")
    create(client, source="git_tag", git_tag="v1.0", on_branch="feature/ABC-1")
    create(client, source="commit", commit=remote.commits[0])
    for order in ReleaseOrder.objects.order_by("pk"):
        page = client.get(f"/orders/new/?repeat={order.number}")
        client.post(f"/orders/new/?repeat={order.number}", {"project": "", **page.context["form"].initial})
        again = ReleaseOrder.objects.latest("pk")
        assert again.repeat_of == order
        assert [getattr(again, name) for name in ("source", "git_tag", "branch", "commit")] == [
            getattr(order, name) for name in ("source", "git_tag", "branch", "commit")
        ]
    (call,) = [one for one in calls_of(page.wsgi_request, page.content.decode()) if "/orders/" in str(one)]
    assert f'"commit": "{remote.commits[0]}"' in str(call) and "git_tag" not in str(call)


def test_an_address_presets_a_tag_or_a_commit(component: Component, signed_in: SignIn) -> None:
    client = signed_in("dana")
    form = client.get(f"/orders/new/?component={KEY}&git_tag=v1.0").context["form"]
    assert (form.initial["source"], form.initial["git_tag"]) == ("git_tag", "v1.0")
    assert client.get(f"/orders/new/?component={KEY}&commit=abcdef1").context["form"].chosen_source == "commit"


def test_the_pages_name_the_tag_and_claim_no_tip(
    world: World, component: Component, remote: Remote, signed_in: SignIn
) -> None:
    tag(remote, "v1.0", remote.commits[0])
    client = signed_in("dana")
    create(client, source="git_tag", git_tag="v1.0")
    order = ReleaseOrder.objects.get()
    short = order.commit[:7]
    for path in (f"/orders/{order.number}/", "/orders/", "/orders/?text=v1.0", "/search/?q=v1.0"):
        assert "v1.0 (master)" in words(client.get(path)), path
    said = words(client.get(f"/orders/{order.number}/"))
    assert f"v1.0 (master) @ {short}" in said and "branch's tip" not in said.replace("&#x27;", "'")
    build = words(client.get(f"/orders/{order.number}/build/"))
    assert "Commit (of the order)" in build and "Git tag v1.0" in build and order.commit in build
    tag(remote, "v1.0", remote.commits[2])
    answer = client.get(f"/orders/{order.number}/build/")
    assert f"Git tag v1.0 has moved from commit {short} to {remote.commits[2][:7]}" in words(answer)
    assert 'name="commit"' not in answer.content.decode(), "there is nothing to start"


def test_a_branchs_order_looks_as_before(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana, branch="release/2")
    client = signed_in("dana")
    said = words(client.get(f"/orders/{order.number}/"))
    assert "release/2" in said and "(release/2)" not in said and "Git tag" not in said
    assert "release/2" in words(client.get("/orders/?text=release"))


@pytest.mark.parametrize("who", [("otto", 404), ("tess", 403), ("dana", 200)])
def test_only_who_may_create_asks_git(component: Component, signed_in: SignIn, who: tuple[str, int]) -> None:
    assert signed_in(who[0]).get(f"/orders/new/git-tags/?component={KEY}").status_code == who[1]
