"""The environment of a build's commands: Jenkins' variables and the parameters, of our own only PATH."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .records import Build

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


def build_environment(build: Build, *, url: str, workspace: Path, scratch: Path, home: Path) -> dict[str, str]:
    """Variables of ``sh`` in this build. ``scratch`` is its temporary folder, ``home`` the agent's home."""
    job_url = f"{url}job/{build.job}/"
    own = {
        "BUILD_DISPLAY_NAME": f"#{build.number}",
        "BUILD_ID": str(build.number),
        "BUILD_NUMBER": str(build.number),
        "BUILD_TAG": f"jenkins-{build.job}-{build.number}",
        "BUILD_URL": f"{job_url}{build.number}/",
        "HOME": str(home),
        "JENKINS_URL": url,
        "JOB_BASE_NAME": build.job,
        "JOB_NAME": build.job,
        "JOB_URL": job_url,
        "LANG": "C.UTF-8",
        "NODE_NAME": build.parameters.get("BUILD_NODE") or "built-in",
        "PATH": os.environ.get("PATH", _SEARCH_PATH),
        "TMP": str(scratch),
        "TMPDIR": str(scratch),
        "WORKSPACE": str(workspace),
    }
    return resolve({**build.parameters, **own})
