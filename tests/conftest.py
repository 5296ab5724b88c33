"""What every test shares: its own data directory, and the cast of people."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Before Django reads its settings: tests never touch the data of a running product.
os.environ["PRISM4K_DATA_DIR"] = os.environ.get("PRISM4K_TEST_DATA_DIR") or tempfile.mkdtemp(prefix="prism4k-test-")
os.environ.setdefault("PRISM4K_TEST_APPS", "tests.foundation.probe")
os.environ.setdefault("STATIC_STORAGE", "django.contrib.staticfiles.storage.StaticFilesStorage")
os.environ.setdefault("OUTBOUND_ALLOW", "127.0.0.0/8,http")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
(Path(os.environ["PRISM4K_DATA_DIR"])).mkdir(parents=True, exist_ok=True)

pytest_plugins = ["tests.cast"]
