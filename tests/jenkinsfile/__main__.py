"""``make jenkinsfile``: the shipped job in real Groovy. Without Java it says so, which is a failure for CI only."""

from __future__ import annotations

import os
import shutil
import sys

from tests.jenkinsfile import groovy

NEEDED = {"java": "openjdk-17-jre-headless", "curl": "curl", "git": "git"}
"""Programs and their packages: Groovy runs in the first, the job's shell texts call the others."""


def main() -> int:
    """Look for what it needs, then become pytest."""
    missing = {program: package for program, package in NEEDED.items() if shutil.which(program) is None}
    if missing:
        told = f"There is no {' and no '.join(missing)}, so the Jenkinsfile was not run."
        print(f"{told} Install it: apt-get install {' '.join(missing.values())}")  # noqa: T201
        return 1 if os.environ.get("CI") == "true" else 0
    try:
        groovy.jar()
    except OSError as problem:
        print(f"Groovy {groovy.VERSION} cannot be had, so the Jenkinsfile was not run: {problem}")  # noqa: T201
        return 1
    tests = ["-m", "pytest", "-m", "jenkinsfile", "tests/jenkinsfile"]
    os.execv(sys.executable, [sys.executable, *tests, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
