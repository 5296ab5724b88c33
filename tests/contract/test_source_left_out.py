"""Submodules and files of Git LFS: a plain checkout has empty folders and pointers, and the adapter says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from deployer.adapters.git import GitSource, connect
from deployer.adapters.git.left_out import read_tree
from deployer.errors import NotFound, Rejected
from deployer.interfaces import LeftOut, SourceTarget
from tests.components.stand_ins import git, serving

pytestmark = pytest.mark.contract
ELSEWHERE = "1234567890" * 4
Commit = Callable[..., str]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "master")
    (tmp_path / "served").mkdir()
    git(tmp_path, "init", "-q", "--bare", "served/app.git")
    return folder


@pytest.fixture
def commit(work: Path) -> Commit:
    """Files by path, and paths of submodules, as one pushed commit."""

    def make(*submodules: str, **files: str) -> str:
        for path, text in {"readme": "r", **files}.items():
            place = work / path.replace("__", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        git(work, "add", "-A")
        for path in submodules:
            git(work, "update-index", "--add", "--cacheinfo", f"160000,{ELSEWHERE},{path}")
        git(work, "commit", "-q", "-m", "one")
        git(work, "push", "-q", "--force", str(work.parent / "served" / "app.git"), "master")
        return git(work, "rev-parse", "HEAD")

    return make


@pytest.fixture
def source(work: Path, tmp_path: Path) -> Iterator[GitSource]:
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        yield connect(SourceTarget("git:1", f"http://{host}/app.git", str(tmp_path / "mirror")))


def test_nothing_is_left_out_of_plain_files(source: GitSource, commit: Commit) -> None:
    assert source.left_out(commit()) == LeftOut()
    with pytest.raises(NotFound):
        source.left_out(ELSEWHERE)


def test_submodules_anywhere_are_named(source: GitSource, commit: Commit) -> None:
    made = commit(
        "lib", "deep/folder/支付", **{".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = ext::sh -c id'}
    )
    assert source.left_out(made) == LeftOut(("deep/folder/支付", "lib"))


def test_a_file_of_submodules_without_any_is_no_submodule(source: GitSource, commit: Commit) -> None:
    assert source.left_out(commit(**{".gitmodules": '[submodule "gone"]\n\tpath = gone'})) == LeftOut()


@pytest.mark.parametrize(
    ("path", "text", "has_lfs"),
    [
        (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n", True),
        (".gitattributes", "*.txt text\r\n*.bin\tfilter=lfs\r\n", True),
        ("deep__folder__.gitattributes", "*.jar filter=lfs -text", True),
        (".gitattributes", "# *.bin filter=lfs\n", False),
        (".gitattributes", "*.bin filter=lfs2 text\n", False),
        (".gitattributes", "*.bin -filter=lfs text=filter\n", False),
        ("notes.gitattributes", "*.bin filter=lfs\n", False),
        (".gitattributes", "", False),
    ],
)
def test_files_of_lfs_are_told(source: GitSource, commit: Commit, path: str, text: str, has_lfs: bool) -> None:
    assert source.left_out(commit(**{path: text})).has_lfs is has_lfs


def test_a_link_is_no_file_of_attributes(source: GitSource, work: Path, commit: Commit) -> None:
    (work / "target").write_text("*.bin filter=lfs\n")
    (work / ".gitattributes").symlink_to("target")
    assert not source.left_out(commit()).has_lfs


def test_a_huge_file_of_attributes_costs_little(source: GitSource, commit: Commit, tmp_path: Path) -> None:
    made = commit(**{".gitattributes": Random(1).randbytes(6 * 1024**2).hex()})
    with pytest.raises(Rejected, match="larger than the platform allows"):
        source.left_out(made)
    assert sum(path.stat().st_size for path in (tmp_path / "mirror").rglob("*") if path.is_file()) < 1024**2


def test_the_listing_is_read_by_its_bytes() -> None:
    listing = f"160000 commit {ELSEWHERE}\ta\tb\n\x00100644 blob {ELSEWHERE}\t.gitattributes\0".encode()
    assert read_tree(listing) == (("a\tb\n",), (ELSEWHERE,))
    assert read_tree(b"") == ((), ())
