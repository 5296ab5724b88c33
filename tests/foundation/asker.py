"""A process that makes three runs due as a person's act does, and prints how long that took; then it ends."""

import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
django.setup()

from django.db import transaction  # noqa: E402

from foundation.runs.engine import hinted_at, launch_hint  # noqa: E402
from foundation.runs.wake import publisher  # noqa: E402
from tests.foundation.probe.models import ProbeRun  # noqa: E402

began = time.monotonic()
for _ in range(3):
    with transaction.atomic():
        row = ProbeRun.objects.create(script=["done"], next_at=hinted_at())
        launch_hint("probe", row.pk)
sys.stdout.write(f"{time.monotonic() - began}\n")
sys.stdout.flush()
publisher.flush(float(sys.argv[1]))
