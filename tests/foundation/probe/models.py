"""Rows for the engine's tests. No migrations: the test runner makes the tables from the models."""

from django.db import models

from foundation.models import EncryptedTextField, HasSecrets
from foundation.runs.models import Run, run_indexes


class ProbeRun(Run):
    """``script`` is a list of words, one a pass: see steps.py. ``seen`` is what each pass wrote, with its process."""

    script = models.JSONField(default=list)
    seen = models.JSONField(default=list)
    value = models.CharField(max_length=50, blank=True, default="")

    class Meta:
        indexes = [*run_indexes("probe")]


class Vault(HasSecrets):
    """A row with secrets."""

    name = models.CharField(max_length=50)
    token = EncryptedTextField()
    password = EncryptedTextField()
