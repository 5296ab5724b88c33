"""A process that claims probe runs until none is left and prints their ids; started by test_claims.py."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
django.setup()

from foundation.runs import kinds  # noqa: E402
from foundation.runs.engine import claim, owner  # noqa: E402

sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
taken: list[int] = []
while leases := claim(kinds.get("probe"), owner=owner(), limit=3):
    taken += [lease.pk for lease in leases]
sys.stdout.write(json.dumps(taken))
