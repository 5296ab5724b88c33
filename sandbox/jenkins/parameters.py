"""The form of each parameter, as ``checkParameters`` of ``jenkins_job/Jenkinsfile`` has it (a test compares them)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_FOLDER = r"(?!-)(?!.*\.\.)[A-Za-z0-9._+/-]*"
_TEXT = r"(?s).*\S.*"

NODE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}"
PATTERNS = {
    "TRIGGER_ID": r"[0-9a-fA-F-]{16,64}",
    "PLATFORM_URL": r"https?://[A-Za-z0-9._:\[\]/-]+",
    "GIT_COMMIT": r"[0-9a-f]{40}",
    "GIT_URL": r"""(https?|ssh)://[^\s'"$`\\-][^\s'"$`\\]*""",
    "BRANCH_TO_BUILD": r"(?!-)[A-Za-z0-9._/+@#=,-]{1,200}",
    "DIR_BUILD_FILE": _FOLDER,
    "BUILD_TARGET": _FOLDER,
    "PACKAGE_NAME": r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}",
    "HARBOR_ADDRESS": r"[A-Za-z0-9][A-Za-z0-9.:-]*",
    "SITE": _NAME,
    "APP": _NAME,
    "DEPLOY_VERSION": _TAG,
    "ORDER_NO": _TAG,
    "BUILD_CMD": _TEXT,
    "DOCKERFILE_TEMPLATE": _TEXT,
    "BOOTSTART_TEMPLATE": _TEXT,
}


class BadParameter(Exception):
    """A parameter is missing or has a form that the job does not accept; ``str()`` is the job's sentence."""


def require(parameters: Mapping[str, str], name: str, pattern: str) -> None:
    """One parameter; raises BadParameter."""
    if not re.fullmatch(pattern, parameters.get(name, "")):
        raise BadParameter(f"The parameter {name} is missing or has a form that this job does not accept")


def check(parameters: Mapping[str, str]) -> None:
    """All but BUILD_NODE, which is looked at before a node is asked for; raises BadParameter."""
    for name, pattern in PATTERNS.items():
        require(parameters, name, pattern)
