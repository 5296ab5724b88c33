"""The living first day: who does what to which component, and that nothing waits for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from demo import living, tries, world
from demo.client import Refusal
from demo.living import Day, Living
from demo.repository import git, make_repository
from demo.scenario import Failed, Stage

ENDS_BADLY = ("crash-on-start", "fail-compile")


class FakeCarrier:
    """Notes its acts; ends badly where the branch does."""

    acts: list[tuple[str, str, str]] = []
    refused = ""

    def __init__(self, people: Any, screen: Any, report: Any, said: str) -> None:
        self.component = self.branch = ""
        assert said == living.SAID

    def begin(self, component: str, branch: str) -> str:
        self.component, self.branch = component, branch
        self._note("begin")
        if self.refused and component.endswith(self.refused):
            raise Refusal(409, {"detail": "no"})
        if branch == "fail-compile":
            raise Failed("it does not compile")
        return f"K8S-{component}-{branch}"

    def go_to(self, stage: Stage) -> None:
        self._note(f"go {stage.environment}")
        if self.branch == "crash-on-start":
            raise Failed("it crashes")

    def promote(self, stage: Stage) -> str:
        self._note(f"promote {stage.environment}")
        return stage.promoter

    def review(self, stage: Stage) -> dict[str, Any]:
        self._note(f"review {stage.environment}")
        return {"snapshot": "s"}

    def approve(self, stage: Stage, snapshot: str) -> str:
        self._note(f"approve {stage.environment} {snapshot}")
        return stage.approver

    def deploy(self, stage: Stage, _reached: Any) -> int:
        self._note(f"deploy {stage.environment}")
        return 1

    def _note(self, act: str) -> None:
        self.acts.append((self.component.partition("/")[2].rpartition("-app-")[2], self.branch, act))


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> type[FakeCarrier]:
    class Fresh(FakeCarrier):
        acts: list[tuple[str, str, str]] = []

    monkeypatch.setattr(living, "Carrier", Fresh)
    monkeypatch.setattr(Living, "_many_pods", lambda _self: None)
    return Fresh


def live() -> Day:
    day = Day()
    Living(None, day, Path("nowhere")).live()  # type: ignore[arg-type]
    return day


def test_all_ten_components_deploy_and_something_waits_for_each(carrier: type[FakeCarrier]) -> None:
    day = live()
    assert day.troubles == {}
    assert {component for component, _branch, act in carrier.acts if act == "go fat"} == {
        app.slug.rpartition("-app-")[2] for subsystem in world.SUBSYSTEMS for app in subsystem.apps
    }
    by_component = {name: [act for one, _branch, act in carrier.acts if one == name] for name in ("pos", "mop", "ui")}
    assert by_component["pos"][-3:] == ["promote prd", "review prd", "approve prd s"], "operations deploys"
    assert by_component["mop"][-2:] == ["promote prd", "review prd"], "the release board approves"
    assert by_component["ui"] == ["begin", "go fat", "go uat"], "the tester says"
    assert ("static", living.SLOW_BRANCH, "deploy fat") in carrier.acts
    assert [act for one, branch, act in carrier.acts if branch in ENDS_BADLY and act != "begin"] == ["go fat"]
    assert len(day.orders) == 14 - 1, "one never got an image"


def test_what_one_story_lacks_keeps_no_other(carrier: type[FakeCarrier]) -> None:
    carrier.refused = "-web"
    day = live()
    assert day.troubles == {"web": "no"} and "everywhere" in day.orders and "behind" not in day.orders


def test_a_slow_branch_is_pushed_once_and_again(tmp_path: Path) -> None:
    repository = tmp_path / "static.git"
    make_repository(repository, world.SUBSYSTEMS[1].apps[3])
    for _time in (1, 2):
        living.push_slow_branch(repository)
    read = ["--git-dir", str(repository), "show", f"{living.SLOW_BRANCH}:src/scenario"]
    assert git(read) == "slow 50\n"
    assert git(["--git-dir", str(repository), "log", "--format=%s", "-2", living.SLOW_BRANCH]).splitlines() == [
        "Warm the caches before serving", "Tell the version at /version",
    ]  # fmt: skip


def test_it_begins_when_its_own_product_serves_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(living, "START_SECONDS", 0.2)
    assert living.address_of(tmp_path, 7) == ""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "up.json").write_text(json.dumps({"pid": 8, "url": "http://127.0.0.1:1"}))
    assert living.address_of(tmp_path, 7) == "", "another one's"
    assert living.address_of(tmp_path, 8) == "http://127.0.0.1:1"
    furnished: list[str] = []

    def furnish(url: str, _data: Path) -> Day:
        furnished.append(url)
        return Day({"rolling": "K8S1"}, {"web": "no"})

    monkeypatch.setattr(living, "furnish", furnish)
    monkeypatch.setattr(living, "die_with_parent", lambda *_how: lambda: None)
    assert [living.main(tmp_path, 8), living.main(tmp_path, 8)] == [1, 0]
    assert furnished == ["http://127.0.0.1:1"]


@pytest.mark.django_db
def test_the_card_leads_to_what_the_day_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    before = len(tries.tries())
    (tmp_path / "demo").mkdir()
    (tmp_path / living.DONE).write_text(json.dumps({"orders": {"rolling": "K8S1", "to-approve": "K8S2"}}))
    made = tries.tries()[:2]
    assert [(one.username, one.url) for one in made] == [
        (world.DEVELOPER, "/orders/K8S1/?panel=fat"), (world.APPROVER, "/orders/K8S2/?panel=prd"),
    ]  # fmt: skip
    assert len(tries.tries()) == before + 2
