"""A project reads only the repositories that a Git server gives it: at save, at each read, and at the build."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Project
from audit.models import AuditEvent
from components import live_reads, origins
from components.completeness import missing_elements
from components.models import BranchTip, Component, ComponentSettings, GitServer, RepositoryRead
from components.services import create_component, edit_server, start_server_test
from components.targets import git_server_of
from environments.models import Membership
from foundation.clock import PARKED
from foundation.problems import Invalid, Refused
from foundation.runs.driving import drive
from tests.components.conftest import Shop
from tests.components.stand_ins import git, make_repository, serving


@pytest.fixture
def browser(shop: Shop, client: Client) -> Any:
    """``browser("dana")`` is that person's browser."""

    def sign_in(name: str) -> Client:
        client.force_login(getattr(shop.world, name))
        return client

    return sign_in


# ---------------------------------------------------------------- the list of a server
@pytest.fixture
def near(shop: Shop) -> GitServer:
    """A server whose address needs no DNS."""
    row: GitServer = GitServer.objects.create(host="127.0.0.1:3000", name="Near", allow_http=True)
    return row


def test_everything_goes_on_until_somebody_writes_a_list(shop: Shop, near: GitServer) -> None:
    assert near.repositories == "* **"
    assert git_server_of("http://127.0.0.1:3000/any/where.git", shop.world.project) == near
    edit_server(actor=shop.world.ada, server=near, values={"repositories": ""})
    with pytest.raises(Refused):
        git_server_of("http://127.0.0.1:3000/any/where.git", shop.world.project)


def test_a_list_is_tidied_and_audited(shop: Shop, near: GitServer) -> None:
    typed = "  *   base/**  \r\nsis-omm\tsis-omm/app.git\r\n"
    edit_server(actor=shop.world.ada, server=near, values={"repositories": typed})
    near.refresh_from_db()
    assert near.repositories == "* base/**\nsis-omm sis-omm/app"
    event = AuditEvent.objects.filter(verb="edit_git_server").latest("pk")
    assert event.before == {"repositories": "* **"}
    assert event.after == {"repositories": "* base/**\nsis-omm sis-omm/app"}


def test_wrong_lines_change_nothing(shop: Shop, near: GitServer) -> None:
    with pytest.raises(Invalid) as refused:
        edit_server(actor=shop.world.ada, server=near, values={"repositories": "nobody a/b\n* a//b\n* c/d"})
    said = [str(one) for one in refused.value.fields["repositories"]]
    assert [one[:7] for one in said] == ["Line 1:", "Line 2:"]
    near.refresh_from_db()
    assert near.repositories == "* **"


def test_the_page_and_the_api_say_what_an_open_list_means(browser: Any, near: GitServer) -> None:
    url = reverse("components:server", args=["git", near.host])
    address = f"/api/v1/git-servers/{near.host}/"
    for text, words in (
        ("* **", "Every project may read every repository"),
        ("", "No project may read"),
        ("* a/*", ""),
    ):
        GitServer.objects.update(repositories=text)
        shown = browser("ada").get(url)
        assert (words in shown.content.decode()) and bool(shown.context["open_notes"]) is bool(words)
        told = browser("ada").get(address).json()
        assert told["repositories"] == text and [one[: len(words)] for one in told["notes"]] == [words] * bool(words)
    bad = browser("ada").post(url, {"name": "GitLab", "allow_http": "on", "repositories": "nobody a/b"})
    assert bad.status_code == 400 and "Line 1" in str(bad.context["form"].errors["repositories"])


# ---------------------------------------------------------------- who reads
class Theirs:
    """Project A's repository, its branches stored, and a component of project B that names it."""

    def __init__(self, shop: Shop, host: str, served: Path, commits: list[str]) -> None:
        self.shop, self.commits, self.served = shop, commits, served
        self.url = f"http://{host}/proxy-gw.git"
        self.server = GitServer.objects.create(host=host, name="Stand-in", allow_http=True, repositories="* **")
        ComponentSettings.objects.create(component=shop.component, number=1, git_url=self.url)
        other = Project.objects.create(
            organisation=shop.world.organisation, slug="sis-mop", name="移动平台", name_en="Mobile"
        )
        Membership.objects.create(user=shop.world.dave, role="developer", project=other, reason="test")
        self.mine = create_component(actor=shop.world.dave, project=other, name="MINE")
        ComponentSettings.objects.create(component=self.mine, number=1, git_url=self.url)

    def close(self) -> None:
        self.server.repositories = "sis-omm proxy-gw\nsis-mop mop/**"
        self.server.save()


@pytest.fixture
def theirs(shop: Shop, tmp_path: Path, settings: Any) -> Iterator[Theirs]:
    settings.DATA_DIR = tmp_path / "data"
    origins._kept.clear()
    live_reads._left_out.clear()
    _work, commits = make_repository(tmp_path)
    served = tmp_path / "served" / "proxy-gw.git"
    git(served, "tag", "v1.0", "master")
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        yield Theirs(shop, host, served, commits)


def refused_words(theirs: Theirs) -> str:
    return f"Git server {theirs.server.host} gives project sis-mop no such path."


def test_nothing_that_is_kept_by_address_reaches_another_project(theirs: Theirs) -> None:
    """Each answer was asked for before the list, and by the project that it is given to."""
    own, mine = theirs.shop.component, theirs.mine
    for component in (own, mine):
        assert len(live_reads.branches(component).tips) == 2 and len(origins.git_tags(component).tags) == 1
        live_reads.checkout_notes(component, theirs.commits[0])
    theirs.close()
    live_reads.branches(own)
    words = refused_words(theirs)
    for branch_list in (
        live_reads.branches(mine),
        live_reads.branches(mine, max_age_seconds=60),
        live_reads.known_branches(mine),
    ):
        assert (branch_list.tips, branch_list.unfit, branch_list.seen_at, str(branch_list.reason)) == (
            (),
            (),
            None,
            words,
        )
    tags = origins.git_tags(mine)
    assert (tags.tags, str(tags.reason)) == ((), words)
    assert live_reads.checkout_notes(mine, theirs.commits[0]) == []
    between = live_reads.commits_between(mine, theirs.commits[0], theirs.commits[2])
    assert (between.commits, str(between.reason)) == ((), words)
    assert len(live_reads.known_branches(own).tips) == 2 and len(origins.git_tags(own).tags) == 1


@pytest.mark.parametrize("named", [{"branch": "master"}, {"git_tag": "v1.0"}, {"commit": "COMMIT"}])
def test_no_read_answers_another_project(theirs: Theirs, named: dict[str, str]) -> None:
    named = {name: theirs.commits[2][:9] if text == "COMMIT" else text for name, text in named.items()}
    assert origins.find_origin(theirs.mine, **named).commit == theirs.commits[2]
    theirs.close()
    with pytest.raises(Refused) as refusal:
        origins.find_origin(theirs.mine, **named)
    assert (refusal.value.code, str(refusal.value.message)) == ("repository-not-given", refused_words(theirs))
    assert "platform administrator" in str(refusal.value.who_can_help)
    assert origins.find_origin(theirs.shop.component, **named).commit == theirs.commits[2]


def test_the_refusal_is_the_same_whether_there_is_a_repository(theirs: Theirs) -> None:
    theirs.close()
    for path in ("proxy-gw.git", "no-such.git"):
        with pytest.raises(Refused) as refusal:
            git_server_of(f"http://{theirs.server.host}/{path}", theirs.mine.project)
        assert str(refusal.value.message) == refused_words(theirs)


def test_a_component_lacks_what_was_taken_back(theirs: Theirs) -> None:
    def lacking(component: Component) -> list[str]:
        return [str(one.message) for one in missing_elements(component) if one.field == "git_server"]

    assert lacking(theirs.mine) == []
    theirs.close()
    assert lacking(theirs.shop.component) == []
    (said,) = lacking(theirs.mine)
    assert refused_words(theirs)[:-1] in said and "platform administrator" in said


def test_the_settings_page_tells_nothing_of_a_repository_that_is_not_given(theirs: Theirs, browser: Any) -> None:
    BranchTip.objects.create(git_url=theirs.url, branch="secret", commit="a" * 40, seen_at=timezone.now())
    url = reverse("components:edit", args=["sis-mop", "mine"])
    assert browser("dave").get(url).context["last_read"].branches == 1
    theirs.close()
    assert browser("dave").get(url).context["last_read"] is None
    told = browser("dave").get("/api/v1/components/sis-mop/mine/branches/").json()
    assert "secret" not in str(told) and refused_words(theirs) in str(told)


def test_an_administrator_tests_any_repository_of_a_server(theirs: Theirs) -> None:
    theirs.server.repositories = ""
    theirs.server.save()
    run = drive(
        "server-test", start_server_test(actor=theirs.shop.world.ada, server=theirs.server, subject=theirs.url).pk
    )
    assert run.state == "succeeded"


def test_a_push_is_read_for_those_who_may_see_it(theirs: Theirs) -> None:
    theirs.close()
    drive(
        "repository-read", RepositoryRead.objects.create(git_url=theirs.url).pk, until=lambda row: row.next_at >= PARKED
    )
    assert len(live_reads.known_branches(theirs.shop.component).tips) == 2
    assert live_reads.known_branches(theirs.mine).tips == ()
