"""Nothing of a repository is executed: not its contents, not its settings, not what lies where the product runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.adapters.git import GitSource, connect
from deployer.adapters.git.child import run_git
from deployer.adapters.git.session import check_url, offline_environment, online_environment
from deployer.errors import NotFound, Rejected, Unavailable
from deployer.interfaces import SourceTarget
from tests.components.stand_ins import git, serving

pytestmark = [pytest.mark.security("build-parameters"), pytest.mark.contract]

SETTINGS = """
[core]
    fsmonitor = {touch}
    sshCommand = {touch}
    gitProxy = {touch}
    askPass = {touch}
    pager = {touch}
    hooksPath = {hooks}
    attributesFile = {attributes}
[credential]
    helper = !{touch}
[gpg]
    program = {touch}
[log]
    showSignature = true
[filter "evil"]
    smudge = {touch}
    clean = {touch}
    process = {touch}
    required = true
[filter "lfs"]
    smudge = {touch}
    process = {touch}
[diff]
    external = {touch}
[protocol]
    allow = always
[protocol "ext"]
    allow = always
[alias]
    ls-tree = !{touch}
[url "ext::{touch} "]
    insteadOf = http://
    insteadOf = ssh://
[remote "origin"]
    uploadpack = {touch}
    vcs = ext
"""
HOOKS = (
    "reference-transaction",
    "post-checkout",
    "post-merge",
    "pre-auto-gc",
    "fsmonitor-watchman",
    "post-index-change",
)


@dataclass
class Hostile:
    """A served repository with everything in it that git could be made to run; each of it makes ``mark``."""

    source: GitSource
    base: str
    mark: Path
    old: str
    tip: str
    folder: Path
    mirror: Path


def program(path: Path, mark: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho ran >> {mark}\n")
    path.chmod(0o755)
    return path


def fill(work: Path, mark: Path, settings: str) -> None:
    """Files that mean something to a git that reads them."""
    for hook in HOOKS:
        program(work / "hooks" / hook, mark)
        program(work / ".githooks" / hook, mark)
    (work / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n")
    (work / ".gitconfig").write_text(settings)
    (work / ".lfsconfig").write_text(f"[lfs]\n\turl = ext::{mark}\n")
    (work / ".mailmap").write_text("Somebody <else@example.org> <dana@sis.example>\n")
    (work / ".gitmodules").write_text(
        f'[submodule "a"]\n\tpath = a\n\turl = ext::sh -c "echo ran >> {mark}"\n\tupdate = !echo ran >> {mark}\n'
        f'[submodule "--upload-pack=touch"]\n\tpath = b\n\turl = --upload-pack=touch\n'
    )
    # A bare repository in a folder of the tree, with its own settings.
    for name, text in (("HEAD", "ref: refs/heads/master\n"), ("config", settings), ("objects/x", ""), ("refs/x", "")):
        (work / "inner" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "inner" / name).write_text(text)


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    mark, work = tmp_path / "mark", tmp_path / "work"
    touch = program(tmp_path / "programs" / "touch", mark)
    program(tmp_path / "hooks" / "reference-transaction", mark)
    (tmp_path / "attributes").write_text("* filter=evil\n")
    settings = SETTINGS.format(touch=touch, hooks=tmp_path / "hooks", attributes=tmp_path / "attributes")
    work.mkdir()
    git(work, "init", "-q", "-b", "master")
    fill(work, mark, settings)
    git(work, "add", "-A", ".")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},a")
    git(work, "commit", "-q", "--no-verify", "-m", "one\n\n\x1b[31mred $(id) `id`")
    old = git(work, "rev-parse", "HEAD")
    signed = git(work, "cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n\n", 1
    )
    (work / "signed").write_text(signed.replace("\nauthor", f"\nparent {old}\nauthor", 1) + "\n")
    tip = git(work, "hash-object", "-t", "commit", "-w", "signed")
    git(work, "update-ref", "refs/heads/master", tip)
    git(work, "update-ref", f"refs/heads/--upload-pack={touch}", tip)
    git(tmp_path, "clone", "-q", "--mirror", "work", "served/app.git")
    mark.unlink(missing_ok=True)
    (work / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n" + settings)
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        source = connect(SourceTarget("git:1", f"http://{host}/app.git", str(tmp_path / "mirror")))
        yield Hostile(source, f"http://{host}", mark, old, tip, work, tmp_path / "mirror" / "mirror.git")


def ask_everything(hostile: Hostile) -> None:
    """Every question that the product has."""
    assert "master" in {tip.name for tip in hostile.source.branches()}
    assert f"--upload-pack={hostile.mark.parent}/programs/touch" in {tip.name for tip in hostile.source.heads()}
    assert hostile.source.resolve("master").commit == hostile.tip
    assert hostile.source.contains("master", hostile.old)
    (fact,) = hostile.source.commits_between(hostile.old, hostile.tip)
    assert fact.author == "Dana", "no map of names in the repository is followed"
    left_out = hostile.source.left_out(hostile.tip)
    assert left_out.has_lfs and left_out.submodules == ("a",)


def test_contents_are_data(hostile: Hostile) -> None:
    ask_everything(hostile)
    assert not hostile.mark.exists()
    assert not list(hostile.mirror.glob("hooks/*")), "no hook comes with a repository"


def test_settings_where_the_product_runs_are_not_read(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hostile.folder)
    with suppress(subprocess.CalledProcessError):
        git(hostile.folder, "ls-remote", "ssh://127.0.0.1:1/app.git")
    assert hostile.mark.exists(), "an ordinary git here runs them"
    hostile.mark.unlink()
    ask_everything(hostile)
    with pytest.raises(Unavailable):
        connect(SourceTarget("git:1", "ssh://127.0.0.1:1/app.git", str(hostile.mirror.parent))).branches()
    assert not hostile.mark.exists()


def test_settings_of_the_user_and_of_the_surroundings_are_not_read(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = str(hostile.mark.parent / "programs" / "touch")
    for name in (
        "GIT_SSH_COMMAND",
        "GIT_SSH",
        "GIT_ASKPASS",
        "SSH_ASKPASS",
        "GIT_PROXY_COMMAND",
        "GIT_PAGER",
        "GIT_EDITOR",
    ):
        monkeypatch.setenv(name, touch)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(hostile.folder))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(hostile.folder / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(hostile.folder / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(hostile.folder / "inner"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hostile.folder))
    ask_everything(hostile)
    assert not hostile.mark.exists()


def test_hooks_and_monitors_beside_the_mirror_are_not_started(hostile: Hostile) -> None:
    assert hostile.source.contains("master", hostile.old)
    for hook in HOOKS:
        program(hostile.mirror / "hooks" / hook, hostile.mark)
    with (hostile.mirror / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {hostile.mark.parent}/programs/touch\n")
    git(hostile.mark.parent / "served" / "app.git", "update-ref", "refs/heads/more", hostile.old)
    with pytest.raises(NotFound):
        hostile.source.commits_between("2" * 40, hostile.tip)
    assert git(hostile.mirror, "for-each-ref", "refs/heads/more"), "it has fetched"
    hostile.source.commits_between(hostile.old, hostile.tip)
    assert not hostile.mark.exists()


ADDRESSES = ["ext::sh -c id", "ext::{touch}", "fd::17", "file://{served}", "{served}", "./app.git", "git://127.0.0.1/a",
             "ext://x", "transport::https://host/a", "http::ext::{touch}", "--upload-pack={touch}", "ftp://host/a",
             "ssh://-oProxyCommand={touch}/a", "http+unix://x/a"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_ways_that_run_programs_or_read_the_disk(hostile: Hostile, address: str) -> None:
    """Refused when they are given, and again by git itself, should one ever reach it."""
    shown = address.format(
        touch=hostile.mark.parent / "programs" / "touch", served=hostile.mark.parent / "served/app.git"
    )
    with pytest.raises(Rejected):
        connect(SourceTarget("git:1", shown, str(hostile.mirror.parent)))
    url = check_url(f"{hostile.base}/app.git")
    target = SourceTarget("git:1", url.text, str(hostile.mirror.parent))
    with online_environment(target, url) as online:
        for environment in (online, offline_environment()):
            ended = run_git(["ls-remote", "--heads", "--", shown], environment=environment, seconds=20)
            assert ended.code != 0 and ended.output == b""
    assert not hostile.mark.exists()


def test_environment_of_git_is_a_closed_list() -> None:
    url = check_url("https://127.0.0.1/app.git")
    with online_environment(SourceTarget("git:1", url.text, "/nowhere", "robot", "secret"), url) as environment:
        assert environment["GIT_ALLOW_PROTOCOL"] == "https"
        assert environment["HOME"] == "/nonexistent" and environment["GIT_CONFIG_NOSYSTEM"] == "1"
        assert environment.keys() & os.environ.keys() <= {"PATH", "HOME", "LC_ALL"}
