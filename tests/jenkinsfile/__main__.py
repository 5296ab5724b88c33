"""``make jenkinsfile``: the shipped job in real Groovy. Without Java it says so, which is a failure for CI only."""

from __future__ import annotations

import os
import sys

from tests.jenkinsfile import groovy


def main() -> int:
    """Look for what it needs, then become pytest."""
    if not groovy.has_java():
        print("There is no java, so the Jenkinsfile was not run. Install it: apt-get install openjdk-17-jre-headless")  # noqa: T201
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
