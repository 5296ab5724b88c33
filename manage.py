#!/usr/bin/env python
"""The command line of Prism4k; ``manage.py up`` serves the whole product."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
    try:
        # Here: what is wrong with a setting is told, wherever it is read first.
        from prism4k.command_line import run

        run(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"It cannot start: {error}")
