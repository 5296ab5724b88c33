#!/usr/bin/env python
"""Django's command line for Prism4k; ``manage.py up`` serves the whole product."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
    execute_from_command_line(sys.argv)
