"""The report has the promised shape after every end."""

from __future__ import annotations

import json
from pathlib import Path

from demo.report import People, Reached, Report

DIGEST = "sha256:" + "a" * 64


def test_the_file_has_exactly_the_promised_names(tmp_path: Path) -> None:
    reached = Reached("FAT", "test", "succeeded", "1/1", DIGEST, 6.1, People("dana", [], "dana"))
    report = Report(
        "K8S20261120120000AB", "c" * 40, "host/sis-omm/app:K8S", DIGEST, "dana", ["dana"], 12.3, None, [reached]
    )
    report.write(tmp_path / "demo" / "report.json")
    written = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert list(written) == [
        "order",
        "commit",
        "image",
        "digest",
        "author",
        "built",
        "seconds",
        "error",
        "environments",
    ]
    assert written["error"] is None
    assert written["environments"] == [
        {
            "environment": "FAT",
            "cluster": "test",
            "verdict": "succeeded",
            "ready": "1/1",
            "digest": DIGEST,
            "seconds": 6.1,
            "people": {"promoted": "dana", "approved": [], "deployed": "dana"},
        }
    ]


def test_a_failure_is_written_with_what_was_reached(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    Report(
        order="K8S1",
        environments=[Reached("FAT", "test", "succeeded"), Reached("UAT", "test", "failed")],
        error="镜像拉取失败",
    ).write(path)
    written = json.loads(path.read_text())
    assert written["error"] == "镜像拉取失败"
    assert [one["verdict"] for one in written["environments"]] == ["succeeded", "failed"]
    assert not path.with_suffix(".new").exists()


def test_the_table_lines_up_with_chinese_names() -> None:
    report = Report(
        environments=[
            Reached("FAT", "test", "succeeded", "1/1", DIGEST, 6.1, People("陈磊", [], "陈磊")),
            Reached("PRD", "prod", "succeeded", "4/4", DIGEST, 61.25, People("wang", ["liu", "sun"], "zhao")),
        ]
    )
    lines = report.table().splitlines()
    assert lines[0].split() == ["environment", "cluster", "verdict", "ready", "digest", "who", "seconds"]
    assert "promoted 陈磊, deployed 陈磊" in lines[2]
    assert "promoted wang, approved liu, sun, deployed zhao" in lines[3]
    # The last column begins under its title: four Chinese characters take eight columns.
    assert lines[2].index("6.1") + 4 == lines[3].index("61.2") == lines[0].index("seconds")
