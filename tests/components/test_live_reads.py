"""What a person waits for: the remote's answer within five seconds, or the last one with its age."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components import live_reads
from components.models import BranchTip, ComponentSettings, GitServer
from foundation.problems import Invalid, Refused
from tests.components.conftest import Shop
from tests.components.stand_ins import git, make_repository, serving
from tests.patience import at_most


@dataclass
class Remote:
    """A repository behind the stand-in Git server."""

    work: Path
    served: Path
    commits: list[str]
    url: str


@pytest.fixture
def remote(shop: Shop, tmp_path: Path) -> Iterator[Remote]:
    """The component's repository."""
    work, commits = make_repository(tmp_path)
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        GitServer.objects.create(host=host, name="Stand-in", allow_http=True)
        url = f"http://{host}/proxy-gw.git"
        ComponentSettings.objects.create(component=shop.component, number=1, git_url=url)
        yield Remote(work, tmp_path / "served" / "proxy-gw.git", commits, url)


def test_branches_with_their_tips(shop: Shop, remote: Remote) -> None:
    look = live_reads.branches(shop.component)
    assert not look.is_stale
    assert {tip.name: tip.commit for tip in look.tips} == {
        "feature/ABC-1": remote.commits[1],
        "master": remote.commits[2],
    }
    git(remote.served, "branch", "-D", "feature/ABC-1")
    young = live_reads.branches(shop.component, max_age_seconds=60)
    assert len(young.tips) == 2 and not young.is_stale
    assert [tip.name for tip in live_reads.branches(shop.component).tips] == ["master"]
    assert [row.branch for row in BranchTip.objects.all()] == ["master"]


def test_branches_that_nothing_builds_are_named(shop: Shop, remote: Remote) -> None:
    git(remote.served, "branch", "功能/限额", "master")
    for look in (live_reads.branches(shop.component), live_reads.known_branches(shop.component)):
        assert look.unfit == ("功能/限额",) and "功能/限额" not in {tip.name for tip in look.tips}


def test_the_last_answer_when_the_remote_is_away(shop: Shop, remote: Remote) -> None:
    seen = live_reads.branches(shop.component)
    remote.served.rename(remote.served.with_suffix(".gone"))
    look = live_reads.branches(shop.component)
    assert look.is_stale and "no such repository" in str(look.reason)
    assert (look.tips, look.seen_at) == (seen.tips, seen.seen_at)
    with pytest.raises(Invalid):
        live_reads.resolve(shop.component, "master")


def test_a_branch_by_name(shop: Shop, remote: Remote) -> None:
    assert live_reads.resolve(shop.component, "master").commit == remote.commits[2]
    with pytest.raises(Invalid) as caught:
        live_reads.resolve(shop.component, "nowhere")
    assert "nowhere" in str(caught.value.fields["branch"][0])
    with pytest.raises(Invalid):
        live_reads.resolve(shop.component, "--upload-pack=touch /tmp/x")
    assert live_reads.contains(shop.component, "master", remote.commits[0])
    assert not live_reads.contains(shop.component, "feature/ABC-1", remote.commits[2])


def test_commits_between(shop: Shop, remote: Remote) -> None:
    look = live_reads.commits_between(shop.component, remote.commits[0], remote.commits[2])
    assert [commit.subject for commit in look.commits] == ["change 2", "change 1"]
    gone = live_reads.commits_between(shop.component, "a" * 40, remote.commits[2])
    assert gone.commits == () and str(gone.reason)


def test_a_remote_that_accepts_and_is_silent_costs_five_seconds(shop: Shop) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []
    threading.Thread(target=lambda: held.append(listener.accept()[0]), daemon=True).start()
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    GitServer.objects.create(host=host, name="Silent", allow_http=True)
    url = f"http://{host}/a.git"
    ComponentSettings.objects.create(component=shop.component, number=1, git_url=url)
    begun = time.monotonic()
    try:
        look = live_reads.branches(shop.component)
    finally:
        listener.close()
        for connection in held:
            connection.close()
    assert 4 < time.monotonic() - begun < at_most(8)
    assert look.is_stale and look.tips == () and "5 seconds" in str(look.reason)


def test_hosts_that_nobody_listed_are_not_asked(shop: Shop, remote: Remote) -> None:
    GitServer.objects.update(is_archived=True)
    look = live_reads.branches(shop.component)
    assert "not listed" in str(look.reason)
    with pytest.raises(Refused):
        live_reads.resolve(shop.component, "master")
    ComponentSettings.objects.all().delete()
    assert live_reads.branches(shop.component).is_stale
