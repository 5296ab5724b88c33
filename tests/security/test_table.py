"""``docs/security.md`` and the marks of the tests say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.security.marks import ROOT, marked

ROW = re.compile(r"^\| ([a-z-]+) \| (.+) \| ([\d., -]+) \| ((?:`[\w/]+` ?)+)\|$")
PAPER = [
    match.groups()
    for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
    if (match := ROW.match(line))
]


def test_every_row_of_the_table_is_read() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| attack ")]
    assert len(PAPER) == len(rows) >= 25
    assert len({row[0] for row in PAPER}) == len(PAPER)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+([, -]+\d+\.\d+\.\d+)*", row[2]) for row in PAPER)


def test_each_attack_has_its_tests_and_each_mark_its_row() -> None:
    assert {attack: set(re.findall(r"`([\w/]+)`", modules)) for attack, _does, _asvs, modules in PAPER} == marked()


def test_an_attack_without_a_test_and_a_mark_without_a_row_are_seen(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text('import pytest\npytestmark = [pytest.mark.security("new", "old")]\n')
    (tmp_path / "test_two.py").write_text('import pytest\n@pytest.mark.security("old")\ndef test() -> None: ...\n')
    (tmp_path / "test_three.py").write_text("# pytest.mark.security of nothing\n")
    assert marked(tmp_path) == {"new": {"test_one"}, "old": {"test_one", "test_two"}}


def test_no_module_of_a_row_is_left_out_of_every_target() -> None:
    """CI runs marked tests by their folders' own targets; ``make security`` is for people."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^security:.*\n\t.*-m \"([^\"]+)\"", makefile, re.MULTILINE)
    assert recipe and recipe[1] == "security and not e2e and not scale and not controlplane and not jenkinsfile"
    assert "security" not in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"])
def test_readers_are_told_of_the_target(name: str) -> None:
    assert "make security" in (ROOT / name).read_text(encoding="utf-8")
