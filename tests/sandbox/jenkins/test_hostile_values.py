"""Parameters that are hostile, missing or too long end a build of the stand-in with a message, and reach nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sandbox.jenkins.parts import TOKEN, BuildSite

pytestmark = pytest.mark.security("build-parameters")

OWN_VARIABLES = """BUILD_DISPLAY_NAME BUILD_ID BUILD_NUMBER BUILD_TAG BUILD_URL HOME JENKINS_NODE_COOKIE JENKINS_URL
    JOB_BASE_NAME JOB_NAME JOB_URL LANG NODE_NAME OLDPWD PATH PWD SHLVL TMP TMPDIR WORKSPACE _"""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"DIR_BUILD_FILE": "../../"}, "The parameter DIR_BUILD_FILE"),
        ({"BUILD_TARGET": "../../.."}, "The parameter BUILD_TARGET"),
        ({"PACKAGE_NAME": "../words.txt"}, "The parameter PACKAGE_NAME"),
        ({"GIT_URL": "--upload-pack=touch /tmp/never"}, "The parameter GIT_URL"),
        ({"GIT_URL": "ext::sh -c 'touch /tmp/never'"}, "The parameter GIT_URL"),
        ({"GIT_COMMIT": "HEAD"}, "The parameter GIT_COMMIT"),
        ({"BRANCH_TO_BUILD": "--all"}, "The parameter BRANCH_TO_BUILD"),
        ({"APP": "Web"}, "The parameter APP"),
        ({"BUILD_CMD": " "}, "The parameter BUILD_CMD"),
        ({"BUILD_NODE": "python || built-in"}, "The parameter BUILD_NODE"),
        ({"DIR_BUILD_FILE": "nowhere"}, "does not exist in the repository"),
        ({"BUILD_CMD": "ln -s / dist", "BUILD_TARGET": "dist/etc", "PACKAGE_NAME": "hostname"}, "out of the workspace"),
    ],
)
def test_hostile_or_missing_value_fails_with_a_message(site: BuildSite, changed: dict[str, str], words: str) -> None:
    detail, _ = site.build(**changed)
    assert detail.result == "FAILURE"
    assert words in site.log(detail.number)


def test_commit_of_another_branch_is_refused(site: BuildSite) -> None:
    detail, _ = site.build(GIT_COMMIT=site.repository.other)
    assert detail.result == "FAILURE"
    assert "is not on branch main" in site.log(detail.number)


def test_command_sees_parameters_and_nothing_of_ours(site: BuildSite) -> None:
    detail, values = site.build(BUILD_CMD="env\nfalse")
    shown = dict(line.split("=", 1) for line in site.log(detail.number).splitlines() if re.match(r"[A-Z_]+=", line))
    assert shown["ORDER_NO"] == values["ORDER_NO"]
    assert shown["BUILD_NUMBER"] == str(detail.number)
    assert TOKEN not in site.log(detail.number)
    assert set(shown) - set(values) <= set(OWN_VARIABLES.split())


def test_link_in_the_repository_is_not_written_through(site: BuildSite, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    detail, _ = site.build(BUILD_CMD=f"mkdir dist; cp words.txt dist/words.pkg; ln -s {outside} Dockerfile")
    assert detail.result == "SUCCESS", site.log(detail.number)
    assert outside.read_text() == "mine"


def test_parameter_too_long_for_an_environment_fails_the_build(site: BuildSite) -> None:
    detail, _ = site.build(BOOTSTART_TEMPLATE="x" * 131_072)
    assert detail.result == "FAILURE"
    assert "Argument list too long" in site.log(detail.number)
