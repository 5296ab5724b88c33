"""Sets the variables that settings are read from, before pytest-django reads them (loaded by ``-p`` in pyproject)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Tests never touch the data of a running product.
os.environ["PRISM4K_DATA_DIR"] = os.environ.get("PRISM4K_TEST_DATA_DIR") or tempfile.mkdtemp(prefix="prism4k-test-")
os.environ.setdefault("PRISM4K_TEST_APPS", "tests.foundation.probe")
os.environ.setdefault("STATIC_STORAGE", "django.contrib.staticfiles.storage.StaticFilesStorage")
os.environ.setdefault("OUTBOUND_ALLOW", "127.0.0.0/8,http")
os.environ.setdefault("LOG_LEVEL", "WARNING")
# Whitenoise warns of a folder that is not there.
(Path(os.environ["PRISM4K_DATA_DIR"]) / "static").mkdir(parents=True, exist_ok=True)
