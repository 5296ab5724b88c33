"""What a person waits for: the remote's answer within five seconds, or the last one with its age."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import LazySettings

from components import live_reads
from components.models import BranchTip, ComponentSettings, GitServer
from components.targets import git_server_of, source_target
from deployer.adapters.git import is_branch_name, why_unfit
from foundation.problems import Invalid, Refused
from tests.cast import World
from tests.components.conftest import Shop
from tests.components.stand_ins import answering, git, make_repository, serving
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
    branch_list = live_reads.branches(shop.component)
    assert not branch_list.is_stale
    assert {tip.name: tip.commit for tip in branch_list.tips} == {
        "feature/ABC-1": remote.commits[1],
        "master": remote.commits[2],
    }
    git(remote.served, "branch", "-D", "feature/ABC-1")
    young = live_reads.branches(shop.component, max_age_seconds=60)
    assert len(young.tips) == 2 and not young.is_stale
    assert [tip.name for tip in live_reads.branches(shop.component).tips] == ["master"]
    assert [row.branch for row in BranchTip.objects.all()] == ["master"]


def test_branches_tell_who_wrote_their_tips_as_soon_as_that_is_known(shop: Shop, remote: Remote) -> None:
    assert {tip.commit_at for tip in live_reads.branches(shop.component).tips} == {None}
    assert live_reads.contains(shop.component, "master", remote.commits[0])
    young = live_reads.branches(shop.component, max_age_seconds=60)
    assert all(tip.author and tip.commit_at for tip in young.tips), "without another question to the server"
    live_reads.branches(shop.component)
    assert all(row.author and row.commit_at for row in BranchTip.objects.all())
    shutil.rmtree(remote.served)
    away = live_reads.branches(shop.component)
    assert away.is_stale and all(tip.author and tip.commit_at for tip in away.tips)


def test_branches_that_nothing_builds_are_named(shop: Shop, remote: Remote) -> None:
    git(remote.served, "branch", "功能/限额", "master")
    for branch_list in (live_reads.branches(shop.component), live_reads.known_branches(shop.component)):
        assert branch_list.unfit == ("功能/限额",) and "功能/限额" not in {tip.name for tip in branch_list.tips}


def test_a_branch_with_a_long_name_is_no_secret(shop: Shop, remote: Remote) -> None:
    """Longer than its column, and two of them alike where they are cut: told, and nothing fails."""
    long = "/".join(["x" * 99] * 3)
    commit = remote.commits[0]
    (remote.served / "packed-refs").write_text(
        "# pack-refs with: peeled fully-peeled sorted\n"
        + "".join(f"{commit} refs/heads/{name}\n" for name in (f"{long}/a", f"{long}/b", "中" * 60))
    )
    for branch_list in (live_reads.branches(shop.component), live_reads.known_branches(shop.component)):
        assert not branch_list.is_stale and len(branch_list.unfit) == 2
        reasons = {one.name[:1]: str(one.reason) for one in branch_list.unfit_like()}
        assert "more than 200 characters" in reasons["x"] and "中" in reasons["中"]
        assert [one.name[:1] for one in branch_list.unfit_like("中中")] == ["中"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("feature/支付", "支付"), ("a b", ": "), ("$(id)", "$()"), ("it's", "'"), ("x" * 201, "200"),
        ("x" * 199 + "…", "200"), ("-x", "more than a name"), ("a.lock", "more than a name"), ("@", "more than a name"),
    ],
)  # fmt: skip
def test_why_a_branch_is_not_built(name: str, why: str) -> None:
    assert not is_branch_name(name) and why in str(why_unfit(name))


def test_a_page_in_the_place_of_git_leaves_the_last_answer(shop: Shop, remote: Remote) -> None:
    seen = live_reads.branches(shop.component)
    with answering(b"<html>Sign in</html>") as host:
        GitServer.objects.create(host=host, name="Login", allow_http=True)
        url = f"http://{host}/proxy-gw.git"
        ComponentSettings.objects.update(git_url=url)
        BranchTip.objects.update(git_url=url)
        branch_list = live_reads.branches(shop.component)
        assert branch_list.is_stale and "not as a Git server" in str(branch_list.reason)
        assert (branch_list.tips, branch_list.seen_at) == (seen.tips, seen.seen_at)
        with pytest.raises(Refused) as refusal:
            live_reads.resolve(shop.component, "master")
    assert refusal.value.code == "git-away" and BranchTip.objects.count() == 2


@pytest.mark.parametrize(
    ("url", "allowed", "words"),
    [
        (
            "https://10.1.2.3/app.git",
            [],
            "leads to 10.1.2.3, an internal address that is not on the list of allowed networks (OUTBOUND_ALLOW)",
        ),
        ("ssh://git@10.1.2.3/app.git", ["http"], "OUTBOUND_ALLOW"),
        ("git@127.0.0.1:app.git", [], "OUTBOUND_ALLOW"),
        ("http://93.184.216.34/app.git", [], "OUTBOUND_ALLOW does not name http"),
        ("http://10.1.2.3/app.git", ["http"], "leads to 10.1.2.3"),
        ("https://169.254.169.254/app.git", [], "OUTBOUND_ALLOW"),
    ],
)
def test_the_setting_that_forbids_a_host_is_named(
    shop: Shop, settings: LazySettings, url: str, allowed: list[str], words: str
) -> None:
    settings.OUTBOUND_ALLOW = allowed
    ComponentSettings.objects.create(component=shop.component, number=1, git_url=url)
    reason = str(live_reads.branches(shop.component).reason)
    assert "not listed" in reason and words in reason
    with pytest.raises(Refused, match="OUTBOUND_ALLOW"):
        live_reads.resolve(shop.component, "master")


def test_a_host_that_may_be_listed_is_only_not_listed(shop: Shop, settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOW = ["10.0.0.0/8"]
    for host in ("10.1.2.3", "no-such-host.invalid"):
        url = f"https://{host}/app.git"
        ComponentSettings.objects.update_or_create(component=shop.component, number=1, defaults={"git_url": url})
        assert str(live_reads.branches(shop.component).reason) == f"The Git host {host} is not listed."
    with pytest.raises(Refused) as refusal:
        git_server_of(url, shop.world.project)
    assert "OUTBOUND_ALLOW" in str(refusal.value.who_can_help)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://git.example/a/app.git", True),
        ("https://GIT.example:443/a/app.git", True),
        ("https://git.example/b/app.git", False),
        ("https://git.example:8443/a/app.git", False),
        ("http://git.example/a/app.git", False),
        ("ssh://git@git.example/a/app.git", False),
        ("https://other.example/a/app.git", False),
        ("https://git.example/a/app", False),
        ("https://git.example/A/app.git", False),
    ],
)
def test_one_mirror_for_each_full_address(world: World, url: str, same: bool) -> None:
    for host in ("git.example", "git.example:8443", "other.example"):
        GitServer.objects.get_or_create(host=host, name=host, allow_http=True)
    first = source_target("https://git.example/a/app.git", world.project).mirror_dir
    assert (source_target(url, world.project).mirror_dir == first) is same


def test_a_mirrors_name_holds_no_credentials(world: World) -> None:
    server = GitServer.objects.create(host="git.example", name="Git", username="robot", password="hunter2")
    first = source_target("https://git.example/a/app.git", world.project).mirror_dir
    server.username, server.password = "other", "hunter3-of-git"
    server.save()
    assert source_target("https://git.example/a/app.git", world.project).mirror_dir == first
    assert (
        source_target("git@git.example:a.git", world.project).mirror_dir
        == source_target("ssh://me@git.example/a.git", world.project).mirror_dir
    )


def test_the_last_answer_when_the_remote_is_away(shop: Shop, remote: Remote) -> None:
    seen = live_reads.branches(shop.component)
    remote.served.rename(remote.served.with_suffix(".gone"))
    branch_list = live_reads.branches(shop.component)
    assert branch_list.is_stale and "no such repository" in str(branch_list.reason)
    assert (branch_list.tips, branch_list.seen_at) == (seen.tips, seen.seen_at)
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
    branch_list = live_reads.commits_between(shop.component, remote.commits[0], remote.commits[2])
    assert [commit.subject for commit in branch_list.commits] == ["change 2", "change 1"]
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
        branch_list = live_reads.branches(shop.component)
    finally:
        listener.close()
        for connection in held:
            connection.close()
    assert 4 < time.monotonic() - begun < at_most(8)
    assert branch_list.is_stale and branch_list.tips == () and "5 seconds" in str(branch_list.reason)


@pytest.mark.security("requests-to-inner-hosts")
def test_hosts_that_nobody_listed_are_not_asked(shop: Shop, remote: Remote) -> None:
    GitServer.objects.update(is_archived=True)
    branch_list = live_reads.branches(shop.component)
    assert "not listed" in str(branch_list.reason)
    with pytest.raises(Refused):
        live_reads.resolve(shop.component, "master")
    ComponentSettings.objects.all().delete()
    assert live_reads.branches(shop.component).is_stale
