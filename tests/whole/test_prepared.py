"""Programs that furnish an installation without pytest: pictures, figures, a site to look at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.whole.prepared import ROOT

ASK = "from tests.whole import prepared; place = prepared._place(); assert place.is_dir(); print(place)"


def test_a_program_of_its_own_prepares_in_a_folder_that_goes_with_it() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PRISM4K_DATA_DIR"}
    told = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    place = Path(told.stdout.strip())
    assert place.is_absolute() and not place.exists() and not place.is_relative_to(ROOT)
