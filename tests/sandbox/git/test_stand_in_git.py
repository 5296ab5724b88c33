"""The stand-in Git server with the real git as its client."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.sandbox.jenkins.parts import Repository, git, make_repository, running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def url(repository: Repository) -> Iterator[str]:
    with running("sandbox.git", "--root", str(repository.root)) as served:
        yield served.url


def test_branches_are_listed(url: str, repository: Repository, tmp_path: Path) -> None:
    listed = git(tmp_path, "ls-remote", "--heads", f"{url}/demo.git").splitlines()
    assert listed == [f"{repository.tip}\trefs/heads/main", f"{repository.other}\trefs/heads/other"]


def test_clone_has_the_files(url: str, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", f"{url}/demo.git", "copy")
    assert (tmp_path / "copy" / "app" / "words.txt").read_text() == "second\n"


def test_clone_without_blobs_gets_them_later(url: str, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", f"{url}/demo.git", "copy")
    missing = git(tmp_path / "copy", "rev-list", "--objects", "--missing=print", "main").count("?")
    assert missing > 0
    assert git(tmp_path / "copy", "show", "main:app/words.txt") == "second"


def test_single_commit_can_be_fetched(url: str, repository: Repository, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "fetch", "--quiet", "--depth", "1", f"{url}/demo.git", repository.first)
    assert git(tmp_path, "rev-parse", "FETCH_HEAD") == repository.first


def test_push_is_refused(url: str, repository: Repository, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", f"{url}/demo.git", "copy")
    with pytest.raises(subprocess.CalledProcessError):
        git(tmp_path / "copy", "push", "origin", "HEAD:refs/heads/pushed")
    assert httpx.post(f"{url}/demo.git/git-receive-pack").status_code == 403
    assert "pushed" not in git(repository.root / "demo.git", "branch")


@pytest.mark.parametrize("name", ["absent.git", "..%2f..%2fetc.git", "demo", "demo.git/objects"])
def test_what_is_not_a_repository_is_not_found(url: str, name: str) -> None:
    assert httpx.get(f"{url}/{name}/info/refs?service=git-upload-pack").status_code == 404


def test_files_of_a_repository_are_not_served(url: str) -> None:
    assert httpx.get(f"{url}/demo.git/config").status_code == 404
    assert httpx.get(f"{url}/demo.git/info/refs").status_code == 403


def test_many_clone_at_once(url: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: git(tmp_path, "clone", "--quiet", f"{url}/demo.git", f"c{number}"), range(6)))
    assert all((tmp_path / f"c{number}" / "app" / "words.txt").is_file() for number in range(6))
