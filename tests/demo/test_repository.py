"""The demo's repositories are real: what should build builds, what should fail fails for its own reason."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from demo import world
from demo.repository import commits_of, git, history, make_repository

APP = world.CARRIED[1]
MOP = world.SUBSYSTEMS[0].apps[1]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("git") / "gw.git"
    make_repository(path, APP)
    return path


# Nothing else is inherited: MAKEFLAGS of the make that runs these tests would change what the application's prints.
BUILD_ENVIRONMENT = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}


def build(origin: Path, branch: str, folder: Path, app: world.App = APP) -> subprocess.CompletedProcess[str]:
    git(["clone", "--quiet", "--branch", branch, str(origin), str(folder)])
    return subprocess.run(
        ["make", *app.family.build_command.split()[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        env=BUILD_ENVIRONMENT,
        timeout=60,
    )


@pytest.mark.parametrize("branch", ["master", "feature/limit-check", "feature/fee-classes", "crash-on-start"])
def test_a_good_branch_is_packed_into_one_file_by_its_own_make(origin: Path, tmp_path: Path, branch: str) -> None:
    done = build(origin, branch, tmp_path / "work")
    assert done.returncode == 0, done.stderr
    package = tmp_path / "work" / APP.artifact_directory / APP.package
    with zipfile.ZipFile(package) as packed:
        names = packed.namelist()
        assert ("scenario" in names) is (branch == "crash-on-start")
        if branch == "crash-on-start":
            assert packed.read("scenario").strip() == b"crash"
    assert "desk/server.py" in names
    assert not [name for name in names if "__pycache__" in name]


def test_two_tags_stand_on_master(origin: Path) -> None:
    newest = [commit for commit, _address in commits_of(origin, "master")]
    lines = git(["--git-dir", str(origin), "show-ref", "--tags", "--dereference"]).splitlines()
    assert {line.split("refs/tags/")[1]: line[:40] for line in lines if line.endswith("^{}")} == {
        "v1.0^{}": newest[1],
        "v1.1^{}": newest[0],
    }


def test_every_commit_of_master_builds(origin: Path, tmp_path: Path) -> None:
    commits = [commit for commit, _address in commits_of(origin, "master")]
    assert len(commits) == 4
    for number, commit in enumerate(commits):
        folder = tmp_path / str(number)
        git(["clone", "--quiet", str(origin), str(folder)])
        git(["-C", str(folder), "checkout", "--quiet", commit])
        done = subprocess.run(["make", "package"], cwd=folder, capture_output=True, text=True, env=BUILD_ENVIRONMENT)
        assert done.returncode == 0, f"{commit}: {done.stderr}"


def test_the_broken_branch_fails_with_the_compilers_words(origin: Path, tmp_path: Path) -> None:
    done = build(origin, "fail-compile", tmp_path / "work")
    assert done.returncode != 0
    assert "SyntaxError" in done.stdout + done.stderr
    assert not (tmp_path / "work" / APP.artifact_directory / APP.package).exists()


def test_the_hanging_branch_is_still_at_it(origin: Path, tmp_path: Path) -> None:
    git(["clone", "--quiet", "--branch", "hang", str(origin), str(tmp_path / "work")])
    process = subprocess.Popen(
        ["make", "package"],
        cwd=tmp_path / "work",
        stdout=subprocess.PIPE,
        text=True,
        env=BUILD_ENVIRONMENT,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert "waiting for a licence server" in process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_the_packed_application_answers(origin: Path, tmp_path: Path) -> None:
    assert build(origin, "master", tmp_path / "work").returncode == 0
    package = tmp_path / "work" / APP.artifact_directory / APP.package
    program = (
        "import sys, json; sys.path.insert(0, sys.argv[1]);"
        "from decimal import Decimal; from desk.server import Desk;"
        "print({k: str(v) for k, v in Desk.priced(None, Decimal(sys.argv[2])).items()}['total'])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(package), "1000"], capture_output=True, text=True)
    assert done.stdout.strip() == "1001.50", done.stderr
    refused = subprocess.run([sys.executable, "-c", program, str(package), "2000000"], capture_output=True, text=True)
    assert "beyond the daily limit" in refused.stderr


def test_a_war_is_packed_by_make_too(tmp_path: Path) -> None:
    make_repository(tmp_path / "mop.git", MOP)
    done = build(tmp_path / "mop.git", "master", tmp_path / "work", MOP)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "work" / MOP.artifact_directory / MOP.package) as packed:
        assert {"index.html", "WEB-INF/web.xml", "WEB-INF/classes/desk/quotes.py"} <= set(packed.namelist())


def test_a_repository_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.repository.stream", lambda commits, now: b"nonsense\n")
    with pytest.raises(subprocess.CalledProcessError):
        make_repository(tmp_path / "gw.git", APP)
    assert not (tmp_path / "gw.git").exists()
    monkeypatch.undo()
    make_repository(tmp_path / "gw.git", APP)
    assert len(commits_of(tmp_path / "gw.git", "master")) == 4


def test_branches_have_names_that_jenkins_takes() -> None:
    for commit in history(APP):
        assert commit.branch.isascii()
        assert len(commit.branch) <= 200
