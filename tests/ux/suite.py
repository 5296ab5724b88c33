"""``python -m tests.ux.suite -n 2``: the tests of this folder on two furnished installations, at the same time.

On one those look side by side that only look; on the other those act, one after the other, that act as a person does,
also on what the scene made. Options go to pytest for the first. Ends with the code of the one that failed.
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
PYTEST = [sys.executable, "-m", "pytest", "-m", "e2e and not controlplane"]


def main() -> int:
    """Both run to their ends, also when one fails."""
    os.environ.pop("UX_SITE", None)
    acting = [str(HERE / f"{name}.py") for name in ACTING]
    looking = [str(path) for path in sorted(HERE.glob("test_*.py")) if str(path) not in acting]
    with tempfile.TemporaryFile() as said:
        actors = subprocess.Popen([*PYTEST, *acting], stdout=said, stderr=subprocess.STDOUT)
        try:
            codes = [_run_looking(looking), actors.wait()]
        finally:
            actors.terminate()
            actors.wait()
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return max(codes)


def _run_looking(paths: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="prism4k-ux-") as folder, furnished(Path(folder)) as site:
        environment = {**os.environ, "UX_SITE": folder}
        code = subprocess.call([*PYTEST, "--dist", "load", *sys.argv[1:], *paths], env=environment)
        sys.stderr.write(site.product.log() if code else "")
    return code


if __name__ == "__main__":
    sys.exit(main())
