"""``python -m tests.faults.stepper KIND ID``: one pass over one run in a process that may be killed while at it."""

from __future__ import annotations

import os
import sys

import django

import tests.surroundings  # noqa: F401 (sets the variables that settings read)

os.environ["DJANGO_SETTINGS_MODULE"] = "prism4k.settings"
django.setup()

from foundation.runs import kinds  # noqa: E402
from foundation.runs.claim import claim  # noqa: E402
from foundation.runs.engine import run_step  # noqa: E402
from foundation.runs.identity import owner  # noqa: E402

for lease in claim(kinds.get(sys.argv[1]), owner=owner(), limit=1, pk=int(sys.argv[2]), grace=1e7):
    run_step(lease)
