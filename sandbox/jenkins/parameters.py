"""What a build is given: the form of its parameters and the variables of its commands.

The parameters have the form that ``checkParameters`` of ``jenkins_job/Jenkinsfile`` asks for (tests compare them).
The environment of commands has the variables of Jenkins, the parameters, and of this process only PATH.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .store import Build

_MACRO = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_.]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def resolve(values: Mapping[str, str]) -> dict[str, str]:
    """``$NAME`` and ``${NAME}`` of known variables filled in, ``$$`` made ``$``: so does ``EnvVars.resolve``.

    That is why no file is ever written from the environment: a template's ``$APP`` would not survive it.
    """

    def fill(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if name is None:
            return "$"
        return values.get(name, match.group(0))

    return {name: _MACRO.sub(fill, value) for name, value in values.items()}


def build_environment(
    build: Build, *, url: str, node: str, workspace: Path, scratch: Path, home: Path
) -> dict[str, str]:
    """Variables of ``sh`` in this build. ``scratch`` is its temporary folder, ``home`` the agent's home."""
    path = build.job.replace("/", "/job/")
    job_url = f"{url}job/{path}/"
    own = {
        "BUILD_DISPLAY_NAME": f"#{build.number}",
        "BUILD_ID": str(build.number),
        "BUILD_NUMBER": str(build.number),
        "BUILD_TAG": f"jenkins-{build.job.replace('/', '-')}-{build.number}",
        "BUILD_URL": f"{job_url}{build.number}/",
        "HOME": str(home),
        "JENKINS_URL": url,
        "JOB_BASE_NAME": build.job.rpartition("/")[2],
        "JOB_NAME": build.job,
        "JOB_URL": job_url,
        "LANG": "C.UTF-8",
        "NODE_NAME": node,
        "PATH": os.environ.get("PATH", _SEARCH_PATH),
        "TMP": str(scratch),
        "TMPDIR": str(scratch),
        "WORKSPACE": str(workspace),
    }
    return resolve({**build.parameters, **own})


_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_FOLDER = r"(?!(?:.*/)?(?:-|\.\.(?:/|$)))[A-Za-z0-9._+/-]*"
_TEXT = r"(?s)(?!.*\x00).*[^ \t\r\n].*"
_OWN_FILES = r"dockerfile|dockerfile\.(?:docker|container)ignore|bootstart\.sh|image\.json"
_BRANCH = r"(?![-/.@])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[A-Za-z0-9._/+@#=,-]{1,200}(?<![/.])"
_LABEL = r"(?!(?i:built-in|master)$)[A-Za-z0-9][A-Za-z0-9._+-]{0,127}"

NODE_PATTERNS = {"BUILD_NODE": _LABEL, "IMAGE_NODE": f"(?:{_LABEL})?"}
PATTERNS = {
    "TRIGGER_ID": r"[0-9a-fA-F-]{16,64}",
    "PLATFORM_URL": r"(?:https?://[A-Za-z0-9._:\[\]/-]+)?",
    "CLAIM_SECONDS": r"[1-9][0-9]{0,2}",
    "GIT_COMMIT": r"[0-9a-f]{40}",
    "GIT_URL": r"(?:https?|ssh)://(?!-)[A-Za-z0-9._~/:@%+\[\]-]+",
    "BRANCH_TO_BUILD": _BRANCH,
    "DIR_BUILD_FILE": _FOLDER,
    "BUILD_TARGET": _FOLDER,
    "PACKAGE_NAME": rf"(?!(?i:{_OWN_FILES})$)[A-Za-z0-9][A-Za-z0-9._+-]{{0,127}}",
    "HARBOR_ADDRESS": r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?",
    "SITE": _NAME,
    "APP": _NAME,
    "DEPLOY_VERSION": _TAG,
    "ORDER_NO": _TAG,
    "BUILD_CMD": _TEXT,
    "DOCKERFILE_TEMPLATE": _TEXT,
    "BOOTSTART_TEMPLATE": _TEXT,
}


class BadParameter(Exception):
    """A parameter is missing or has a form that the job does not accept; ``str()`` is the job's message."""


def check(parameters: Mapping[str, str], patterns: Mapping[str, str]) -> None:
    """In their order; raises BadParameter for the first that does not fit."""
    for name, pattern in patterns.items():
        if not re.fullmatch(pattern, parameters.get(name, "")):
            raise BadParameter(f"The parameter {name} is missing or has a form that this job does not accept")


def image_name(parameters: Mapping[str, str]) -> str:
    """``registry/site/app:tag``."""
    return "{HARBOR_ADDRESS}/{SITE}/{APP}:{DEPLOY_VERSION}".format_map(parameters)
