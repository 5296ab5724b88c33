"""``python -m tests.ux.pseudo_web FOLDER PORT``: a web process of the product with another catalogue for English."""

from __future__ import annotations

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    """Serves until it is killed."""
    folder, port = sys.argv[1:]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
    # Before the first message is looked up.
    settings.LOCALE_PATHS = [folder]
    django.setup()
    call_command("web", port=int(port))


if __name__ == "__main__":
    main()
