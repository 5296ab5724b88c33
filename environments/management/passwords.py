"""A password for a command: of a file, of a variable, or typed twice. Never of the command line, which others see."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from django.core.management.base import CommandError


def read_password(file: Path | None, variable: str) -> str:
    """The first line of ``file``, else the variable's value, else what is typed. Raises CommandError for none."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"--password-file {file} cannot be read: {error}") from None
    if given := os.environ.get(variable):
        return given
    if not sys.stdin.isatty():
        raise CommandError(f"Nobody can be asked here: give --password-file, or the password in {variable}.")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Password again: ") != password:
        raise CommandError("The two passwords differ: nothing was changed.")
    return password
