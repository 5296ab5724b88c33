"""The shipped job: config.xml and Jenkinsfile say the same, and keep the rules that a text can be held to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sandbox.jenkins import job_config, parameters
from tests.patience import at_most
from tests.sandbox.jenkins.parts import CONFIG, STAGES

JENKINSFILE = CONFIG.with_name("Jenkinsfile").read_text()
PARAMETERS = [
    "SITE",
    "APP",
    "BRANCH_TO_BUILD",
    "GIT_URL",
    "DIR_BUILD_FILE",
    "BUILD_CMD",
    "BUILD_TARGET",
    "PACKAGE_NAME",
    "DOCKERFILE_TEMPLATE",
    "BOOTSTART_TEMPLATE",
    "HARBOR_ADDRESS",
    "DEPLOY_VERSION",
    "TRIGGER_ID",
    "ORDER_NO",
    "BUILD_NODE",
    "IMAGE_NODE",
    "GIT_COMMIT",
    "PLATFORM_URL",
    "CLAIM_SECONDS",
]


def code_lines() -> str:
    return "\n".join(line for line in JENKINSFILE.splitlines() if not line.lstrip().startswith("//"))


def test_config_declares_exactly_the_parameters() -> None:
    config = job_config.parse(CONFIG.read_text())
    assert [parameter.name for parameter in config.parameters] == PARAMETERS
    texts = {parameter.name for parameter in config.parameters if parameter.kind == "Text"}
    assert texts == {"BUILD_CMD", "DOCKERFILE_TEMPLATE", "BOOTSTART_TEMPLATE"}
    assert all(parameter.trim == (parameter.kind == "String") for parameter in config.parameters)
    assert all(parameter.default == "" for parameter in config.parameters)
    assert config.is_concurrent and not config.is_disabled


def test_config_holds_the_jenkinsfile() -> None:
    root = ElementTree.fromstring(CONFIG.read_text().split("?>", 1)[1])
    assert root.findtext("definition/script") == JENKINSFILE
    assert root.findtext("definition/sandbox") == "true"


@pytest.mark.security("build-parameters")
def test_stand_in_and_jenkinsfile_accept_the_same_values() -> None:
    written = re.findall(r"^ *require\('(\w+)', '((?:\\.|[^'\\])*)'\)$", JENKINSFILE, flags=re.M)
    unescaped = {name: re.sub(r"\\(.)", r"\1", pattern) for name, pattern in written}
    assert unescaped == parameters.PATTERNS | parameters.NODE_PATTERNS
    assert set(unescaped) == set(PARAMETERS)


def test_stages_are_the_five() -> None:
    """In this order by ``make jenkinsfile``, which runs them."""
    assert sorted(re.findall(r"stage\('([^']+)'\)", JENKINSFILE)) == sorted(STAGES)


def test_claim_is_first_and_report_last() -> None:
    body = JENKINSFILE[JENKINSFILE.index("void prepareCode()") :]
    assert body.index("claim()") < body.index("deleteDir()") < body.index("checkout(")
    after_report = JENKINSFILE[JENKINSFILE.index("report(digest)") :].split("\n}\n")[0]
    assert "sh " not in after_report and "stage(" not in after_report


@pytest.mark.security("build-parameters")
def test_no_groovy_value_gets_into_a_shell_text() -> None:
    assert '"""' not in JENKINSFILE
    # Double quotes are the shell's alone: outside single-quoted texts there is none, so no GString either.
    outside = re.sub(r"'''.*?'''|'(?:\\.|[^'\\\n])*'", "", code_lines(), flags=re.S)
    assert '"' not in outside


def test_files_come_from_params_not_from_the_environment() -> None:
    writes = re.findall(r"writeFile file: '([^']+)'[^\n]*text: ([^\n,]+)", JENKINSFILE)
    sources = dict(writes)
    assert sources["Dockerfile"] == "params.DOCKERFILE_TEMPLATE"
    assert sources["bootstart.sh"] == "params.BOOTSTART_TEMPLATE"
    assert sources["build.sh"] == "params.BUILD_CMD"


def test_labels_are_those_the_platform_looks_for() -> None:
    for label in ("io.prism4k.order=$ORDER_NO", "io.prism4k.trigger=$TRIGGER_ID", "org.opencontainers.image.revision="):
        assert f' "{label}' in JENKINSFILE[JENKINSFILE.index("for label in") :]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the job's own script calls curl")
def test_a_claim_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    """The shell text of the job itself, at an address where nobody answers."""
    script = re.search(r"label: 'claim', returnStdout: true, script: '''(.*?)'''", JENKINSFILE, flags=re.S)
    assert script is not None
    (tmp_path / "claim.json").write_text("{}")
    given = {"PATH": os.environ["PATH"], "PLATFORM_URL": "http://127.0.0.1:1", "CLAIM_SECONDS": "2"}
    started = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", script[1]], cwd=tmp_path, env=given, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "000"
    assert 1 < time.monotonic() - started < at_most(6)
