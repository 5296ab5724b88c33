"""Static files are gathered and compressed when they changed, not at each start (it takes seconds)."""

from __future__ import annotations

import hashlib
from importlib import metadata

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

_PACKAGES = ("django", "djangorestframework", "drf-spectacular-sidecar", "whitenoise")


def collect_when_changed() -> bool:
    """Run collectstatic unless it ran for exactly these files; True when it ran."""
    stamp = settings.STATIC_ROOT / ".collected"
    now = _fingerprint()
    if stamp.is_file() and stamp.read_text() == now:
        return False
    call_command("collectstatic", verbosity=0, interactive=False, clear=settings.STATIC_ROOT.is_dir())
    stamp.write_text(now)
    return True


def _fingerprint() -> str:
    """Names, sizes and times of our own files, versions of the packages that bring the others."""
    found = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    found.append(str(settings.STORAGES["staticfiles"]["BACKEND"]))
    for finder in get_finders():
        for name, storage in finder.list([]):
            path = storage.path(name)
            if path.startswith(str(settings.BASE_DIR)) and "/.venv/" not in path:
                found.append(f"{name} {storage.size(name)} {storage.get_modified_time(name).timestamp()}")
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
