"""Where the stand-in cluster is known to answer otherwise than Kubernetes; ``make contract`` holds both to it."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from django.conf import settings

from environments.models import Cluster
from foundation.messages import LocalizedName

FILE = settings.BASE_DIR / "sandbox" / "kubernetes" / "differences.csv"


@dataclass(frozen=True)
class Difference:
    """One row: what is otherwise there, and why it is left so."""

    what: LocalizedName
    reason: LocalizedName


def differences() -> list[Difference]:
    """All of them; none where every cluster is a real one."""
    if not Cluster.objects.filter(url__startswith="http://127.0.0.1:").exists():
        return []
    with FILE.open(newline="", encoding="utf-8") as file:
        return [
            Difference(LocalizedName(row["what_zh"], row["what"]), LocalizedName(row["reason_zh"], row["reason"]))
            for row in csv.DictReader(file)
        ]
