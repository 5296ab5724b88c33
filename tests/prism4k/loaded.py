"""The settings module as it reads a given environment, under a name of its own."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from unittest import mock

SETTINGS = Path(__file__).resolve().parents[2] / "prism4k" / "settings.py"


KEYS = ("SECRET_KEY", "ENCRYPTION_KEYS", "AUDIT_KEY")


def load_settings(variables: Mapping[str, str], *, with_keys: bool = True) -> ModuleType:
    """Reads ``prism4k/settings.py`` with these variables and no others but PATH, HOME and the tests' own keys."""
    names = ("PATH", "HOME", *(KEYS if with_keys else ()))
    kept = {name: os.environ[name] for name in names if name in os.environ}
    spec = importlib.util.spec_from_file_location("settings_under_test", SETTINGS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ, {**kept, **variables}, clear=True):
        spec.loader.exec_module(module)
    return module
