"""The Git adapter against a real git over HTTP: Git tags, and commits by their first digits."""

from __future__ import annotations

import re

import pytest

from deployer.adapters.git import GitSource, is_tag_name
from deployer.errors import NotFound, Rejected
from tests.contract.test_source_branches import Repository, git, repository, server, source

__all__ = ["repository", "server", "source"]

pytestmark = pytest.mark.contract


def tag(repository: Repository, name: str, target: str, *, is_annotated: bool = False) -> None:
    git(repository.bare, "tag", "--force", *(["-a", "-m", "words"] if is_annotated else []), name, target)


def test_annotated_and_plain_tags_are_told_with_their_commits(repository: Repository, source: GitSource) -> None:
    assert source.git_tags() == ()
    first = repository.commit("master")
    second = repository.commit("master", first)
    tag(repository, "v1", first)
    tag(repository, "v1.0", second, is_annotated=True)
    tag(repository, "team/of-a-tag", "v1.0", is_annotated=True)
    for name in ("功能", "a$(id)b"):
        git(repository.bare, "update-ref", f"refs/tags/{name}", first)
    assert {"功能", "a$(id)b"} < {one.name for one in source.git_tags()}, "seen, and said to be unfit"
    found = [(one.name, one.commit) for one in source.git_tags() if is_tag_name(one.name)]
    assert found == [("team/of-a-tag", second), ("v1", first), ("v1.0", second)]
    for name, commit in found:
        assert source.find_tag(name).commit == commit


def test_a_tag_is_found_by_its_whole_name_as_it_stands_now(repository: Repository, source: GitSource) -> None:
    first = repository.commit("master")
    tag(repository, "team/v1", first)
    with pytest.raises(NotFound, match="has no Git tag v1"):
        source.find_tag("v1")
    tag(repository, "v1", first)
    second = repository.commit("master", first)
    tag(repository, "v1", second, is_annotated=True)
    assert source.find_tag("v1").commit == second


HOSTILE = ["", "-x", "--upload-pack=touch /tmp/x", "a..b", "refs/tags/v1", "v 1", "v1^{}", "v*", "v1\n", "a~1", "a:b"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_no_tags(source: GitSource, name: str) -> None:
    with pytest.raises(Rejected, match="cannot be a Git tag"):
        source.find_tag(name)


def test_a_commit_is_found_by_its_first_digits_with_its_branches(repository: Repository, source: GitSource) -> None:
    first = repository.commit("master")
    second = repository.commit("release/1", first)
    git(repository.bare, "update-ref", "refs/heads/功能", second)
    assert source.find_commit(first[:7]).branches == ("master", "release/1")
    assert source.find_commit(second).branches == ("release/1",), "not one that nothing builds"
    third = repository.commit("master", first, "pushed since")
    found = source.find_commit(third[:9])
    assert (found.commit, found.branches) == (third, ("master",))


def test_what_is_on_no_branch_is_no_commit_here(repository: Repository, source: GitSource) -> None:
    gone = repository.commit("master", subject="pushed over")
    assert source.find_commit(gone[:7]).commit == gone
    kept = repository.commit("master", subject="instead")
    tag(repository, "only-a-tag", gone)
    tree = git(repository.bare, "rev-parse", f"{kept}^{{tree}}")
    for nowhere in (gone, gone[:8], tree, "0" * 40, "0" * 7):
        with pytest.raises(NotFound, match="on a branch that can be built"):
            source.find_commit(nowhere)


def test_several_that_begin_alike_are_told(
    repository: Repository, source: GitSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven digits alike need many thousands of commits, five a few: so five are taken here."""
    monkeypatch.setattr("deployer.adapters.git.session._BEGINNING", re.compile("[0-9a-f]{5,40}"))
    lines = "".join(f"commit refs/heads/master\ncommitter x <x@y> {number} +0000\ndata 0\n\n" for number in range(4000))
    git(repository.bare, "fast-import", "--quiet", feed=lines)
    by_beginning: dict[str, list[str]] = {}
    for commit in git(repository.bare, "rev-list", "master").split():
        by_beginning.setdefault(commit[:5], []).append(commit)
    beginning, (newer, older) = next((text, found) for text, found in by_beginning.items() if len(found) > 1)
    with pytest.raises(Rejected, match=rf"several commits: .*{newer[:12]}"):
        source.find_commit(beginning)
    git(repository.bare, "update-ref", "refs/heads/master", older)
    assert source.find_commit(beginning).commit == older, "the other one is on no branch any more"


@pytest.mark.parametrize("text", ["", "abc", "HEAD", "--all", "abcdef", "ABCDEF1", "0" * 41, "abcdef1\n", "abcdef1^"])
def test_only_hex_digits_are_asked_for(source: GitSource, text: str) -> None:
    with pytest.raises(Rejected, match="at least 7"):
        source.find_commit(text)
