"""``python -m tests.ux.suite -n 3``: the tests of this folder on one furnished installation.

Those that only look run side by side; afterwards those that act as a person does, one after the other, also on what the
scene made. Options go to pytest. Ends with the number of a run that failed.
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


def main() -> int:
    """Both parts run, also when the first one fails."""
    acting = [str(HERE / f"{name}.py") for name in ACTING]
    looking = [str(path) for path in sorted(HERE.glob("test_*.py")) if str(path) not in acting]
    os.environ.pop("UX_SITE", None)
    with tempfile.TemporaryDirectory(prefix="prism4k-ux-") as folder, furnished(Path(folder)) as site:
        os.environ["UX_SITE"] = folder
        pytest = [sys.executable, "-m", "pytest", "-m", "e2e and not controlplane"]
        codes = [
            subprocess.call([*pytest, "--dist", "load", *sys.argv[1:], *looking]),
            subprocess.call([*pytest, *acting]),
        ]
        sys.stderr.write(site.product.log() if any(codes) else "")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
