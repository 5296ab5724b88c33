"""The lexer behind the stand-in's checkScriptCompile."""

from __future__ import annotations

import pytest

from sandbox.jenkins import groovy
from tests.sandbox.jenkins.parts import CONFIG


@pytest.mark.parametrize(
    "script",
    [
        CONFIG.with_name("Jenkinsfile").read_text(encoding="utf-8"),
        "",
        "x = 4 / 2 / 1 // ( not closed",
        "x = ~/a[b(/; y = \"${m['}']} (\"",
        "a = '''it's\n{ open'''; b = 'it\\'s ('",
        "/* { */ f(['a': { it -> it }])",
    ],
)
def test_a_good_script_has_no_fault(script: str) -> None:
    assert groovy.faults(script) == []


@pytest.mark.parametrize(
    ("script", "line", "column"),
    [
        ("node {\n  sh 'a\n}\n", 2, 6),
        ("a(\n]", 2, 1),
        ("node {\n", 1, 6),
        ("}", 1, 1),
        ("x = '''a\nb", 1, 5),
        ('x = "${a', 1, 7),
        ("\n /* never", 2, 2),
    ],
)
def test_a_fault_has_its_place(script: str, line: int, column: int) -> None:
    (found,) = groovy.faults(script)
    assert (found["line"], found["column"]) == (line, column)


def test_a_script_nested_without_end_is_a_fault_too() -> None:
    assert groovy.faults("(" * 100_000)
