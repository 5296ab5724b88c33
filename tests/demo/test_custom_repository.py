"""Anybody's repository: what must be given with GIT_URL, and what real other sides cannot reach."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demo import custom_repository
from demo.custom_repository import BadRepository, OwnTarget, choose_target, component_name, default_branch
from demo.real_services import is_here, unreachable, without_password
from demo.repository import make_repository
from demo.world import CARRIED

NAMES = ("GIT_URL", "BRANCH", "BUILD_CMD", "BUILD_TARGET", "PACKAGE")


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "PLATFORM_URL"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_repository_the_demos_own_is_carried_from_the_branch_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert choose_target().branch == "master"
    monkeypatch.setenv("BRANCH", "crash-on-start")
    assert choose_target().branch == "crash-on-start"


def test_a_repository_needs_command_and_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_URL", "https://git.example.com/team/app.git")
    with pytest.raises(BadRepository, match="BUILD_CMD and PACKAGE"):
        choose_target()
    monkeypatch.setenv("BUILD_CMD", "make")
    with pytest.raises(BadRepository, match="needs PACKAGE too"):
        choose_target()


def test_a_command_without_a_repository_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKAGE", "app.war")
    with pytest.raises(BadRepository, match="PACKAGE belong to a repository"):
        choose_target()


def test_the_default_branch_is_asked_of_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_repository(tmp_path / "app.git", CARRIED[1])
    for name, value in (("GIT_URL", str(tmp_path / "app.git")), ("BUILD_CMD", "make package"), ("PACKAGE", "app.pyz")):
        monkeypatch.setenv(name, value)
    target = choose_target()
    assert isinstance(target, OwnTarget)
    assert target.branch == "master"
    assert target.directory == "/"


def test_a_dead_address_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(BadRepository, match=r"GIT_URL cannot be read: .*nowhere"):
        default_branch(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/team/my_repo.git", "SIS-OMM-OWN-MY-REPO"),
        ("git@host:team/App.git", "SIS-OMM-OWN-APP"),
        ("git@host:app", "SIS-OMM-OWN-APP"),
        ("/srv/git/支付/", "SIS-OMM-OWN-REPOSITORY"),
        ("https://host/" + "x" * 90, "SIS-OMM-OWN-" + "X" * 40),
    ],
)
def test_a_component_is_named_after_the_repository(url: str, name: str) -> None:
    assert component_name(url) == name
    assert len(name) <= 63


def test_a_folder_is_mirrored_and_follows_its_branches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(custom_repository, "GIT_ROOT", tmp_path / "served")
    source = tmp_path / "app.git"
    make_repository(source, CARRIED[1])
    name = custom_repository.mirror(f"file://{source}")
    assert re.fullmatch(r"own/sis-omm-own-app-[0-9a-f]{12}\.git", name)
    custom_repository.git(["--git-dir", str(source), "branch", "later", "master"])
    custom_repository.mirror(str(source))
    commits_of = custom_repository.commits_of
    assert commits_of(tmp_path / "served" / name, "later") == commits_of(source, "master")


def test_two_folders_whose_last_part_is_the_same_have_a_mirror_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One mirror for both would lose the branches of the first when the second is fetched."""
    monkeypatch.setattr(custom_repository, "GIT_ROOT", tmp_path / "served")
    names = {}
    for team in ("cards", "loans"):
        (tmp_path / team).mkdir()
        make_repository(tmp_path / team / "app.git", CARRIED[1])
        custom_repository.git(["--git-dir", str(tmp_path / team / "app.git"), "branch", f"of-{team}", "master"])
        names[team] = custom_repository.mirror(str(tmp_path / team / "app.git"))
    assert names["cards"] != names["loans"]
    assert names["cards"] == custom_repository.mirror(f"file://{tmp_path}/loans/../cards/app.git")
    for team, name in names.items():
        assert custom_repository.commits_of(tmp_path / "served" / name, f"of-{team}")


def given(**values: str) -> dict[str, str]:
    return {"CLUSTER": "", "JENKINS_URL": "", "REGISTRY": "", **values}


def test_a_jenkins_elsewhere_can_reach_nothing_on_this_machine() -> None:
    said = "\n".join(unreachable(given(JENKINS_URL="https://ci.invalid"), "http://127.0.0.1:8000"))
    assert "cannot call http://127.0.0.1:8000 back" in said
    assert "give GIT_URL" in said
    assert "give REGISTRY" in said
    assert "JENKINS_URL is not answering" in said


def test_a_cluster_elsewhere_cannot_pull_from_this_machine() -> None:
    assert any(
        "give REGISTRY" in message for message in unreachable(given(CLUSTER="/tmp/config"), "http://127.0.0.1:8000")
    )
    assert unreachable(given(), "http://127.0.0.1:8000") == []


def test_a_password_in_an_address_is_not_shown() -> None:
    assert without_password("https://user:secret@ci.example.com/x") == "https://…@ci.example.com/x"
    assert "secret" not in without_password("user:secret@registry.example.com")
    assert without_password("/home/me/.kube/config") == "/home/me/.kube/config"


@pytest.mark.parametrize(
    ("url", "here"),
    [("http://127.0.0.1:1", True), ("http://localhost/x", True), ("/srv/git", True), ("https://10.0.0.1", False)],
)
def test_what_leads_to_this_machine_alone(url: str, here: bool) -> None:
    assert is_here(url) is here
