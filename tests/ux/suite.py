"""``python -m tests.ux.suite -n 2``: all tests in a browser, those of tests/e2e and those of this folder.

Three go on at a time: that many keep two cores busy, and with four a page that is live says "delayed". Those of this
folder that act as a person does, also on what the scene made, act one after the other on an installation of their own,
from the beginning. Beside them go the tests of tests/e2e; after those, the ones that only look go side by side on one
furnished installation. Options go to pytest for tests/e2e and for those that look, which are three at a time.
Ends with the code of one that failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.ux.conftest import ACTING
from tests.ux.site import furnished

HERE = Path(__file__).parent
LOOKING = ["--dist", "load", "-n", "3"]
PYTEST = [sys.executable, "-m", "pytest", "-m", "e2e and not controlplane"]


def main() -> int:
    """All run to their ends, also when one fails."""
    os.environ.pop("UX_SITE", None)
    acting = [str(HERE / f"{name}.py") for name in ACTING]
    looking = [str(path) for path in sorted(HERE.glob("test_*.py")) if str(path) not in acting]
    with tempfile.TemporaryFile() as said:
        actors = subprocess.Popen([*PYTEST, *acting], stdout=said, stderr=subprocess.STDOUT)
        try:
            codes = [_run(["--dist", "loadfile"], [str(HERE.parent / "e2e")]), _run_looking(looking), actors.wait()]
        finally:
            actors.terminate()
            actors.wait()
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return max(codes)


def _run_looking(paths: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="prism4k-ux-") as folder, furnished(Path(folder)) as site:
        code = _run(LOOKING, paths, UX_SITE=folder)
        sys.stderr.write(site.product.log() if code else "")
    return code


def _run(options: list[str], paths: list[str], **variables: str) -> int:
    return subprocess.call([*PYTEST, *sys.argv[1:], *options, *paths], env={**os.environ, **variables})


if __name__ == "__main__":
    sys.exit(main())
